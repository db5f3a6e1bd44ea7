#include "app/deadline.hpp"

#include <gtest/gtest.h>

#include <future>

namespace admitone::app {
namespace {

using std::chrono::milliseconds;

TEST(Deadline, EndsWhatHasNotEnded) {
  std::promise<std::string> said;
  Deadline deadline([&](const std::string& line) { said.set_value(line); });
  deadline.arm(milliseconds{1}, "too late");
  auto line = said.get_future();
  ASSERT_EQ(line.wait_for(std::chrono::seconds{30}), std::future_status::ready);
  EXPECT_EQ(line.get(), "too late");
}

TEST(Deadline, SaysNothingWhenOnlyCleaningUpIsLeft) {
  std::promise<std::string> said;
  Deadline deadline([&](const std::string& line) { said.set_value(line); });
  deadline.done();
  deadline.arm(milliseconds{1}, "too late");
  EXPECT_EQ(said.get_future().get(), "");
}

TEST(Deadline, IsDisarmedByItsEnd) {
  bool ended = false;
  {
    Deadline deadline([&](const std::string&) { ended = true; });
    deadline.arm(std::chrono::hours{1}, "too late");
    deadline.arm(milliseconds{0}, "a second call counts for nothing");
  }
  EXPECT_FALSE(ended);
}

}  // namespace
}  // namespace admitone::app
