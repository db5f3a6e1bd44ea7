#include "kafka/probe.hpp"

#include <fmt/format.h>

#include "kafka/admin_call.hpp"
#include "kafka/conf.hpp"

namespace admitone::kafka {

base::Result<std::shared_ptr<Probe>> Probe::create(const ClientSettings& settings,
                                                   const std::string& group_id) {
  Conf conf(settings, "probe");
  conf.consuming(group_id, "read_uncommitted");
  auto client = conf.make(RD_KAFKA_CONSUMER);
  if (!client) return client.error();
  return std::make_shared<Probe>(std::move(*client), group_id);
}

Probe::Probe(Client client, std::string group_id)
    : client_(std::move(client)), group_id_(std::move(group_id)) {}

base::Result<Watermarks> Probe::watermarks(const NamedPartition& partition,
                                           Milliseconds limit) const {
  Watermarks found;
  const auto code =
      rd_kafka_query_watermark_offsets(client_.get(), partition.topic.c_str(), partition.partition,
                                       &found.low, &found.high, static_cast<int>(limit.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return call_error(client_.get(), code,
                      fmt::format("offsets of {}/{}", partition.topic, partition.partition));
  }
  return found;
}

namespace {

Probe::Position position_of(const rd_kafka_topic_partition_t& found) {
  if (found.err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
    return ports::GroupPosition{.pending = true};
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return error_of(found.err,
                    fmt::format("group position of {}/{}", found.topic, found.partition));
  }
  if (found.offset < 0) return ports::GroupPosition{};
  return ports::GroupPosition{.offset = found.offset};
}

}  // namespace

base::Result<std::vector<Probe::Position>> Probe::stable_positions(
    std::span<const NamedPartition> partitions, Milliseconds limit,
    Milliseconds leader_limit) const {
  if (partitions.empty()) return std::vector<Position>{};
  // librdkafka 2.0.2 aborts the process when an admin request runs out of time while it waits for a
  // coordinator that is away (assertion in rdkafka_queue.h): ask nothing of brokers that are down.
  if (const auto alive = watermarks(partitions.front(), leader_limit); !alive) return alive.error();
  const auto asked = make_list(static_cast<int>(partitions.size()));
  for (const auto& partition : partitions) {
    rd_kafka_topic_partition_list_add(asked.get(), partition.topic.c_str(), partition.partition);
  }
  AdminCall call(client_.get(), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, limit);
  call.require_stable_offsets();
  auto* request = rd_kafka_ListConsumerGroupOffsets_new(group_id_.c_str(), asked.get());
  rd_kafka_ListConsumerGroupOffsets(client_.get(), &request, 1, call.options(), call.queue());
  rd_kafka_ListConsumerGroupOffsets_destroy(request);
  auto answer = call.wait("group positions");
  if (!answer) return answer.error();

  std::size_t groups = 0;
  const auto** result = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(answer->get()), &groups);
  ADMITONE_ASSERT(groups == 1);
  if (const auto* error = rd_kafka_group_result_error(result[0])) {
    return error_of(rd_kafka_error_code(error), "group positions");
  }
  const auto* found = rd_kafka_group_result_partitions(result[0]);
  std::vector<Position> positions;
  for (const auto& partition : partitions) {
    const auto* one =
        rd_kafka_topic_partition_list_find(const_cast<rd_kafka_topic_partition_list_t*>(found),
                                           partition.topic.c_str(), partition.partition);
    positions.push_back(one == nullptr ? Position(ports::GroupPosition{}) : position_of(*one));
  }
  return positions;
}

}  // namespace admitone::kafka
