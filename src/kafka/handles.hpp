#pragma once
// Owners of librdkafka's C objects, without its header: other rooms may include what includes this.
// Each deleter does what the C API asks for and nothing more.
// Threads: as the object owned. Blocking: only ~Client (librdkafka's threads are joined).

#include <memory>

struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_op_s;
struct rd_kafka_error_s;
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_consumer_group_metadata_s;

namespace admitone::kafka {

struct Release {
  void operator()(rd_kafka_s* client) const noexcept;
  void operator()(rd_kafka_conf_s* conf) const noexcept;
  void operator()(rd_kafka_queue_s* queue) const noexcept;
  void operator()(rd_kafka_message_s* message) const noexcept;
  void operator()(rd_kafka_op_s* event) const noexcept;
  void operator()(rd_kafka_error_s* error) const noexcept;
  void operator()(rd_kafka_topic_partition_list_s* list) const noexcept;
  void operator()(rd_kafka_consumer_group_metadata_s* metadata) const noexcept;
};

using Client = std::unique_ptr<rd_kafka_s, Release>;
using Queue = std::unique_ptr<rd_kafka_queue_s, Release>;
using Message = std::unique_ptr<rd_kafka_message_s, Release>;
using Event = std::unique_ptr<rd_kafka_op_s, Release>;
using CallError = std::unique_ptr<rd_kafka_error_s, Release>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_s, Release>;

}  // namespace admitone::kafka
