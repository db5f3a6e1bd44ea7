// What is made passes the check, and each expectation fails on its own with its own fix.

#include "kafka/topics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace admitone::kafka {
namespace {

using Level = Finding::Level;

TopicPlan plan() {
  TopicPlan made;
  made.command_topics = {"commands", "partner"};
  made.outcome_topic = "outcomes";
  made.dead_letter_topic = "dead";
  made.partitions = 6;
  return made;
}

// As a broker would describe what specs_of makes.
std::vector<TopicFacts> facts() {
  std::vector<TopicFacts> made;
  for (const auto& spec : specs_of(plan())) {
    made.push_back({spec.name, true, spec.partitions, spec.replication, spec.configs});
    made.back().configs["retention.bytes"] = "-1";
  }
  return made;
}

std::vector<Finding> judge(const std::function<void(std::vector<TopicFacts>&)>& change,
                           const TopicPlan& against = plan()) {
  auto changed = facts();
  change(changed);
  auto findings = compare(against, changed);
  std::erase_if(findings, [](const Finding& finding) { return finding.level == Level::ok; });
  return findings;
}

TEST(Topics, WhatIsMadePassesTheCheck) {
  const auto findings = compare(plan(), facts());
  ASSERT_EQ(findings.size(), 4U);
  for (const auto& finding : findings) EXPECT_EQ(finding.level, Level::ok) << finding.what;
}

struct Case {
  const char* name;
  std::function<void(std::vector<TopicFacts>&)> change;
  Level level;
  const char* says;
};

TEST(Topics, EachExpectationFailsByItself) {
  const Case cases[] = {
      {"missing", [](auto& f) { f[1].exists = false; }, Level::fail, "does not exist"},
      {"time", [](auto& f) { f[0].configs["message.timestamp.type"] = "CreateTime"; }, Level::fail,
       "message.timestamp.type=CreateTime"},
      {"time elsewhere", [](auto& f) { f[1].configs["message.timestamp.type"] = "CreateTime"; },
       Level::warn, "partner: message.timestamp.type=CreateTime"},
      {"compacted", [](auto& f) { f[2].configs["cleanup.policy"] = "compact"; }, Level::fail,
       "cleanup.policy=compact"},
      {"small home", [](auto& f) { f[0].configs["max.message.bytes"] = "1000"; }, Level::fail,
       "commands: max.message.bytes=1000 is less than kafka.max_record_bytes=1048576"},
      {"lanes", [](auto& f) { f[2].partitions = 5; }, Level::fail, "5 partitions"},
      {"long commands", [](auto& f) { f[1].configs["retention.ms"] = "604800000"; }, Level::fail,
       "retention 168 h + dead letters 72 h + replay 24 h is more than the dedupe horizon 168 h"},
      {"endless commands", [](auto& f) { f[0].configs["retention.ms"] = "-1"; }, Level::fail,
       "retention unlimited"},
      {"short outcomes", [](auto& f) { f[2].configs["retention.ms"] = "86400000"; }, Level::fail,
       "retention 24 h is shorter than the dedupe horizon 168 h"},
      {"small outcomes", [](auto& f) { f[2].configs["max.message.bytes"] = "1000"; }, Level::fail,
       "max.message.bytes=1000"},
      {"bounded outcomes", [](auto& f) { f[2].configs["retention.bytes"] = "1000"; }, Level::warn,
       "retention.bytes=1000"},
      {"tiny dead letters", [](auto& f) { f[3].configs["max.message.bytes"] = "1000"; },
       Level::fail, "dead: max.message.bytes=1000 is less than kafka.max_record_bytes=1048576"},
      {"small dead letters", [](auto& f) { f[3].configs["max.message.bytes"] = "1048588"; },
       Level::warn, "without their value"},
      {"short dead letters", [](auto& f) { f[3].configs["retention.ms"] = "1000"; }, Level::warn,
       "retention 0 h"},
      {"partitions", [](auto& f) { f[0].partitions = f[2].partitions = 7; }, Level::warn,
       "7 partitions, 6 are configured"},
      {"unclean", [](auto& f) { f[0].configs["unclean.leader.election.enable"] = "true"; },
       Level::warn, "may vanish"},
      {"lonely",
       [](auto& f) {
         f[0].replication = 3;
         f[0].configs["min.insync.replicas"] = "1";
       },
       Level::warn, "one broker alone"},
  };
  for (const auto& one : cases) {
    const auto findings = judge(one.change);
    ASSERT_EQ(findings.size(), 1U) << one.name;
    EXPECT_EQ(findings[0].level, one.level) << one.name;
    EXPECT_NE(findings[0].what.find(one.says), std::string::npos) << findings[0].what;
    EXPECT_FALSE(findings[0].fix.empty()) << one.name;
  }
}

TEST(Topics, ReplicationBelowThePlanFails) {
  auto wanted = plan();
  wanted.replication = 3;
  const auto findings = judge([](auto&) {}, wanted);
  EXPECT_EQ(findings.size(), 4U);
  for (const auto& finding : findings) EXPECT_EQ(finding.level, Level::fail);
}

}  // namespace
}  // namespace admitone::kafka
