// Leaders are asked where logs end by turns, so that those that are away keep nobody from being
// told.

#include "kafka/log_ends.hpp"

#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>
#include <stop_token>
#include <vector>

namespace admitone::kafka {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Milliseconds kAnswer{1};
constexpr Milliseconds kAskedAgain{1'000};  // as the pipeline does
constexpr std::int64_t kEnd = 7;

// Four partitions; the time is what the questions take. Whoever asks wants to know of all of them,
// every second.
class LogEndsTest : public testing::Test {
 protected:
  // Until so many questions were put.
  void run(std::size_t questions) {
    ask_all();
    std::stop_source stop;
    LogEnds::Leaders leaders;
    leaders.watermarks = [&](base::TopicPartition tp) {
      auto found = answer(tp);
      if (questions_.size() >= questions)
        stop.request_stop();
      else if (open_.empty() || now_ >= next_ask_)
        ask_all();
      return found;
    };
    ends_.run(leaders, stop.get_token());
  }
  // Partitions of which the end was told.
  std::vector<std::int32_t> told() {
    std::vector<std::int32_t> out;
    for (const auto& one : ends_.told()) {
      EXPECT_EQ(one.next_offset, kEnd);
      EXPECT_LE(one.asked, now_);
      out.push_back(one.tp.partition);
    }
    return out;
  }

  std::set<std::int32_t> away_;  // whose leaders do not answer
  std::vector<std::int32_t> questions_;
  Wake wake_;
  LogEnds ends_{1'000, 1'000'000, wake_};

 private:
  void ask_all() {
    now_ = std::max(now_, next_ask_);
    next_ask_ = now_ + kAskedAgain;
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      ends_.ask({0, partition}, now_);
      open_.insert(partition);
    }
  }
  base::Result<Watermarks> answer(base::TopicPartition tp) {
    questions_.push_back(tp.partition);
    open_.erase(tp.partition);
    if (!away_.contains(tp.partition)) {
      now_ += kAnswer;
      return Watermarks{0, kEnd};
    }
    now_ += LogEnds::kPatience;
    return base::Error{base::ErrorKind::retry_call, base::Effect::not_applied, "away"};
  }

  base::Instant now_{};
  base::Instant next_ask_{};
  std::set<std::int32_t> open_;
};

TEST_F(LogEndsTest, AreAskedForOneAfterTheOther) {
  run(4);
  EXPECT_THAT(questions_, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(told(), ElementsAre(0, 1, 2, 3));
  EXPECT_TRUE(wake_.wait(Milliseconds(0)));
  EXPECT_THAT(told(), IsEmpty()) << "each is told once";
}

// Three leaders take longer than it takes until all are asked for again.
TEST_F(LogEndsTest, AreToldOfThoseThatAnswerWhileLeadersAreAway) {
  away_ = {0, 1, 2};
  run(8);
  EXPECT_THAT(questions_, ElementsAre(0, 1, 2, 3, 0, 1, 2, 3));
  EXPECT_THAT(told(), ElementsAre(3, 3));
}

TEST_F(LogEndsTest, AreToldOfThoseInFrontOfALeaderThatIsAway) {
  away_ = {1, 2, 3};
  run(8);
  EXPECT_THAT(told(), ElementsAre(0, 0));
}

// Busy lanes always want their fetching to go on: whatever is woken is read, and wants to be woken
// again (librdkafka before 2.2).
class BusyLogEndsTest : public LogEndsTest {
 protected:
  void SetUp() override {
    if (rd_kafka_version() >= 0x02020000) GTEST_SKIP() << "nothing has to be woken";
  }
  // So many questions for either reason; all partitions are as busy as can be.
  void run_busy(std::size_t questions) {
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      keep_busy(partition);
      ends_.ask({0, partition}, {});
    }
    std::stop_source stop;
    const auto count = [&] {
      if (woken_.size() + questions_.size() >= questions) stop.request_stop();
    };
    LogEnds::Leaders leaders;
    leaders.wake = [&](base::TopicPartition tp) {
      woken_.push_back(tp.partition);
      keep_busy(tp.partition);
      count();
    };
    leaders.watermarks = [&](base::TopicPartition tp) {
      questions_.push_back(tp.partition);
      ends_.ask(tp, {});
      count();
      return Watermarks{0, kEnd};
    };
    ends_.run(leaders, stop.get_token());
  }
  void keep_busy(std::int32_t partition) { ends_.taken({0, partition}, 1'000'000); }
  std::vector<std::int32_t> woken_;
};

TEST_F(BusyLogEndsTest, AreAskedForByTurnsWithWhatKeepsFetchingGoing) {
  run_busy(8);
  EXPECT_THAT(woken_, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(questions_, ElementsAre(0, 1, 2, 3));
}

TEST_F(BusyLogEndsTest, OfOneReasonAloneAreNotWaitedFor) {
  keep_busy(2);
  std::stop_source stop;
  LogEnds::Leaders leaders;
  leaders.wake = [&](base::TopicPartition tp) {
    woken_.push_back(tp.partition);
    if (woken_.size() < 3)
      keep_busy(2);
    else
      stop.request_stop();
  };
  ends_.run(leaders, stop.get_token());
  EXPECT_THAT(woken_, ElementsAre(2, 2, 2));
}

TEST_F(LogEndsTest, AreNotAskedForAfterTheStop) {
  run(1);
  EXPECT_THAT(questions_, ElementsAre(0));
  EXPECT_THAT(told(), ElementsAre(0));
}

TEST_F(LogEndsTest, AreForgottenWithTheirPartitions) {
  run(3);
  ends_.forget();
  EXPECT_THAT(told(), IsEmpty());
}

}  // namespace
}  // namespace admitone::kafka
