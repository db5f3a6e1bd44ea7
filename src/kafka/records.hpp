#pragma once
// librdkafka's messages and the house's records. Room-internal.
// Threads: any. Blocking: never.

#include <optional>
#include <span>
#include <string>

#include "base/record.hpp"
#include "kafka/conf.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::kafka {

// Copies key, value and headers into one allocation; `message` may be destroyed afterwards.
base::Record to_record(const rd_kafka_message_t& message, base::TopicId topic);

// Hands one record to a producer, which copies it. `token` comes back in its delivery report.
rd_kafka_resp_err_t produce(rd_kafka_t* producer, const std::string& topic,
                            const ports::OutgoingRecord& record, void* token);

// The largest of those. The broker refuses requests, not records: this is the one to blame.
std::optional<std::size_t> largest(std::span<const ports::OutgoingRecord> records,
                                   std::span<const std::size_t> among);

const std::string& topic_of(const OutputTopics& topics, ports::OutgoingRecord::Topic topic);

}  // namespace admitone::kafka
