// Records that a process dies of, or throws on, before or after they have been read (law L9).
#include <gtest/gtest.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "simulation/pipeline/world.hpp"
#include "support/log_lines.hpp"

namespace admitone::simulation {
namespace {

using Codes = std::vector<std::string>;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
constexpr int kMaxAttempts = 3;

class SuspectsTest : public ::testing::Test {
 protected:
  SuspectsTest() { world.options.max_attempts = kMaxAttempts; }
  ~SuspectsTest() override { base::failpoint::clear(); }

  std::unique_ptr<Worker> owner() {
    auto worker = world.worker("owner " + std::to_string(++owners));
    worker->source.assign(World::all_lanes());
    return worker;
  }
  // Good holds around one that is not: (offset 0 is the event itself).
  void send_all(const Sent& suspect) {
    world.send(kEvent, create_event(kEvent, 100, "k1"));
    for (int i = 0; i < 5; ++i) world.send(kEvent, hold(kEvent, 1, "before" + std::to_string(i)));
    at = world.send(kEvent, suspect);
    for (int i = 0; i < 5; ++i) world.send(kEvent, hold(kEvent, 1, "after" + std::to_string(i)));
  }
  // The failpoint throws; where it does, a process would have died. Each owner is gone at that
  // moment, and says nothing: what it has counted by then is all that the next one knows.
  void let_owners_die(int most = 20) {
    while (owners < most) {
      auto dying = owner();
      const auto before = progress().alone_attempts;
      for (int i = 0; i < 60 && progress().alone_attempts <= before; ++i) world.turn(*dying, 1);
      if (progress().alone_attempts <= before) return;
    }
  }
  // Whoever reads the suspect dies of it there and then, whatever it was read for; how many did.
  int deaths_by_reading() {
    const support::LogLines log("pipeline");
    const auto reads = [&] {
      const auto text = log.text();
      int found = 0;
      for (std::size_t from = 0;
           (from = text.find("record cannot be read", from)) != std::string::npos; ++from)
        ++found;
      return found;
    };
    while (owners < 20) {
      const auto before = reads();
      auto dying = owner();
      dying->store.before_commit = [&] {
        return reads() > before ? FakeStore::Fault::lost_before : FakeStore::Fault::none;
      };
      for (int i = 0; i < 60 && reads() == before; ++i) world.turn(*dying, 1);
      if (reads() == before) break;
    }
    return reads();
  }
  const Progress& progress() { return world.database.progress[{0, lane}]; }
  std::string letter_header(const std::string& name) {
    const auto& headers = world.kafka.dead_letters.at(0).headers;
    const auto found = std::ranges::find(headers, name, &base::Header::name);
    return found == headers.end() ? "" : found->value;
  }
  // The event, and the ten good holds.
  void expect_neighbours_and(const Codes& more, int attempts = kMaxAttempts) {
    auto codes = world.codes(lane);
    Codes expected(10, "RESERVATION_HELD");
    expected.push_back("EVENT_CREATED");
    expected.insert(expected.end(), more.begin(), more.end());
    std::ranges::sort(codes);
    std::ranges::sort(expected);
    EXPECT_EQ(codes, expected);
    EXPECT_EQ(world.kafka.positions.at({0, lane}), 12);
    ASSERT_EQ(world.kafka.dead_letters.size(), 1U);
    EXPECT_EQ(letter_header("admitone-dlq-code"), "PROCESSING_FAILED");
    EXPECT_EQ(letter_header("admitone-dlq-attempts"), std::to_string(attempts));
    EXPECT_EQ(letter_header("admitone-dlq-offset"), std::to_string(at.offset));
  }

  static Sent unreadable() {
    auto suspect = hold(kEvent, 1, "suspect");
    suspect.data.insert(1, R"("x":"crash-the-decoder",)");
    return suspect;
  }

  World world;
  std::int32_t lane = world.lane_of(kEvent);
  base::Position at;
  int owners = 0;
};

TEST_F(SuspectsTest, WhatTheDecoderThrowsOnIsSetAsideByTheOwnerThatMeetsIt) {
  ASSERT_TRUE(base::failpoint::configure("decode.crash=throw@0"));
  send_all(unreadable());
  auto one = owner();
  world.turn(*one, 120);
  expect_neighbours_and({});
  EXPECT_EQ(one->engine.lanes().at(static_cast<std::size_t>(lane)).state,
            pipeline::LaneState::active);
}

TEST_F(SuspectsTest, AnAttemptIsCountedBeforeTheRecordIsRead) {
  ASSERT_TRUE(base::failpoint::configure("decode.crash=throw@0"));
  send_all(unreadable());
  let_owners_die();
  EXPECT_EQ(owners, kMaxAttempts + 1) << "the last one does not read it";
  auto next = owner();
  world.turn(*next, 120);
  expect_neighbours_and({});
  EXPECT_EQ(world.database.at(at)->verdict, domain::Verdict::dead);
}

TEST_F(SuspectsTest, WhatWasReadByThoseWhoDiedIsAnswered) {
  ASSERT_TRUE(base::failpoint::configure("decide.crash=throw@0"));
  send_all(hold(kEvent, 1, "crash-me-1"));
  let_owners_die();
  auto next = owner();
  world.turn(*next, 120);
  expect_neighbours_and({"PROCESSING_FAILED"});
}

// It stands in the second batch, which is read while the first is written.
TEST_F(SuspectsTest, WhatIsReadAheadIsSuspectToo) {
  world.options.batch_records = 4;
  ASSERT_TRUE(base::failpoint::configure("decode.crash=throw@0"));
  send_all(unreadable());
  EXPECT_EQ(deaths_by_reading(), 1 + kMaxAttempts);
  expect_neighbours_and({});
}

TEST_F(SuspectsTest, SuspicionOfOneBatchIsCaught) {
  world.options.batch_records = 4;
  ASSERT_TRUE(base::failpoint::configure("decode.crash=throw@0;mutant:suspicion_of_one_batch"));
  send_all(unreadable());
  EXPECT_GT(deaths_by_reading(), 1 + kMaxAttempts);
}

// The first came past its decoding. Those that have a new build, or less memory, do not.
TEST_F(SuspectsTest, WhatWasReadOnceAndKillsWhoReadsItNowIsGivenUpUnread) {
  ASSERT_TRUE(base::failpoint::configure("decide.crash=throw@0"));
  auto suspect = hold(kEvent, 1, "crash-me-1");
  suspect.data.replace(suspect.data.find("cust-1"), 6, "crash-the-decoder");
  send_all(suspect);
  while (!progress().alone_read && owners < 20) let_owners_die(owners + 1);
  base::failpoint::clear();
  ASSERT_TRUE(base::failpoint::configure("decode.crash=throw@0"));
  let_owners_die();
  EXPECT_LT(owners, 20) << "they end";
  auto next = owner();
  world.turn(*next, 120);
  expect_neighbours_and({}, 2 * kMaxAttempts);
}

// A database that does not commit, until the lane goes to somebody else: nobody died of the record.
TEST_F(SuspectsTest, AnAttemptThatWasPutOffIsGivenBackWithTheLane) {
  world.send(kEvent, create_event(kEvent, 100, "k1"));
  const base::TopicPartition tp{0, lane};
  for (const bool lost : {false, true}) {
    world.database.progress[tp].tries = 5;
    auto one = world.worker("one");
    one->store.before_commit = [] { return FakeStore::Fault::lost_before; };
    one->source.assign({tp});
    world.turn(*one, 60);
    ASSERT_EQ(progress().alone_attempts, 1);
    one->source.revoke({tp}, lost);
    one->engine.step();
    EXPECT_EQ(progress().alone_attempts, lost ? 1 : 0);
  }
}

TEST_F(SuspectsTest, WhatCannotBeNotedIsTriedAgainAndNotDecided) {
  ASSERT_TRUE(base::failpoint::configure("decide.crash=throw@0"));
  send_all(hold(kEvent, 1, "crash-me-1"));
  auto one = owner();
  one->store.lose_notes = 3;
  world.turn(*one, 200);
  EXPECT_LT(one->store.lose_notes, 0);
  expect_neighbours_and({"PROCESSING_FAILED"});
}

}  // namespace
}  // namespace admitone::simulation
