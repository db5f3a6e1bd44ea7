#include "kafka/reader.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "kafka/conf.hpp"
#include "kafka/extent.hpp"
#include "kafka/records.hpp"

namespace admitone::kafka {
namespace {

constexpr int kPoll = 50;
// How long a topic that was made a moment ago may be unknown to a broker.
constexpr Milliseconds kUnknown{2000};

}  // namespace

base::Result<std::unique_ptr<Reader>> Reader::create(const ClientSettings& settings,
                                                     const std::string& group_id,
                                                     const ports::Clock& clock) {
  Conf conf(settings, "reader");
  conf.consuming(group_id, "read_committed").set("fetch.wait.max.ms", Milliseconds(10));
  auto client = conf.make(RD_KAFKA_CONSUMER);
  if (!client) return client.error();
  rd_kafka_poll_set_consumer(client->get());
  return std::make_unique<Reader>(std::move(*client), clock);
}

Reader::Reader(Client client, const ports::Clock& clock)
    : client_(std::move(client)), clock_(clock) {}

base::Result<Extent> Reader::extent(const std::string& topic, Milliseconds limit) const {
  return ask_extent(client_.get(), topic, limit, kUnknown, clock_);
}

base::Result<std::map<std::int32_t, std::int64_t>> Reader::offsets_at(const std::string& topic,
                                                                      const Extent& extent,
                                                                      base::Timestamp time,
                                                                      Milliseconds limit) const {
  const auto list = make_list(static_cast<int>(extent.size()));
  for (const auto& [partition, marks] : extent) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset =
        base::to_unix_millis(time);
  }
  const auto code =
      rd_kafka_offsets_for_times(client_.get(), list.get(), static_cast<int>(limit.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return call_error(client_.get(), code, fmt::format("asking {} for a time", topic));
  }
  std::map<std::int32_t, std::int64_t> out;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& one = list->elems[i];
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(one.err, topic);
    // Nothing as late as that: the library's word for the end.
    out[one.partition] = one.offset < 0 ? extent.at(one.partition).high : one.offset;
  }
  return out;
}

base::Status Reader::begin(const std::string& topic, const Extent& extent, bool at_end) const {
  const auto list = make_list(static_cast<int>(extent.size()));
  for (const auto& [partition, marks] : extent) {
    if (!at_end && marks.low >= marks.high) continue;
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset =
        at_end ? marks.high : marks.low;
  }
  const auto code = rd_kafka_assign(client_.get(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, topic);
  return {};
}

base::Status Reader::scan(const std::string& topic, const Extent& extent, Milliseconds patience,
                          const Each& each) const {
  std::set<std::int32_t> open;
  for (const auto& [partition, marks] : extent) {
    if (marks.low < marks.high) open.insert(partition);
  }
  auto until = clock_.steady() + patience;
  while (!open.empty()) {
    const Message message{rd_kafka_consumer_poll(client_.get(), kPoll)};
    if (!message) {
      if (clock_.steady() < until) continue;
      return call_error(client_.get(), RD_KAFKA_RESP_ERR__TIMED_OUT,
                        fmt::format("reading {}", topic));
    }
    if (passes(message->err)) {
      if (clock_.steady() < until) continue;
      return call_error(client_.get(), message->err, fmt::format("reading {}", topic));
    }
    until = clock_.steady() + patience;
    const auto end = extent.at(message->partition).high;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message->offset >= end) open.erase(message->partition);
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return error_of(message->err, fmt::format("reading {}", topic));
    }
    if (message->offset < end && !each(to_record(*message, 0))) return {};
    if (message->offset + 1 >= end) open.erase(message->partition);
  }
  return {};
}

base::Status Reader::read(const std::string& topic, const Extent& extent, Milliseconds patience,
                          const Each& each) const {
  if (auto begun = begin(topic, extent, false); !begun) return begun;
  auto scanned = scan(topic, extent, patience, each);
  rd_kafka_assign(client_.get(), nullptr);
  return scanned;
}

base::Status Reader::follow(const std::string& topic, const Extent& extent, Milliseconds limit,
                            const Each& each, const GoOn& go_on) const {
  if (auto begun = begin(topic, extent, true); !begun) return begun;
  const auto until = clock_.steady() + limit;
  bool more = true;
  while (more && !stopped_ && clock_.steady() < until && (!go_on || go_on())) {
    const Message message{rd_kafka_consumer_poll(client_.get(), kPoll)};
    if (!message || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    more = each(to_record(*message, 0));
  }
  rd_kafka_assign(client_.get(), nullptr);
  return {};
}

base::Result<std::optional<base::Record>> Reader::find(const NamedPartition& partition,
                                                       std::int64_t offset,
                                                       Milliseconds limit) const {
  Watermarks marks;
  const auto code =
      rd_kafka_query_watermark_offsets(client_.get(), partition.topic.c_str(), partition.partition,
                                       &marks.low, &marks.high, static_cast<int>(limit.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return call_error(client_.get(), code, partition.topic);
  std::optional<base::Record> found;
  if (offset < marks.low || offset >= marks.high) return found;
  // Up to the end: the position itself may hold no record, the next one tells.
  const Extent extent{{partition.partition, {offset, marks.high}}};
  const auto scanned = read(partition.topic, extent, limit, [&](base::Record&& record) {
    if (record.position.offset == offset) found = std::move(record);
    return false;
  });
  if (!scanned) return scanned.error();
  return found;
}

}  // namespace admitone::kafka
