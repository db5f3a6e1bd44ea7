// Topics as they are made, described and judged; the sender; and the reader of whole topics.

#include <algorithm>

#include "integration/kafka/kit.hpp"
#include "kafka/topics.hpp"

namespace admitone::kafka::test {
namespace {

class AdminTest : public KafkaTest {
 protected:
  [[nodiscard]] TopicPlan plan() const {
    TopicPlan made;
    made.command_topics = {topic("commands")};
    made.outcome_topic = topic("outcomes");
    made.dead_letter_topic = topic("dead-letters");
    made.partitions = 3;
    return made;
  }
  std::vector<Finding> judge(const TopicPlan& against) {
    const auto facts = admin->describe(names_of(against), kLimit);
    EXPECT_TRUE(facts) << facts.error().message;
    return compare(against, *facts);
  }
};

TEST_F(AdminTest, ReachesTheCluster) {
  const auto cluster = admin->reach(kLimit);
  ASSERT_TRUE(cluster) << cluster.error().message;
  EXPECT_FALSE(cluster->id.empty());
  EXPECT_GE(cluster->brokers, 1);
}

TEST_F(AdminTest, SaysWhenNobodyAnswers) {
  auto nowhere = client;
  nowhere.bootstrap_servers = "127.0.0.1:1";
  auto lost = Admin::create(nowhere);
  ASSERT_TRUE(lost);
  const auto reached = (*lost)->reach(500ms);
  ASSERT_FALSE(reached);
  for (const std::string told : {"no answer from 127.0.0.1:1", "check kafka.bootstrap_servers"})
    EXPECT_NE(reached.error().message.find(told), std::string::npos) << reached.error().message;
}

TEST_F(AdminTest, WhatItMakesPassesItsOwnCheck) {
  for (const auto& finding : judge(plan())) EXPECT_EQ(finding.level, Finding::Level::fail);
  const auto made = admin->create_topics(specs_of(plan()), kLimit);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made, (std::vector<TopicMade>(3, TopicMade::created)));
  ASSERT_TRUE(admin->await_leaders(names_of(plan()), kLimit, clock));
  for (const auto& finding : judge(plan())) {
    EXPECT_EQ(finding.level, Finding::Level::ok) << finding.what;
  }
  const auto again = admin->create_topics(specs_of(plan()), kLimit);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, (std::vector<TopicMade>(3, TopicMade::existed)));
}

TEST_F(AdminTest, ReaderFindsRecordsByPositionWithAllHeaders) {
  make_topics(2);
  Sender sender(client, outputs(), kLimit, clock);
  std::vector<ports::OutgoingRecord> records;
  for (int i = 0; i < 10; ++i) {
    records.push_back({ports::OutgoingRecord::Topic::commands,
                       i % 2,
                       "key",
                       std::to_string(i),
                       {{"a", "1"}, {"a", ""}}});
  }
  ASSERT_TRUE(sender.send(records));
  auto reader = Reader::create(client, prefix + "-stranger", clock);
  ASSERT_TRUE(reader);
  const auto found = (*reader)->find({topic("commands"), 1}, 2, kLimit);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->value, "5");
  EXPECT_EQ((*found)->key, "key");
  ASSERT_EQ((*found)->headers.size(), 2U);
  EXPECT_EQ((*found)->headers[0].value, "1");
  EXPECT_EQ((*found)->headers[1].value, "");
  const auto beyond = (*reader)->find({topic("commands"), 1}, 5, kLimit);
  ASSERT_TRUE(beyond);
  EXPECT_FALSE(*beyond);
  EXPECT_EQ(values_of("commands").size(), 10U);
}

TEST_F(AdminTest, ReaderFollowsWhatComesAfter) {
  make_topics(1);
  send_commands(0, 3);
  auto reader = Reader::create(client, prefix + "-stranger", clock);
  ASSERT_TRUE(reader);
  const auto extent = (*reader)->extent(topic("commands"), kLimit);
  ASSERT_TRUE(extent);
  send_commands(0, 1, 3);
  std::string value;
  ASSERT_TRUE((*reader)->follow(topic("commands"), *extent, kLimit, [&](base::Record&& record) {
    value = *record.value;
    return false;
  }));
  EXPECT_EQ(value, "3");
}

TEST_F(AdminTest, ReaderFindsWhereATimeBegins) {
  make_topics(2);
  send_commands(0, 3);
  send_commands(0, 3, 3);
  auto reader = Reader::create(client, prefix + "-stranger", clock);
  ASSERT_TRUE(reader);
  const auto extent = (*reader)->extent(topic("commands"), kLimit);
  ASSERT_TRUE(extent) << extent.error().message;
  std::vector<base::Timestamp> times;
  const auto read = (*reader)->read(topic("commands"), *extent, kLimit, [&](base::Record&& record) {
    times.push_back(record.timestamp);
    return true;
  });
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(times.size(), 6U);
  for (const auto asked :
       {base::from_unix_millis(0), times.front(), times.at(3), times.back(), times.back() + 1h}) {
    const auto first = std::find_if(times.begin(), times.end(),
                                    [asked](base::Timestamp time) { return time >= asked; });
    const auto found = (*reader)->offsets_at(topic("commands"), *extent, asked, kLimit);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->at(0), first - times.begin());
    EXPECT_EQ(found->at(1), 0);
  }
}

TEST_F(AdminTest, SenderSaysThatATopicIsMissing) {
  Sender sender(client, {"nowhere", "nowhere", prefix + ".nowhere"}, 3s, clock);
  const auto sent = sender.send(std::vector<ports::OutgoingRecord>{
      {ports::OutgoingRecord::Topic::commands, 0, "k", "v", {}}});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().effect, base::Effect::unknown);
}

}  // namespace
}  // namespace admitone::kafka::test
