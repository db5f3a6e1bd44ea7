#include "kafka/admin.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "kafka/admin_call.hpp"
#include "kafka/extent.hpp"

namespace admitone::kafka {
namespace {

struct Free {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_DeleteTopic_t* topic) const { rd_kafka_DeleteTopic_destroy(topic); }
  void operator()(rd_kafka_ConfigResource_t* one) const { rd_kafka_ConfigResource_destroy(one); }
  void operator()(rd_kafka_DeleteRecords_t* one) const { rd_kafka_DeleteRecords_destroy(one); }
  void operator()(const rd_kafka_metadata_t* data) const { rd_kafka_metadata_destroy(data); }
  void operator()(const rd_kafka_group_list* list) const { rd_kafka_group_list_destroy(list); }
  void operator()(rd_kafka_AlterConsumerGroupOffsets_t* one) const {
    rd_kafka_AlterConsumerGroupOffsets_destroy(one);
  }
};
template <class T>
using Owner = std::unique_ptr<T, Free>;

template <class T>
std::vector<T*> raw_pointers(const std::vector<Owner<T>>& owners) {
  std::vector<T*> raw;
  for (const auto& owner : owners) raw.push_back(owner.get());
  return raw;
}

base::Result<Owner<rd_kafka_NewTopic_t>> new_topic(const TopicSpec& spec) {
  char why[256] = "";
  Owner<rd_kafka_NewTopic_t> topic(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions,
                                                         spec.replication, why, sizeof(why)));
  if (!topic) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       fmt::format("topic {}: {}", spec.name, why)};
  }
  for (const auto& [name, value] : spec.configs) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  return topic;
}

}  // namespace

base::Result<std::unique_ptr<Admin>> Admin::create(const ClientSettings& settings) {
  Conf conf(settings, "admin");
  auto client = conf.make(RD_KAFKA_PRODUCER);
  if (!client) return client.error();
  return std::make_unique<Admin>(std::move(*client));
}

Admin::Admin(Client client) : client_(std::move(client)) {}

base::Result<Cluster> Admin::reach(Milliseconds limit) const {
  char* id = rd_kafka_clusterid(client_.get(), static_cast<int>(limit.count()));
  if (id == nullptr) {
    return call_error(client_.get(), RD_KAFKA_RESP_ERR__TRANSPORT, "reaching a broker");
  }
  Cluster cluster{id, 0};
  rd_kafka_mem_free(client_.get(), id);
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code =
      rd_kafka_metadata(client_.get(), 0, nullptr, &raw, static_cast<int>(limit.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return call_error(client_.get(), code, "asking for brokers");
  const Owner<const rd_kafka_metadata_t> metadata(raw);
  cluster.brokers = metadata->broker_cnt;
  return cluster;
}

base::Result<std::vector<TopicMade>> Admin::create_topics(std::span<const TopicSpec> topics,
                                                          Milliseconds limit) const {
  std::vector<Owner<rd_kafka_NewTopic_t>> wanted;
  for (const auto& spec : topics) {
    auto topic = new_topic(spec);
    if (!topic) return topic.error();
    wanted.push_back(std::move(*topic));
  }
  auto raw = raw_pointers(wanted);
  const AdminCall call(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, limit);
  rd_kafka_CreateTopics(client_.get(), raw.data(), raw.size(), call.options(), call.queue());
  const auto answer = call.wait("creating topics");
  if (!answer) return answer.error();
  std::size_t count = 0;
  const auto* results = rd_kafka_CreateTopics_result_topics(
      rd_kafka_event_CreateTopics_result(answer->get()), &count);
  std::vector<TopicMade> made;
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      auto error = error_of(code, fmt::format("creating {}", topics[i].name));
      if (const char* why = rd_kafka_topic_result_error_string(results[i])) {
        error.message += fmt::format(": {}", why);
      }
      return error;
    }
    made.push_back(code == RD_KAFKA_RESP_ERR_NO_ERROR ? TopicMade::created : TopicMade::existed);
  }
  return made;
}

base::Status Admin::await_leaders(std::span<const std::string> names, Milliseconds limit,
                                  const ports::Clock& clock) const {
  const auto until = clock.steady() + limit;
  for (const auto& name : names) {
    const auto left = std::chrono::ceil<Milliseconds>(until - clock.steady());
    const auto asked = ask_extent(client_.get(), name, left, left, clock);
    if (!asked) return asked.error();
  }
  return {};
}

base::Result<std::vector<TopicFacts>> Admin::describe(std::span<const std::string> names,
                                                      Milliseconds limit) const {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code =
      rd_kafka_metadata(client_.get(), 1, nullptr, &raw, static_cast<int>(limit.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return call_error(client_.get(), code, "describing topics");
  const Owner<const rd_kafka_metadata_t> metadata(raw);
  std::vector<TopicFacts> facts;
  for (const auto& name : names) {
    TopicFacts one;
    one.name = name;
    for (int i = 0; i < metadata->topic_cnt; ++i) {
      const auto& topic = metadata->topics[i];
      if (name != topic.topic || topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      one.exists = topic.partition_cnt > 0;
      one.partitions = topic.partition_cnt;
      one.replication = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0;
    }
    facts.push_back(std::move(one));
  }
  if (auto described = describe_configs(facts, limit); !described) return described.error();
  return facts;
}

base::Status Admin::describe_configs(std::vector<TopicFacts>& topics, Milliseconds limit) const {
  std::vector<Owner<rd_kafka_ConfigResource_t>> asked;
  for (const auto& topic : topics) {
    if (!topic.exists) continue;
    asked.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
  }
  if (asked.empty()) return {};
  auto raw = raw_pointers(asked);
  const AdminCall call(client_.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, limit);
  rd_kafka_DescribeConfigs(client_.get(), raw.data(), raw.size(), call.options(), call.queue());
  const auto answer = call.wait("describing topics");
  if (!answer) return answer.error();
  std::size_t count = 0;
  const auto* results = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(answer->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = rd_kafka_ConfigResource_name(results[i]);
    if (const auto code = rd_kafka_ConfigResource_error(results[i])) {
      return error_of(code, fmt::format("describing {}", name));
    }
    std::size_t entries = 0;
    const auto* configs = rd_kafka_ConfigResource_configs(results[i], &entries);
    for (auto& topic : topics) {
      if (topic.name != name) continue;
      for (std::size_t k = 0; k < entries; ++k) {
        const char* value = rd_kafka_ConfigEntry_value(configs[k]);
        topic.configs[rd_kafka_ConfigEntry_name(configs[k])] = value == nullptr ? "" : value;
      }
    }
  }
  return {};
}

base::Status Admin::delete_topics(std::span<const std::string> names, Milliseconds limit) const {
  std::vector<Owner<rd_kafka_DeleteTopic_t>> doomed;
  for (const auto& name : names) doomed.emplace_back(rd_kafka_DeleteTopic_new(name.c_str()));
  auto raw = raw_pointers(doomed);
  const AdminCall call(client_.get(), RD_KAFKA_ADMIN_OP_DELETETOPICS, limit);
  rd_kafka_DeleteTopics(client_.get(), raw.data(), raw.size(), call.options(), call.queue());
  const auto answer = call.wait("deleting topics");
  if (!answer) return answer.error();
  std::size_t count = 0;
  const auto* results = rd_kafka_DeleteTopics_result_topics(
      rd_kafka_event_DeleteTopics_result(answer->get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = rd_kafka_topic_result_error(results[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      return error_of(code, fmt::format("deleting {}", rd_kafka_topic_result_name(results[i])));
    }
  }
  return {};
}

base::Status Admin::delete_records(const NamedPartition& partition, std::int64_t offset,
                                   Milliseconds limit) const {
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
      ->offset = offset;
  const Owner<rd_kafka_DeleteRecords_t> request(rd_kafka_DeleteRecords_new(list.get()));
  auto* raw = request.get();
  const AdminCall call(client_.get(), RD_KAFKA_ADMIN_OP_DELETERECORDS, limit);
  rd_kafka_DeleteRecords(client_.get(), &raw, 1, call.options(), call.queue());
  const auto answer = call.wait("deleting records");
  if (!answer) return answer.error();
  const auto* left =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer->get()));
  if (left->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return error_of(left->elems[0].err, "deleting records");
  }
  return {};
}

base::Result<std::int32_t> Admin::members(const std::string& group, Milliseconds limit) const {
  const rd_kafka_group_list* raw = nullptr;
  const auto code =
      rd_kafka_list_groups(client_.get(), group.c_str(), &raw, static_cast<int>(limit.count()));
  const Owner<const rd_kafka_group_list> groups(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return call_error(client_.get(), code, "members of group " + group);
  }
  std::int32_t count = 0;
  for (int i = 0; i < groups->group_cnt; ++i) {
    const auto& one = groups->groups[i];
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return error_of(one.err, "members of group " + group);
    }
    count += one.member_cnt;
  }
  return count;
}

base::Status Admin::set_position(const std::string& group, const NamedPartition& partition,
                                 std::int64_t offset, Milliseconds limit) const {
  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
      ->offset = offset;
  const Owner<rd_kafka_AlterConsumerGroupOffsets_t> request(
      rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  auto* raw = request.get();
  const AdminCall call(client_.get(), RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, limit);
  rd_kafka_AlterConsumerGroupOffsets(client_.get(), &raw, 1, call.options(), call.queue());
  const auto answer = call.wait("setting a group's position");
  if (!answer) return answer.error();
  std::size_t count = 0;
  const auto* const* groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(answer->get()), &count);
  if (const auto* error = rd_kafka_group_result_error(groups[0])) {
    return error_of(rd_kafka_error_code(error), "setting a group's position");
  }
  const auto& one = rd_kafka_group_result_partitions(groups[0])->elems[0];
  if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return error_of(one.err, "setting a group's position");
  }
  return {};
}

}  // namespace admitone::kafka
