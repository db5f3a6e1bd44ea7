#include "kafka/records.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "base/assert.hpp"

namespace admitone::kafka {
namespace {

// Appends to the storage and gives the view of what was appended.
class Packer {
 public:
  explicit Packer(char* at) : at_(at) {}
  std::string_view add(const void* bytes, std::size_t size) {
    if (size > 0) std::memcpy(at_, bytes, size);
    const std::string_view view(at_, size);
    at_ += size;
    return view;
  }

 private:
  char* at_;
};

// Key and value of what is sent; views into the record, or into this.
class Rendered {
 public:
  explicit Rendered(const ports::OutgoingRecord& record) {
    if (!record.outcome) {
      if (record.key) key = *record.key;
      if (record.value) value = *record.value;
      return;
    }
    value = record.outcome->value;
    if (!record.outcome->event) return;
    event_ = record.outcome->event->text();
    key = event_;
  }
  Rendered(const Rendered&) = delete;
  Rendered& operator=(const Rendered&) = delete;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;

 private:
  base::UuidText event_;
};

rd_kafka_headers_t* headers_of(const ports::OutgoingRecord& record) {
  constexpr std::size_t kOfAnOutcome = 16;
  auto* headers = rd_kafka_headers_new(record.outcome ? kOfAnOutcome : record.headers.size());
  const auto add = [headers](std::string_view name, std::string_view value, bool null = false) {
    // No value and an empty one are two things, to a signature too.
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                        null ? nullptr : value.data(), static_cast<ssize_t>(value.size()));
  };
  for (const auto& header : record.headers) add(header.name, header.value, header.null);
  if (record.outcome)
    contract::each_outcome_header(
        *record.outcome, record.partition, record.seq,
        [&add](std::string_view name, std::string_view value) { add(name, value); });
  return headers;
}

}  // namespace

base::Record to_record(const rd_kafka_message_t& message, base::TopicId topic) {
  base::Record record;
  record.position = {topic, message.partition, message.offset};
  rd_kafka_timestamp_type_t type{};
  record.timestamp = base::from_unix_millis(rd_kafka_message_timestamp(&message, &type));
  record.appended = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
  record.bytes = message.key_len + message.len;

  rd_kafka_headers_t* headers = nullptr;
  std::size_t count = 0;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    count = rd_kafka_header_cnt(headers);
  }
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    record.bytes += std::strlen(name) + size;
  }

  record.storage = std::make_unique_for_overwrite<char[]>(record.bytes);
  Packer packer(record.storage.get());
  if (message.key != nullptr) record.key = packer.add(message.key, message.key_len);
  if (message.payload != nullptr) record.value = packer.add(message.payload, message.len);
  record.headers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    const auto packed = packer.add(name, std::strlen(name));
    record.headers.push_back({packed, packer.add(value, size), value == nullptr});
  }
  return record;
}

rd_kafka_resp_err_t produce(rd_kafka_t* producer, const std::string& topic,
                            const ports::OutgoingRecord& record, void* token) {
  const Rendered out(record);
  rd_kafka_headers_t* headers = headers_of(record);
  std::array<rd_kafka_vu_t, 7> fields{};
  fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  fields[0].u.cstr = topic.c_str();
  fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[1].u.i32 = record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
  fields[2].vtype = RD_KAFKA_VTYPE_KEY;
  if (out.key) fields[2].u.mem = {const_cast<char*>(out.key->data()), out.key->size()};
  fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
  if (out.value) fields[3].u.mem = {const_cast<char*>(out.value->data()), out.value->size()};
  fields[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[4].u.i = RD_KAFKA_MSG_F_COPY;
  fields[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  fields[5].u.ptr = token;
  fields[6].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[6].u.headers = headers;
  const CallError error(rd_kafka_produceva(producer, fields.data(), fields.size()));
  if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_headers_destroy(headers);
  return rd_kafka_error_code(error.get());
}

std::optional<std::size_t> largest(std::span<const ports::OutgoingRecord> records,
                                   std::span<const std::size_t> among) {
  const auto bytes = [&](std::size_t index) {
    const auto& record = records[index];
    if (record.outcome)
      return contract::outcome_bytes(*record.outcome, record.partition, record.seq);
    std::size_t sum = record.key.value_or("").size() + record.value.value_or("").size();
    for (const auto& header : record.headers) sum += header.name.size() + header.value.size();
    return sum;
  };
  std::optional<std::size_t> found;
  for (const auto index : among)
    if (!found || bytes(index) > bytes(*found)) found = index;
  return found;
}

const std::string& topic_of(const OutputTopics& topics, ports::OutgoingRecord::Topic topic) {
  switch (topic) {
    case ports::OutgoingRecord::Topic::outcomes:
      return topics.outcomes;
    case ports::OutgoingRecord::Topic::dead_letters:
      return topics.dead_letters;
    case ports::OutgoingRecord::Topic::commands:
      return topics.commands;
  }
  ADMITONE_ASSERT(false);
  return topics.outcomes;
}

}  // namespace admitone::kafka
