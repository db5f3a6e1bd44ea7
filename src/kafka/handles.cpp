#include "kafka/handles.hpp"

#include <librdkafka/rdkafka.h>

#include "kafka/credentials.hpp"
#include "kafka/notes.hpp"

namespace admitone::kafka {

void Release::operator()(rd_kafka_s* client) const noexcept {
  if (const auto notes = drop_notes(client); notes.credentials) notes.credentials->left(client);
  // Consumers are closed by their owner, with a deadline; the implicit close of rd_kafka_destroy
  // has none.
  rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
void Release::operator()(rd_kafka_conf_s* conf) const noexcept {
  rd_kafka_conf_destroy(conf);
}
void Release::operator()(rd_kafka_queue_s* queue) const noexcept {
  rd_kafka_queue_destroy(queue);
}
void Release::operator()(rd_kafka_message_s* message) const noexcept {
  rd_kafka_message_destroy(message);
}
void Release::operator()(rd_kafka_op_s* event) const noexcept {
  rd_kafka_event_destroy(event);
}
void Release::operator()(rd_kafka_error_s* error) const noexcept {
  rd_kafka_error_destroy(error);
}
void Release::operator()(rd_kafka_topic_partition_list_s* list) const noexcept {
  rd_kafka_topic_partition_list_destroy(list);
}
void Release::operator()(rd_kafka_consumer_group_metadata_s* metadata) const noexcept {
  rd_kafka_consumer_group_metadata_destroy(metadata);
}

}  // namespace admitone::kafka
