#pragma once
// Making, describing and deleting topics. What is expected of them is in topics.hpp.
// Used by: the verbs `topics` and `doctor`, the start-up check of `worker`, tests.
// Threads: any. Blocking: each call by `limit`.
// Errors: retry_call (effect unknown when no answer came), permanent (rights, bad values).

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/handles.hpp"
#include "kafka/probe.hpp"
#include "kafka/settings.hpp"
#include "ports/clock.hpp"

namespace admitone::kafka {

struct TopicSpec {
  std::string name;
  std::int32_t partitions = 1;
  std::int32_t replication = 1;
  std::map<std::string, std::string> configs;
};

struct TopicFacts {
  std::string name;
  bool exists = false;
  std::int32_t partitions = 0;
  std::int32_t replication = 0;                // of partition 0
  std::map<std::string, std::string> configs;  // effective values, defaults included
};

enum class TopicMade { created, existed };

struct Cluster {
  std::string id;
  std::int32_t brokers = 0;
};

class Admin {
 public:
  static base::Result<std::unique_ptr<Admin>> create(const ClientSettings& settings);
  explicit Admin(Client client);

  // Does anybody answer? Error text: what was tried.
  base::Result<Cluster> reach(Milliseconds limit) const;
  // Index-aligned. A topic that exists is left as it is.
  base::Result<std::vector<TopicMade>> create_topics(std::span<const TopicSpec> topics,
                                                     Milliseconds limit) const;
  // Returns when every partition of these topics has a leader that answers. A topic is made before
  // it can be used; what comes right after `create_topics` would be refused.
  base::Status await_leaders(std::span<const std::string> names, Milliseconds limit,
                             const ports::Clock& clock) const;
  base::Result<std::vector<TopicFacts>> describe(std::span<const std::string> names,
                                                 Milliseconds limit) const;
  base::Status delete_topics(std::span<const std::string> names, Milliseconds limit) const;
  // Deletes records below `offset`, as retention does.
  base::Status delete_records(const NamedPartition& partition, std::int64_t offset,
                              Milliseconds limit) const;
  // How many living members the group has.
  base::Result<std::int32_t> members(const std::string& group, Milliseconds limit) const;
  // Sets a group's position; only while the group has no members.
  base::Status set_position(const std::string& group, const NamedPartition& partition,
                            std::int64_t offset, Milliseconds limit) const;

 private:
  base::Status describe_configs(std::vector<TopicFacts>& topics, Milliseconds limit) const;
  Client client_;
};

}  // namespace admitone::kafka
