// The consumer against a real broker: nothing before start, then every record once and in order,
// through pauses, restarts and rebalances; and what it says when it cannot go on.

#include <librdkafka/rdkafka.h>

#include <random>

#include "integration/kafka/dying.hpp"
#include "integration/kafka/kit.hpp"

namespace admitone::kafka::test {
namespace {

class ConsumerTest : public KafkaTest {
 protected:
  // One member that owns the only partition.
  void join(int commands) {
    make_topics(1);
    send_commands(0, commands);
    source = consumer();
    ASSERT_TRUE(source->subscribe(memory));
    ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.owned.size() == 1; }));
  }
  void TearDown() override {
    if (source) source->close(5s);
    source.reset();
    KafkaTest::TearDown();
  }
  Memory::Seen& seen() { return memory.seen[{1, 0}]; }

  Memory memory;
  std::unique_ptr<Consumer> source;
};

void expect_run(const std::vector<std::int64_t>& offsets, std::int64_t first, std::size_t count) {
  ASSERT_EQ(offsets.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(offsets[i], first + static_cast<std::int64_t>(i));
  }
}

TEST_F(ConsumerTest, GivesNothingBeforeStartAndThenExactlyFromThere) {
  join(100);
  const auto& assigned = memory.owned.begin()->second;
  EXPECT_EQ(assigned.committed, std::nullopt);
  EXPECT_EQ(assigned.low, 0);
  EXPECT_EQ(assigned.high, 100);
  source->poll(300ms);
  EXPECT_EQ(memory.records, 0U);

  source->start({1, 0}, 42);
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen().caught_up == 100; }));
  EXPECT_EQ(seen().starts, (std::vector<std::int64_t>{42}));
  expect_run(seen().offsets, 42, 58);
  EXPECT_EQ(seen().values.front(), "42");
  EXPECT_NE(memory.last.front().timestamp, base::Timestamp{});
}

TEST_F(ConsumerTest, StartsWhereTheLogBeginsAfterRetention) {
  make_topics(1);
  send_commands(0, 50);
  ASSERT_TRUE(admin->delete_records({topic("commands"), 0}, 30, kLimit));
  source = consumer();
  memory.on_assigned = [&](const auto& one) { source->start(one.tp, one.low); };
  ASSERT_TRUE(source->subscribe(memory));
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen().caught_up == 50; }));
  expect_run(seen().offsets, 30, 20);
  EXPECT_EQ(memory.fatal_text, "");
}

TEST_F(ConsumerTest, CallsFromOtherThreadsWakeThePollThread) {
  join(10);
  std::thread other([this] { source->start({1, 0}, 0); });
  const auto begun = clock.steady();
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.records == 10; }));
  EXPECT_LT(clock.steady() - begun, 5s);
  other.join();
}

TEST_F(ConsumerTest, AQueueThatWasFullIsFilledAgainBeforeItIsEmpty) {
  make_topics(1);
  constexpr int kBatch = 200;
  constexpr int kBatches = 30;
  for (int i = 0; i < kBatches; ++i) send_commands(0, kBatch, i * kBatch);
  auto settings = consumer_settings();
  settings.queue_records = kBatch / 2;
  settings.partition_fetch_kbytes = 1;  // one batch at a time
  source = consumer(settings);
  const std::jthread fetching([this](const std::stop_token& stop) { source->keep_fetching(stop); });
  memory.on_assigned = [&](const auto& one) { source->start(one.tp, 0); };
  ASSERT_TRUE(source->subscribe(memory));
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.records > 0; }));
  // Left alone, librdkafka 2.0.2 fetches one batch a second here.
  const auto half = std::chrono::seconds(kBatches / 2);
  EXPECT_TRUE(poll_until(
      {source.get()}, [&] { return seen().caught_up == kBatch * kBatches; }, half));
  expect_run(seen().offsets, 0, kBatch * kBatches);
}

TEST_F(ConsumerTest, APausedPartitionGivesNothingAndLosesNothing) {
  join(5'000);
  memory.on_record = [&](const base::Record& record) {
    if (record.position.offset == 100) source->pause({1, 0});
  };
  source->start({1, 0}, 0);
  source->poll(500ms);
  const auto before = memory.records;
  EXPECT_GT(before, 100U);
  EXPECT_LT(before, 1'000U) << "what was in flight is one slice at most";
  source->poll(300ms);
  EXPECT_EQ(memory.records, before);
  source->resume({1, 0});
  source->resume({1, 0});
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.records == 5'000; }));
  expect_run(seen().offsets, 0, 5'000);
}

TEST_F(ConsumerTest, StartingAgainGoesBackExactly) {
  join(20'000);
  // After each start, records run from there without gap or repeat.
  std::size_t starts = 0;
  std::int64_t expected = 0;
  int wrong = 0;
  memory.on_record = [&](const base::Record& record) {
    if (std::exchange(starts, seen().starts.size()) != seen().starts.size()) {
      expected = seen().starts.back();
    }
    wrong += record.position.offset == expected ? 0 : 1;
    expected = record.position.offset + 1;
  };
  source->start({1, 0}, 0);
  std::mt19937 random(7);
  for (int round = 1; round <= 40; ++round) {
    const auto enough = memory.records + 200 + random() % 1'500;
    ASSERT_TRUE(poll_until({source.get()}, [&] {
      return memory.records >= enough || seen().caught_up == 20'000;
    })) << round;
    const auto at = seen().offsets.back();
    source->start({1, 0},
                  std::max<std::int64_t>(0, at - static_cast<std::int64_t>(random() % 2'000)));
    seen().caught_up = -1;
  }
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen().caught_up == 20'000; }));
  EXPECT_EQ(seen().starts.size(), 41U);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(seen().offsets.back(), 19'999);
}

TEST_F(ConsumerTest, TellsTheStablePositionAndNotAPendingOne) {
  join(10);
  auto log = publisher("a", [this] { return source->group_metadata(); });
  std::atomic<bool> cancel{false};
  ASSERT_EQ(log->publish({}, std::vector{mark(0, 4)}, cancel).end, ports::PublishEnd::committed);
  {
    const Armed armed("publish.offsets_sent=throw");
    EXPECT_THROW(log->publish({}, std::vector{mark(0, 9)}, cancel), std::runtime_error);
  }
  source->close(5s);
  memory = Memory();
  source = consumer();
  ASSERT_TRUE(source->subscribe(memory));
  const auto begun = clock.steady();
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.owned.size() == 1; }));
  EXPECT_LT(clock.steady() - begun, 5s) << "the assignment must not wait for the transaction";
  EXPECT_EQ(memory.owned.begin()->second.committed, std::nullopt);

  source->close(5s);
  log = publisher("a", [this] { return source->group_metadata(); });  // ends what was pending
  EXPECT_EQ(position_of(0), 4);
  memory = Memory();
  source = consumer();
  ASSERT_TRUE(source->subscribe(memory));
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.owned.size() == 1; }));
  EXPECT_EQ(memory.owned.begin()->second.committed, 4);
}

TEST_F(ConsumerTest, APositionOutsideTheLogIsFatalAndSaysWhere) {
  join(50);
  ASSERT_TRUE(admin->delete_records({topic("commands"), 0}, 30, kLimit));
  source->start({1, 0}, 10);
  ASSERT_TRUE(poll_until({source.get()}, [&] { return !memory.fatal_text.empty(); }));
  EXPECT_NE(memory.fatal_text.find(topic("commands") + "/0: position 10"), std::string::npos)
      << memory.fatal_text;
  EXPECT_EQ(memory.records, 0U);
}

TEST_F(ConsumerTest, AFatalErrorIsToldOnceWithinOnePoll) {
  join(1);
  const Armed armed("consumer.fatal=fail");
  source->poll(100ms);
  ASSERT_TRUE(poll_until(
      {source.get()}, [&] { return !memory.fatal_text.empty(); }, 2s));
  EXPECT_NE(memory.fatal_text.find("start again"), std::string::npos) << memory.fatal_text;
}

// Decision 0046: as it is at the broker, whatever was fetched, and with the records of transactions
// that nobody may read yet.
TEST_F(ConsumerTest, TellsWhereALogEndsWhenItIsAsked) {
  join(10);
  const std::jthread fetching([this](const std::stop_token& stop) { source->keep_fetching(stop); });
  source->start({1, 0}, 0);
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen().caught_up == 10; }));
  EXPECT_TRUE(seen().ends.empty()) << "nobody has asked";
  const auto ask = [&] {
    const auto before = seen().ends.size();
    const auto asked = clock.steady();
    source->ask_end({1, 0}, asked);
    EXPECT_TRUE(poll_until({source.get()}, [&] { return seen().ends.size() > before; }));
    EXPECT_EQ(seen().ends.back().second, asked);
    return seen().ends.back().first;
  };
  EXPECT_EQ(ask(), 10);
  source->pause({1, 0});
  send_commands(0, 5);
  EXPECT_EQ(ask(), 15) << "it was not read yet";
  source->resume({1, 0});
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen().caught_up == 15; }));

  Dying producer(client, prefix + "-commands", 60'000);
  producer.begin();
  producer.write(topic("commands"), 1);
  EXPECT_EQ(ask(), 16) << "it may not be read yet";
  EXPECT_EQ(seen().caught_up, 15);
  producer.abort();
}

// Whoever does not answer is not waited for, and asked again when somebody wants to know.
TEST_F(ConsumerTest, TellsNoEndOfAPartitionThatIsNotThere) {
  join(1);
  const std::jthread fetching([this](const std::stop_token& stop) { source->keep_fetching(stop); });
  source->start({1, 0}, 0);
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen().caught_up == 1; }));
  source->ask_end({1, 7}, clock.steady());
  ASSERT_TRUE(poll_until({source.get()}, [&] {
    source->ask_end({1, 0}, clock.steady());
    return !seen().ends.empty();
  }));
  EXPECT_FALSE(memory.seen.contains({1, 7}));
}

// A header without a value and one with an empty value differ, for a signature and for people.
TEST_F(ConsumerTest, HeadersArriveAsTheyWereSent) {
  join(0);
  Sender sender(client, outputs(), kLimit, clock);
  const ports::OutgoingRecord sent{ports::OutgoingRecord::Topic::commands,
                                   0,
                                   std::nullopt,
                                   "v",
                                   {{"none", "", true}, {"empty", ""}, {"some", "x"}}};
  ASSERT_TRUE(sender.send(std::vector{sent}));
  source->start({1, 0}, 0);
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.records == 1; }));
  std::vector<base::Header> arrived;
  for (const auto& header : memory.last.front().headers)
    arrived.push_back({std::string(header.name), std::string(header.value), header.null});
  EXPECT_EQ(arrived, sent.headers);
}

TEST_F(ConsumerTest, AMemberWithoutPartitionsIsToldSo) {
  join(0);
  auto spare = consumer();
  Memory nothing;
  ASSERT_TRUE(spare->subscribe(nothing));
  EXPECT_TRUE(poll_until({source.get(), spare.get()}, [&] {
    return memory.owned.size() + nothing.owned.size() == 1 &&
           memory.assignments + nothing.assignments >= 3;
  }));
  EXPECT_GT(nothing.assignments, 0);
  spare->close(5s);
}

TEST_F(ConsumerTest, LeavingHandsThePartitionsOn) {
  join(10);
  Memory second;
  auto other = consumer();
  ASSERT_TRUE(other->subscribe(second));
  const auto begun = clock.steady();
  source->close(5s);
  EXPECT_EQ(memory.revocations, 1);
  EXPECT_TRUE(memory.owned.empty());
  ASSERT_TRUE(poll_until({other.get()}, [&] { return second.owned.size() == 1; }));
  EXPECT_LT(clock.steady() - begun, 5s) << "not by the session's end";
  other->close(5s);
}

// ---------------------------------------------------------------- under load

// Three members, twelve partitions, pauses and restarts all the time, one member coming and going:
// the positions kept outside (as the database keeps them) see every record once and in order.
class Storm {
 public:
  static constexpr int kPartitions = 12;
  struct Member {
    Memory memory;
    std::unique_ptr<Consumer> source;
    std::set<base::TopicPartition> paused;
  };

  void join(std::unique_ptr<Consumer> source) {
    auto& member = members.emplace_back(std::make_unique<Member>());
    member->source = std::move(source);
    auto* self = member.get();
    self->memory.on_assigned = [this, self](const auto& one) {
      self->source->start(one.tp, next[one.tp]);
      if (one.tp.partition % 3 == 0) self->source->pause(one.tp);
      if (one.tp.partition % 3 == 0) self->paused.insert(one.tp);
    };
    self->memory.on_record = [this](const base::Record& record) {
      const base::TopicPartition tp{record.position.topic, record.position.partition};
      wrong += record.position.offset == next[tp] ? 0 : 1;
      next[tp] = record.position.offset + 1;
      ++total;
    };
    ASSERT_TRUE(self->source->subscribe(self->memory));
  }
  void toggle(Member& member) {
    for (const auto& [tp, assigned] : member.memory.owned) {
      const auto dice = random() % 8;
      if (dice == 0) member.source->pause(tp);
      if (dice == 1) member.source->resume(tp);
      if (dice == 2) member.source->start(tp, next[tp]);
    }
  }
  void release(Member& member) {
    for (const auto& [tp, assigned] : member.memory.owned) member.source->resume(tp);
  }
  void poll() {
    for (auto& member : members) member->source->poll(10ms);
  }

  std::vector<std::unique_ptr<Member>> members;
  std::map<base::TopicPartition, std::int64_t> next;
  std::mt19937 random{11};
  std::int64_t total = 0;
  int wrong = 0;
};

TEST_F(KafkaTest, NoGapAndNoRepeatUnderPausesRestartsAndRebalances) {
  constexpr int kPerPartition = 3'000;
  make_topics(Storm::kPartitions);
  std::atomic<int> written{0};
  std::thread writer([&] {
    for (int part = 0; part < 10; ++part) {
      for (int p = 0; p < Storm::kPartitions; ++p) {
        send_commands(p, kPerPartition / 10, part * kPerPartition / 10);
      }
      ++written;
    }
  });
  Storm storm;
  storm.join(consumer());
  storm.join(consumer());
  int rebalances = 0;
  constexpr std::int64_t kAll = std::int64_t{Storm::kPartitions} * kPerPartition;
  const auto end = clock.steady() + 120s;
  for (int round = 0; (storm.total < kAll || rebalances < 6) && clock.steady() < end; ++round) {
    storm.poll();
    const bool calm = written == 10 && rebalances >= 6;
    for (auto& member : storm.members) calm ? storm.release(*member) : storm.toggle(*member);
    if (round % 40 != 39 || calm) continue;
    ++rebalances;
    if (storm.members.size() < 3) {
      storm.join(consumer());
    } else {
      storm.members.back()->source->close(5s);
      storm.members.pop_back();
    }
  }
  writer.join();
  EXPECT_EQ(storm.total, kAll);
  EXPECT_EQ(storm.wrong, 0);
  EXPECT_GE(rebalances, 6);
  for (auto& member : storm.members) member->source->close(5s);
}

}  // namespace
}  // namespace admitone::kafka::test
