#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fixture.hpp"

namespace admitone::saga {
namespace {

// A venue whose answers come from a thread of its own, as a loop's do.
class Loop : public HandServed {
 public:
  void find(const base::TenantId& tenant, const std::string&, const ports::CallTerms&,
            ports::Answered<ports::VenueFacts> answered) override {
    loops_.emplace_back([this, tenant, answered = std::move(answered)] {
      while (!go_) std::this_thread::yield();
      answered(ports::Answer<ports::VenueFacts>::done({"venue", tenant, true, 500, false}));
      ++answers_;
    });
  }
  void go() { go_ = true; }
  void join() {
    for (auto& loop : loops_) loop.join();
  }
  [[nodiscard]] int answers() const { return answers_; }

 private:
  std::atomic<bool> go_ = false;
  std::atomic<int> answers_ = 0;
  std::vector<std::thread> loops_;
};

// What `wake` reaches: gone with the pipeline, right after the runner.
struct Pipeline {
  int woken = 0;
  bool gone = false;
  int woken_when_gone = 0;
};

TEST(SagaWake, NobodyIsWokenAfterTheRunnersEndHoweverLateTheAnswers) {
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    Loop loop;
    Pipeline pipeline;
    {
      Runner runner(
          {},
          {.services = {&loop, &loop},
           .random = [] { return 0U; },
           .wake = [&pipeline] { ++(pipeline.gone ? pipeline.woken_when_gone : pipeline.woken); }});
      for (int i = 0; i < 3; ++i)
        runner.adopt(make_saga(Kind::event_create, i), Runner::From::this_owner, now_at(0s));
      loop.go();
      // Some rounds end before, some amid and some after the answers.
      while (loop.answers() < round % 4) std::this_thread::yield();
    }
    pipeline.gone = true;  // no lock: only the runner's end stands between
    loop.join();
    ASSERT_EQ(pipeline.woken_when_gone, 0);
    ASSERT_LE(pipeline.woken, 3);
  }
}

TEST(SagaWake, AnAnswerThatIsTakenWasAnnounced) {
  Loop loop;
  std::atomic<int> woken = 0;
  Runner runner({}, {.services = {&loop, &loop},
                     .random = [] { return 0U; },
                     .wake =
                         [&woken] {
                           ++woken;
                           woken.notify_one();
                         }});
  runner.adopt(make_saga(), Runner::From::this_owner, now_at(0s));
  loop.go();
  woken.wait(0);
  runner.turn(now_at(1s));
  EXPECT_EQ(runner.due_lanes().size(), 1U);
  loop.join();
}

TEST(SagaWake, AServiceThatIsSwitchedOffWakesNobodyAndIsAskedAgainLater) {
  int woken = 0;
  Runner runner({},
                {.services = {}, .random = [] { return ~0ULL; }, .wake = [&woken] { ++woken; }});
  const auto saga = make_saga();
  runner.adopt(saga, Runner::From::this_owner, now_at(0s));
  EXPECT_EQ(runner.calls(), 0U);
  const auto& step = *find_step(*runner.find(saga.id), StepId::venue_validate);
  EXPECT_EQ(step.tries, 1);
  EXPECT_EQ(step.last_error, "the service is switched off");
  ASSERT_TRUE(runner.next_turn());
  EXPECT_GT(*runner.next_turn(), at(0s));
  runner.turn(now_at(*runner.next_turn() - at(0s)));
  EXPECT_EQ(step.tries, 2);
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace admitone::saga
