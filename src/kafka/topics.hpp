#pragma once
// What AdmitOne expects of its topics, as values: what to make, and what is wrong with what is
// there (law L18, docs/laws.md).
// Used by: the verbs `topics` and `doctor`, the start-up check of `worker`.
// Threads: pure functions. Blocking: never.

#include <span>
#include <string>
#include <vector>

#include "kafka/admin.hpp"

namespace admitone::kafka {

struct TopicPlan {
  std::vector<std::string> command_topics;  // the first is home
  std::string outcome_topic;
  std::string dead_letter_topic;
  std::int32_t partitions = 12;
  std::int32_t replication = 1;
  std::int32_t max_record_bytes = 1'048'576;
  Milliseconds command_retention{std::chrono::hours(72)};
  // Dead letters may be sent again up to this age; a replay may reach this far back.
  Milliseconds dead_letter_age{std::chrono::hours(72)};
  Milliseconds replay_window{std::chrono::hours(24)};
  // How long keys are remembered: at least the three together.
  Milliseconds horizon{std::chrono::hours(168)};
  // Of the topics that are made; the outcome topic's never below `horizon`.
  Milliseconds outcome_retention{std::chrono::hours(336)};
  Milliseconds dead_letter_retention{std::chrono::hours(336)};
};

struct Finding {
  enum class Level { ok, warn, fail };
  Level level = Level::ok;
  std::string what;
  std::string fix;  // empty when ok
};

std::vector<std::string> names_of(const TopicPlan& plan);
std::vector<TopicSpec> specs_of(const TopicPlan& plan);

// One line at least per topic. `facts` as Admin::describe gives them for names_of(plan).
std::vector<Finding> compare(const TopicPlan& plan, std::span<const TopicFacts> facts);

}  // namespace admitone::kafka
