#include "app/verbs/child.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace admitone::app {
namespace {

// What the children below run: this program, for ever.
TEST(AChild, DISABLED_WaitsForASignal) {
  pause();
}

Child::Options for_ever() {
  Child::Options options;
  options.arguments = {"--gtest_filter=AChild.DISABLED_WaitsForASignal",
                       "--gtest_also_run_disabled_tests"};
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
