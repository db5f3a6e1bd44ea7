// Many events, commands sent more than once, services that fail, owners that die, freeze and hand
// over, little room: everything ends, in order, and nothing outside is left over. By seed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "base/failpoint.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using Wrong = std::vector<std::string>;

struct Tally {
  int deaths = 0;
  int hand_overs = 0;
  int retried = 0;  // by an operator
  std::map<std::string, int> codes;
  std::map<saga::Status, int> ends;
};

// All that a story comes to.
struct Memory {
  std::map<std::pair<base::TenantId, base::SagaId>, ports::Saga> sagas;
  std::vector<std::vector<std::string>> outcomes;  // code and id, by lane
  bool operator==(const Memory&) const = default;
};

class Story {
 public:
  Story(unsigned seed, Tally& tally, std::string mutant = {})
      : random_(seed),
        tally_(tally),
        world_({.venue = true, .chain = seed % 3 == 0}),
        mutant_(std::move(mutant)) {
    auto& options = world_.options;
    options.max_attempts = 100;  // nothing here kills by itself
    options.continuation_rows = 1 + pick(4);
    options.saga_limits.sagas = static_cast<std::size_t>(2 + pick(6));
    options.saga_limits.tenant_sagas = options.saga_limits.sagas;
    options.batch_records = static_cast<std::size_t>(5 + pick(20));
    const auto quiet_after = 20 + pick(60);
    world_.faults.plan = [this, quiet_after](Op op, int call) {
      if (call > quiet_after || pick(3) != 0) return Fault::none;
      constexpr Fault kFaults[] = {Fault::unavailable, Fault::shut, Fault::too_many,
                                   Fault::hang,        Fault::lost, Fault::late};
      if (op == Op::hold && pick(6) == 0) return Fault::refuse;
      return kFaults[pick(std::size(kFaults))];
    };
    for (int i = 0; i < 10; ++i)
      events_.push_back(fmt::format("0d000000-0000-4000-8000-0000000000{:02}", i));
  }

  Wrong tell() {
    for (int i = 0; i < 6; ++i) live(true);
    for (int i = 0; i < 4; ++i) live(false);
    forget_points();
    auto last = world_.start("last");
    bool over = world_.run(*last, 3h, 1s);
    // Who has met too many faults ran out of time. It says so, and an operator has it tried again.
    for (int i = 0; i < 3 && !over && retry_who_needs_it(); ++i) over = world_.run(*last, 3h, 1s);
    auto wrong = over ? Wrong{} : Wrong{"it does not end"};
    world_.turn(*last, 60);
    for (auto& what : world_.wrong()) wrong.push_back(std::move(what));
    check_verdicts(wrong);
    for (const auto& [key, saga] : world_.database.sagas) ++tally_.ends[saga.status];
    for (std::int32_t lane = 0; lane < kPartitions; ++lane)
      for (const auto& code : world_.codes(lane)) ++tally_.codes[code];
    return wrong;
  }
  [[nodiscard]] Memory memory() const {
    Memory out{world_.database.sagas, {}};
    for (std::int32_t lane = 0; lane < kPartitions; ++lane)
      out.outcomes.push_back(story(world_, lane));
    return out;
  }

 private:
  void forget_points() const {
    base::failpoint::clear();
    if (mutant_.empty()) return;
    EXPECT_TRUE(base::failpoint::configure("mutant:" + mutant_));
  }
  int pick(std::size_t below) { return static_cast<int>(random_() % below); }

  void send_some() {
    const auto& event = events_[static_cast<std::size_t>(pick(events_.size()))];
    // Few enough for commands to come again.
    const auto key = [&](const char* kind, std::size_t of) {
      return fmt::format("{}{}-{}", kind, pick(of), event);
    };
    const auto sent = [&]() -> Sent {
      switch (pick(8)) {
        case 0:
        case 1:
          return create_event(event, 5, key("k", 3));
        case 2:
          return move_event(event, 1 + pick(3), 1 + pick(20), key("u", 50));
        case 3:
          return pick(3) == 0 ? cancel_event(event, key("c", 2))
                              : create_event(event, 5, key("k", 1));
        default:
          return hold(event, 1, key("h", 9));
      }
    }();
    world_.send(event, sent);
  }

  // One owner.
  void live(bool busy) {
    forget_points();
    constexpr const char* kPoints[] = {"unit.decided", "unit.committed", "saga.written",
                                       "saga.decided", "saga.began"};
    if (busy || pick(3) == 0) {
      EXPECT_TRUE(base::failpoint::configure(
          fmt::format("{}=throw@{}", kPoints[pick(std::size(kPoints))], 1 + pick(25))));
    }
    auto owner = world_.start(fmt::format("owner-{}", ++lives_));
    try {
      for (int i = 0, turns = 50 + pick(600); i < turns; ++i) {
        if (busy && pick(4) == 0) send_some();
        world_.turn(*owner, 1, std::chrono::milliseconds{20 + pick(400)});
      }
    } catch (const std::exception&) {
      ++tally_.deaths;
      return;
    }
    ++tally_.hand_overs;
    hand_over(*owner);
  }

  bool retry_who_needs_it() {
    bool any = false;
    for (const auto& [key, saga] : world_.database.sagas) {
      if (saga.status != saga::Status::needs_operator) continue;
      EXPECT_THAT(saga.why, ::testing::HasSubstr("out of time"));
      world_.retry(saga, ++tally_.retried);
      any = true;
    }
    return any;
  }

  // In good order, or while it does not know.
  void hand_over(Worker& owner) {
    forget_points();
    if (pick(2) == 0) return owner.source.revoke(World::all_lanes(), false);
    auto next = world_.start(fmt::format("owner-{}", ++lives_));
    for (int i = 0; i < 10; ++i) {
      owner.turn();
      world_.turn(*next, 1);
    }
  }

  // One verdict for each record (law L10); effects of an event in the order of its records (L6).
  void check_verdicts(Wrong& wrong) const {
    for (const auto& [tp, records] : world_.kafka.commands) {
      std::map<ports::EventKey, std::int64_t> last;
      for (std::size_t i = 0; i < records.size(); ++i)
        if (!records[i].marker &&
            world_.database.at({tp.topic, tp.partition, static_cast<std::int64_t>(i)}) == nullptr)
          wrong.push_back(fmt::format("record {}/{} has no verdict", tp.partition, i));
      for (const auto* row : world_.database.outcomes(tp.partition)) {
        const bool effect =
            row->verdict == domain::Verdict::applied || row->verdict == domain::Verdict::parked;
        if (!effect || !row->position || !row->event) continue;
        auto& before = last[{row->key.tenant, *row->event}];
        if (row->position->offset < before)
          wrong.push_back(fmt::format("record {}/{} has its effect after {}", tp.partition,
                                      row->position->offset, before));
        before = row->position->offset;
      }
    }
  }

  std::mt19937 random_;
  Tally& tally_;
  SagaWorld world_;
  std::string mutant_;  // with which all owners live; empty: none
  std::vector<std::string> events_;
  int lives_ = 0;
};

class SagasAtRandom : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  }
  void TearDown() override { base::failpoint::clear(); }
};

TEST_F(SagasAtRandom, EverythingEndsInOrder) {
  Tally tally;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Story story(seed, tally);
    ASSERT_EQ(story.tell(), Wrong{}) << "seed " << seed;
  }
  std::printf("%d deaths, %d hand-overs\n", tally.deaths, tally.hand_overs);
  for (const auto& [code, n] : tally.codes) std::printf("  %s %d\n", code.c_str(), n);
  for (const auto& [status, n] : tally.ends)
    std::printf("  saga %s %d\n", std::string(saga::name_of(status)).c_str(), n);
  EXPECT_GT(tally.deaths, 100);
  EXPECT_LE(tally.retried, 3) << "that is rare";
  EXPECT_GT(tally.codes["EVENT_UPDATED"], 0);
  EXPECT_GT(tally.codes["EVENT_CANCELLED"], 0);
  EXPECT_GT(tally.ends[saga::Status::rejected], 0);
}

Memory memory_of(unsigned seed, const std::string& mutant = {}) {
  Tally tally;
  Story story(seed, tally, mutant);
  story.tell();
  EXPECT_GT(tally.deaths, 0);
  return story.memory();
}

// Law L24, of the whole worker: whoever dies, freezes or is refused meanwhile.
TEST_F(SagasAtRandom, TheSameSeedGivesTheSameSagasAndOutcomes) {
  const auto once = memory_of(3);
  EXPECT_GT(once.sagas.size(), 5U);
  EXPECT_EQ(once, memory_of(3));
}

TEST_F(SagasAtRandom, AHiddenClockIsCaught) {
  EXPECT_NE(memory_of(3, "saga_hidden_clock"), memory_of(3, "saga_hidden_clock"));
}

}  // namespace
}  // namespace admitone::simulation
