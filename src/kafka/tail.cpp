#include "kafka/tail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "contract/outcome.hpp"
#include "kafka/conf.hpp"
#include "kafka/records.hpp"

namespace admitone::kafka {

base::Result<std::unique_ptr<Tail>> Tail::create(const ClientSettings& client,
                                                 TailSettings settings,
                                                 std::shared_ptr<const Probe> probe,
                                                 const ports::Clock& clock) {
  Conf conf(client, "tail");
  // At librdkafka's default wait, asking for the end queues up behind a long poll for 0.5 to 2 s.
  conf.consuming(settings.group_id, "read_committed").set("fetch.wait.max.ms", Milliseconds(10));
  auto made = conf.make(RD_KAFKA_CONSUMER);
  if (!made) return made.error();
  rd_kafka_poll_set_consumer(made->get());
  return std::make_unique<Tail>(std::move(*made), std::move(settings), std::move(probe), clock);
}

Tail::Tail(Client committed, TailSettings settings, std::shared_ptr<const Probe> probe,
           const ports::Clock& clock)
    : committed_(std::move(committed)),
      settings_(std::move(settings)),
      probe_(std::move(probe)),
      clock_(clock) {}

// For a read_committed client the high watermark is the last stable offset.
base::Result<Watermarks> Tail::stable_marks(std::int32_t lane) const {
  Watermarks marks;
  const auto code = rd_kafka_query_watermark_offsets(
      committed_.get(), settings_.outcome_topic.c_str(), lane, &marks.low, &marks.high,
      static_cast<int>(settings_.leader_limit.count()));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return error_of(code, fmt::format("end of {}/{}", settings_.outcome_topic, lane));
  }
  return marks;
}

base::Result<bool> Tail::closed(std::int32_t lane) const {
  // In this order: what was open when the first was read is below it.
  const auto all = probe_->watermarks({settings_.outcome_topic, lane}, settings_.leader_limit);
  if (!all) return all.error();
  const auto stable = stable_marks(lane);
  if (!stable) return stable.error();
  return stable->high >= all->high;
}

base::Result<ports::GroupPosition> Tail::stable_position(const NamedPartition& partition) const {
  const auto found =
      probe_->stable_positions(std::span(&partition, 1), settings_.limit, settings_.leader_limit);
  if (!found) return found.error();
  return found->front();
}

base::Status Tail::keep(const rd_kafka_message_s& message, std::int32_t lane,
                        ports::Tail& tail) const {
  const auto record = to_record(message, 0);
  std::optional<contract::LaneSeq> seq;
  std::string id;
  for (const auto& header : record.headers) {
    if (header.name == "admitone-seq") seq = contract::parse_seq(header.value);
    if (header.name == "ce_id") id = header.value;
  }
  if (!seq || seq->lane != lane) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       fmt::format("{}/{}: the record at offset {} is no outcome of this lane: "
                                   "nothing else may write to this topic",
                                   settings_.outcome_topic, lane, message.offset)};
  }
  tail.last = ports::TailRecord{message.offset, seq->seq, std::move(id)};
  return {};
}

// Control records and aborted data move the position without a record, so the end is known by the
// end-of-partition event.
base::Status Tail::scan(std::int32_t lane, std::int64_t begin, ports::Tail& tail) const {
  const auto until = clock_.steady() + settings_.limit;
  while (clock_.steady() < until) {
    const Message message{rd_kafka_consumer_poll(committed_.get(), 50)};
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (message->partition != lane || message->offset < begin) continue;
      if (message->offset >= tail.end) return {};
      if (auto kept = keep(*message, lane, tail); !kept) return kept.error();
      if (message->offset + 1 == tail.end) return {};
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message->partition == lane && message->offset >= tail.end) return {};
    } else {
      return error_of(message->err, fmt::format("reading {}/{}", settings_.outcome_topic, lane));
    }
  }
  return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT,
                  fmt::format("reading the tail of {}/{}", settings_.outcome_topic, lane));
}

base::Result<ports::Tail> Tail::read(std::int32_t lane, std::int64_t from) const {
  const auto marks = stable_marks(lane);
  if (!marks) return marks.error();
  ports::Tail tail{std::nullopt, marks->low, marks->high};
  const std::int64_t begin = std::max(from, marks->low);
  if (begin >= tail.end) return tail;

  const auto list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), settings_.outcome_topic.c_str(), lane)->offset =
      begin;
  const auto assigned = rd_kafka_assign(committed_.get(), list.get());
  if (assigned != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(assigned, "reading the outcome log");
  const auto scanned = scan(lane, begin, tail);
  rd_kafka_assign(committed_.get(), nullptr);
  if (!scanned) return scanned.error();
  return tail;
}

}  // namespace admitone::kafka
