// Nobody waits for ever for a server that hangs (audit C12).

#include "postgres/patience.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "support/log_lines.hpp"

namespace admitone::postgres {
namespace {

using namespace std::chrono_literals;

struct ManualClock : ports::Clock {
  base::Timestamp now() const override { return {}; }
  base::Instant steady() const override { return instant; }
  base::Instant instant{1h};
};

class PatienceTest : public testing::Test {
 protected:
  PatienceTest() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()), 0);
    watched_.emplace(&patience_, ends_[0], 5s, "a connection");
  }
  ~PatienceTest() override {
    watched_.reset();
    close(ends_[0]);
    close(ends_[1]);
  }
  // Its other end was told that nothing more comes.
  [[nodiscard]] bool is_shut() const {
    char byte = 0;
    return recv(ends_[1], &byte, 1, MSG_DONTWAIT) == 0;
  }

  ManualClock clock_;
  Patience patience_{clock_};
  std::array<int, 2> ends_{};
  std::optional<Patience::Watched> watched_;
};

TEST_F(PatienceTest, EndsAWaitThatOutlivesItsLimit) {
  const support::LogLines log("postgres");
  const Patience::Wait wait(*watched_);
  clock_.instant += 4999ms;
  patience_.check();
  EXPECT_FALSE(is_shut());
  clock_.instant += 1ms;
  patience_.check();
  EXPECT_TRUE(is_shut());
  EXPECT_THAT(log.text(),
              testing::HasSubstr("a connection: PostgreSQL has not answered for 5000 ms"));
  patience_.check();
  EXPECT_EQ(log.count(), 1);
}

TEST_F(PatienceTest, LeavesAConnectionAloneThatWaitsForNothing) {
  { const Patience::Wait wait(*watched_); }
  clock_.instant += 1h;
  patience_.check();
  EXPECT_FALSE(is_shut());
}

TEST_F(PatienceTest, HasALimitForEachWait) {
  for (int i = 0; i < 3; ++i) {
    const Patience::Wait wait(*watched_);
    clock_.instant += 4s;
    patience_.check();
  }
  EXPECT_FALSE(is_shut());
}

TEST_F(PatienceTest, TouchesNoSocketThatHasTheNumberOfOneThatIsClosed) {
  const Patience::Wait wait(*watched_);
  close(ends_[0]);
  std::array<int, 2> others{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, others.data()), 0);
  ASSERT_EQ(others[0], ends_[0]) << "the lowest free number";
  clock_.instant += 6s;
  patience_.check();
  char byte = 0;
  EXPECT_EQ(recv(others[1], &byte, 1, MSG_DONTWAIT), -1) << "still open";
  EXPECT_TRUE(is_shut());
  close(others[1]);  // (The other one is closed as ends_[0].)
}

TEST_F(PatienceTest, WatchesNothingWhereNobodyDoes) {
  Patience::Watched alone(nullptr, ends_[0], 5s, "alone");
  const Patience::Wait wait(alone);
  clock_.instant += 1h;
  patience_.check();
  EXPECT_FALSE(is_shut());
}

}  // namespace
}  // namespace admitone::postgres
