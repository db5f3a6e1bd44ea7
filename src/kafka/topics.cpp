#include "kafka/topics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.hpp"
#include "base/failpoint.hpp"

namespace admitone::kafka {
namespace {

using Level = Finding::Level;

std::string hours(std::int64_t milliseconds) {
  return fmt::format("{} h", milliseconds / 3'600'000);
}

// One topic under examination, and where its findings go.
class Check {
 public:
  Check(const TopicFacts& facts, std::vector<Finding>& out) : facts_(facts), out_(out) {}

  void expect(bool good, Level otherwise, const std::string& what, const std::string& fix) {
    if (good) return;
    clean_ = false;
    out_.push_back({otherwise, fmt::format("{}: {}", facts_.name, what), fix});
  }
  void expect_config(const char* name, const char* value, const std::string& why) {
    expect(text(name) == value, Level::fail, fmt::format("{}={}: {}", name, text(name), why),
           alter(name, value));
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto found = facts_.configs.find(name);
    return found == facts_.configs.end() ? std::string() : found->second;
  }
  [[nodiscard]] std::int64_t number(const std::string& name) const {
    const auto value = text(name);
    std::int64_t out = -1;
    std::from_chars(value.data(), value.data() + value.size(), out);
    return out;
  }
  [[nodiscard]] std::string alter(const std::string& name, const std::string& value) const {
    return fmt::format("kafka-configs.sh --alter --topic {} --add-config {}={}", facts_.name, name,
                       value);
  }
  void finish() {
    if (!clean_) return;
    out_.push_back({Level::ok,
                    fmt::format("{}: {} partitions, {} replicas", facts_.name, facts_.partitions,
                                facts_.replication),
                    {}});
  }

 private:
  const TopicFacts& facts_;
  std::vector<Finding>& out_;
  bool clean_ = true;
};

bool examine_common(const TopicFacts& facts, const TopicPlan& plan, Check& check) {
  check.expect(facts.exists, Level::fail, "does not exist", "admitone topics create");
  if (!facts.exists) return false;
  check.expect(facts.replication > 1 || plan.replication == 1, Level::fail,
               fmt::format("{} replica, {} are configured", facts.replication, plan.replication),
               "kafka-reassign-partitions.sh");
  check.expect(facts.replication < 3 || check.number("min.insync.replicas") >= 2, Level::warn,
               fmt::format("min.insync.replicas={}: one broker alone may acknowledge",
                           check.text("min.insync.replicas")),
               check.alter("min.insync.replicas", "2"));
  check.expect(check.text("unclean.leader.election.enable") != "true", Level::warn,
               "unclean.leader.election.enable=true: acknowledged records may vanish",
               check.alter("unclean.leader.election.enable", "false"));
  check.expect_config("cleanup.policy", "delete", "records would vanish one by one");
  return true;
}

void examine_commands(const TopicFacts& facts, const TopicPlan& plan, bool home, Check& check) {
  if (home) {
    check.expect_config("message.timestamp.type", "LogAppendTime",
                        "producers' clocks would decide about holds and sales");
    check.expect(facts.partitions == plan.partitions, Level::warn,
                 fmt::format("{} partitions, {} are configured", facts.partitions, plan.partitions),
                 "set kafka.partitions to what the topic has; events cannot move");
    check.expect(check.number("max.message.bytes") >= plan.max_record_bytes, Level::fail,
                 fmt::format("max.message.bytes={} is less than kafka.max_record_bytes={}: what is "
                             "forwarded to it could be refused, and its lane would stand still",
                             check.text("max.message.bytes"), plan.max_record_bytes),
                 check.alter("max.message.bytes", std::to_string(plan.max_record_bytes)));
  } else {
    check.expect(check.text("message.timestamp.type") == "LogAppendTime", Level::warn,
                 fmt::format("message.timestamp.type={}: producers' clocks decide how long its "
                             "records are kept, and what is late is judged by when it is forwarded",
                             check.text("message.timestamp.type")),
                 check.alter("message.timestamp.type", "LogAppendTime"));
  }
  const auto retention = check.number("retention.ms");
  const auto behind = plan.dead_letter_age + plan.replay_window;
  const auto allowed = (plan.horizon - behind).count();
  const bool covered =
      (retention >= 0 && retention <= allowed) || base::failpoint::mutant("retention_unchecked");
  check.expect(covered, Level::fail,
               fmt::format("retention {} + dead letters {} + replay {} is more than the dedupe "
                           "horizon {}",
                           retention < 0 ? "unlimited" : hours(retention),
                           hours(plan.dead_letter_age.count()), hours(plan.replay_window.count()),
                           hours(plan.horizon.count())),
               check.alter("retention.ms", std::to_string(std::max<std::int64_t>(allowed, 0))) +
                   ", or a longer idempotency.completed_ttl");
}

void examine_outcomes(const TopicFacts& facts, const TopicPlan& plan, std::int32_t lanes,
                      Check& check) {
  check.expect(lanes == 0 || facts.partitions == lanes, Level::fail,
               fmt::format("{} partitions, the home topic has {}: outcomes of a lane go to the "
                           "partition of the same number",
                           facts.partitions, lanes),
               "make the outcome topic with as many partitions as the home topic");
  const auto retention = check.number("retention.ms");
  check.expect(retention < 0 || retention >= plan.horizon.count(), Level::fail,
               fmt::format("retention {} is shorter than the dedupe horizon {}", hours(retention),
                           hours(plan.horizon.count())),
               check.alter("retention.ms", std::to_string(plan.horizon.count())));
  check.expect(check.number("retention.bytes") < 0, Level::warn,
               fmt::format("retention.bytes={}: outcomes may go before their time",
                           check.text("retention.bytes")),
               check.alter("retention.bytes", "-1"));
  check.expect(check.number("max.message.bytes") >= plan.max_record_bytes, Level::fail,
               fmt::format("max.message.bytes={} is less than kafka.max_record_bytes={}",
                           check.text("max.message.bytes"), plan.max_record_bytes),
               check.alter("max.message.bytes", std::to_string(plan.max_record_bytes)));
}

// Dead letters that are sent together are refused together, so the topic must take a whole batch.
void examine_dead_letters(const TopicPlan& plan, std::int64_t largest_command, Check& check) {
  const auto retention = check.number("retention.ms");
  check.expect(retention < 0 || retention >= plan.dead_letter_age.count(), Level::warn,
               fmt::format("retention {} is shorter than the age {} up to which dead letters may "
                           "be sent again",
                           hours(retention), hours(plan.dead_letter_age.count())),
               check.alter("retention.ms", std::to_string(plan.dead_letter_age.count())));
  const auto taken = check.number("max.message.bytes");
  check.expect(taken >= plan.max_record_bytes, Level::fail,
               fmt::format("max.message.bytes={} is less than kafka.max_record_bytes={}: what it "
                           "refuses would stop its lane",
                           check.text("max.message.bytes"), plan.max_record_bytes),
               check.alter("max.message.bytes", std::to_string(largest_command + kHeaderRoom)));
  const bool whole = taken >= largest_command + kHeaderRoom;
  check.expect(whole || taken < plan.max_record_bytes, Level::warn,
               fmt::format("max.message.bytes={} is less than a command topic's {} and {} for "
                           "headers: the largest dead letters go without their value",
                           check.text("max.message.bytes"), largest_command, kHeaderRoom),
               check.alter("max.message.bytes", std::to_string(largest_command + kHeaderRoom)));
}

}  // namespace

std::vector<std::string> names_of(const TopicPlan& plan) {
  auto names = plan.command_topics;
  names.push_back(plan.outcome_topic);
  names.push_back(plan.dead_letter_topic);
  return names;
}

std::vector<TopicSpec> specs_of(const TopicPlan& plan) {
  std::vector<TopicSpec> specs;
  const std::string durable = plan.replication >= 3 ? "2" : "1";
  for (const auto& name : names_of(plan)) {
    TopicSpec spec{name,
                   plan.partitions,
                   plan.replication,
                   {{"cleanup.policy", "delete"}, {"min.insync.replicas", durable}}};
    if (name == plan.outcome_topic) {
      spec.configs["retention.ms"] = std::to_string(plan.outcome_retention.count());
      spec.configs["max.message.bytes"] = std::to_string(plan.max_record_bytes + kHeaderRoom);
    } else if (name == plan.dead_letter_topic) {
      spec.configs["retention.ms"] = std::to_string(plan.dead_letter_retention.count());
      spec.configs["max.message.bytes"] = std::to_string(plan.max_record_bytes + kHeaderRoom);
    } else {
      spec.configs["max.message.bytes"] = std::to_string(plan.max_record_bytes);
      spec.configs["message.timestamp.type"] = "LogAppendTime";
      spec.configs["retention.ms"] = std::to_string(plan.command_retention.count());
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::vector<Finding> compare(const TopicPlan& plan, std::span<const TopicFacts> facts) {
  ADMITONE_ASSERT(facts.size() == plan.command_topics.size() + 2);
  std::vector<Finding> findings;
  const std::int32_t lanes = facts[0].partitions;
  std::int64_t largest_command = 0;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    Check check(facts[i], findings);
    if (!examine_common(facts[i], plan, check)) continue;
    if (i < plan.command_topics.size()) {
      examine_commands(facts[i], plan, i == 0, check);
      largest_command = std::max(largest_command, check.number("max.message.bytes"));
    } else if (i == plan.command_topics.size()) {
      examine_outcomes(facts[i], plan, lanes, check);
    } else {
      examine_dead_letters(plan, largest_command, check);
    }
    check.finish();
  }
  return findings;
}

}  // namespace admitone::kafka
