// The consumer against a real broker: nothing before start, then every record once and in order,
// through pauses and rebalances; and the ways it ends.

#include "integration/kafka/kit.hpp"

namespace admitone::kafka::test {
namespace {

class ConsumerTest : public KafkaTest {};

TEST_F(ConsumerTest, GivesNothingBeforeStartAndThenExactlyFromThere) {
  make_topics(1);
  send_commands(0, 100);
  Memory memory;
  auto source = consumer();
  ASSERT_TRUE(source->subscribe(memory));
  ASSERT_TRUE(poll_until({source.get()}, [&] { return memory.owned.size() == 1; }));
  const auto& assigned = memory.owned.begin()->second;
  EXPECT_EQ(assigned.committed, std::nullopt);
  EXPECT_EQ(assigned.low, 0);
  EXPECT_EQ(assigned.high, 100);
  source->poll(500ms);
  EXPECT_EQ(memory.records, 0U);

  const auto begun = std::chrono::steady_clock::now();
  source->start({1, 0}, 42);
  auto& seen = memory.seen[{1, 0}];
  ASSERT_TRUE(poll_until({source.get()}, [&] { return seen.caught_up == 100; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 900ms) << "the fetcher was not woken";
  ASSERT_EQ(seen.offsets.size(), 58U);
  for (std::size_t i = 0; i < seen.offsets.size(); ++i) {
    EXPECT_EQ(seen.offsets[i], static_cast<std::int64_t>(42 + i));
    EXPECT_EQ(seen.values[i], std::to_string(42 + i));
  }
  source->close(5s);
}

}  // namespace
}  // namespace admitone::kafka::test
