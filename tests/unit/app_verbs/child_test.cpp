#include "app/verbs/child.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

namespace admitone::app {
namespace {

constexpr std::string_view kWaits = "--wait-for-a-signal";

// What the children below run: this program, stopped before its tests begin.
const bool kIsWaitingChild = [] {
  std::ifstream in("/proc/self/cmdline");
  const std::string line(std::istreambuf_iterator<char>(in), {});
  if (line.find(kWaits) == std::string::npos) return false;
  pause();
  return true;
}();

Child::Options for_ever() {
  EXPECT_FALSE(kIsWaitingChild);
  Child::Options options;
  options.arguments = {std::string(kWaits)};
  options.output = "/dev/null";
  return options;
}

TEST(AChild, EndsWithItsExitCodeAndItsOutputInTheFile) {
  const auto path =
      std::filesystem::temp_directory_path() / ("admitone-child-test-" + std::to_string(getpid()));
  Child::Options options;
  options.arguments = {"--gtest_list_tests"};
  options.output = path.string();
  auto child = Child::start(options);
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(child->wait(std::chrono::seconds{30}), 0);
  std::ifstream in(path);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  EXPECT_NE(text.find("AChild."), std::string::npos);
  std::filesystem::remove(path);
}

TEST(AChild, ThatWasKilledEndsWithTheSignalsNumber) {
  auto child = Child::start(for_ever());
  ASSERT_TRUE(child.ok());
  EXPECT_EQ(child->poll(), std::nullopt);
  child->signal(SIGKILL);
  EXPECT_EQ(child->wait(std::chrono::seconds{30}), 128 + SIGKILL);
}

TEST(AChild, DoesNotOutliveItsOwner) {
  pid_t pid = -1;
  {
    auto child = Child::start(for_ever());
    ASSERT_TRUE(child.ok());
    pid = child->pid();
    ASSERT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace admitone::app
