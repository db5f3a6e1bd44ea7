// One answer for many, with questions that a test answers when it likes.

#include "solana/shared.hpp"

#include <gtest/gtest.h>

#include "kit.hpp"

namespace admitone::solana {
namespace {

using std::chrono::milliseconds;

struct SharedAnswer : testing::Test {
  struct Question {
    Shared<int>::Then then;
    Shared<int>::Otherwise otherwise;
  };
  struct Got {
    std::vector<int> values;
    int troubles = 0;
  };

  void ask(Got& got, std::size_t node = 0, milliseconds left = milliseconds(30'000)) {
    Errand errand;
    errand.node = node;
    errand.deadline = clock.instant + left;
    shared.ask(
        errand,
        [this](Shared<int>::Then then, Shared<int>::Otherwise otherwise) {
          questions.push_back({std::move(then), std::move(otherwise)});
        },
        [&got](int value) { got.values.push_back(value); },
        [&got](const Trouble&) { ++got.troubles; });
  }
  void fail(std::size_t question) { questions.at(question).otherwise({false, "lost", {}}); }

  static Settings two_nodes() {
    Settings settings;
    settings.rpc_urls = {"http://one/", "http://two/"};
    return settings;
  }

  ManualClock clock;
  Shared<int> shared{two_nodes(), clock};
  std::vector<Question> questions;
  Got first;
  Got second;
  Got third;
};

TEST_F(SharedAnswer, IsThatOfOneNode) {
  ask(first, 0);
  ask(second, 1);
  ASSERT_EQ(questions.size(), 2U);
  questions[1].then(2);
  EXPECT_EQ(second.values, std::vector{2});
  EXPECT_TRUE(first.values.empty());
  ask(third, 0);
  questions[0].then(1);
  EXPECT_EQ(first.values, std::vector{1});
  EXPECT_EQ(third.values, std::vector{1});
}

TEST_F(SharedAnswer, IsFreshForAMomentFromWhenItWasAskedFor) {
  ask(first);
  clock.pass(milliseconds(300));
  questions[0].then(1);
  clock.pass(milliseconds(99));
  ask(second);
  EXPECT_EQ(second.values, std::vector{1});
  clock.pass(milliseconds(1));
  ask(third);
  EXPECT_TRUE(third.values.empty());
  EXPECT_EQ(questions.size(), 2U);
}

TEST_F(SharedAnswer, IsNotWaitedForLongByWhoComesLater) {
  ask(first);
  clock.pass(milliseconds(999));
  ask(second);
  EXPECT_EQ(questions.size(), 1U);
  clock.pass(milliseconds(1));
  ask(third);
  ASSERT_EQ(questions.size(), 2U);
  questions[1].then(2);
  for (const auto* each : {&first, &second, &third}) EXPECT_EQ(each->values, std::vector{2});
  questions[0].then(1);  // at last, and nobody waits for it
  EXPECT_EQ(first.values.size(), 1U);
  ask(first);
  EXPECT_EQ(first.values, (std::vector{2, 2})) << "what was asked for later is the newer";
}

TEST_F(SharedAnswer, IsAskedForFourTimesAtOnceAtTheMost) {
  Got got;
  for (int i = 0; i < 10; ++i) {
    ask(got);
    clock.pass(milliseconds(2'000));
  }
  EXPECT_EQ(questions.size(), 4U);
}

TEST_F(SharedAnswer, ThatIsLostIsAskedForOnceMoreByThoseWhoWaited) {
  ask(first);
  ask(second);
  ask(third);
  fail(0);
  EXPECT_EQ(first.troubles, 1);
  EXPECT_EQ(second.troubles + third.troubles, 0);
  ASSERT_EQ(questions.size(), 2U);
  fail(1);
  EXPECT_EQ(second.troubles, 1);
  EXPECT_EQ(third.troubles, 1) << "twice is enough";
  EXPECT_EQ(questions.size(), 2U);
  ask(first);
  questions.at(2).then(3);
  EXPECT_EQ(first.values, std::vector{3});
}

TEST_F(SharedAnswer, ThatIsLostWhileAnotherIsUnderWayIsWaitedForStill) {
  ask(first);
  clock.pass(milliseconds(1'000));
  ask(second);
  ask(third);
  fail(0);
  EXPECT_EQ(questions.size(), 2U);
  questions[1].then(2);
  EXPECT_EQ(first.troubles, 1);
  EXPECT_EQ(second.values, std::vector{2});
  EXPECT_EQ(third.values, std::vector{2});
}

TEST_F(SharedAnswer, IsNotAskedForInTheNameOfWhoHasLittleTime) {
  ask(first, 0, milliseconds(1'000));
  ask(second);
  ASSERT_EQ(questions.size(), 2U);
  fail(0);
  questions[1].then(2);
  EXPECT_EQ(first.troubles, 1);
  EXPECT_EQ(second.values, std::vector{2});
}

}  // namespace
}  // namespace admitone::solana
