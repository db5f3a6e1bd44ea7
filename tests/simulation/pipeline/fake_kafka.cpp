#include "simulation/pipeline/fake_kafka.hpp"

#include <cstring>

namespace admitone::simulation {

namespace {

// As readers of the topic see it.
ports::OutgoingRecord rendered(ports::OutgoingRecord record) {
  if (!record.outcome) return record;
  if (record.outcome->event) record.key = record.outcome->event->str();
  record.value = record.outcome->value;
  record.headers = contract::outcome_headers(*record.outcome, record.partition, record.seq);
  record.outcome.reset();
  return record;
}

}  // namespace

base::Position FakeKafka::append(base::TopicPartition tp, StoredRecord record) {
  auto& log = commands[tp];
  log.push_back(std::move(record));
  return {tp.topic, tp.partition, static_cast<std::int64_t>(log.size()) - 1};
}

base::Record FakeKafka::read(base::TopicPartition tp, std::int64_t offset) const {
  const auto& stored = commands.at(tp).at(static_cast<std::size_t>(offset));
  std::size_t size = stored.key.value_or("").size() + stored.value.value_or("").size();
  for (const auto& header : stored.headers) size += header.name.size() + header.value.size();
  base::Record record;
  record.position = {tp.topic, tp.partition, offset};
  record.timestamp = stored.timestamp;
  record.appended = stored.appended;
  record.storage = std::make_unique<char[]>(size + 1);
  char* at = record.storage.get();
  const auto keep = [&at](const std::string& text) {
    std::memcpy(at, text.data(), text.size());
    const std::string_view view(at, text.size());
    at += text.size();
    return view;
  };
  if (stored.key) record.key = keep(*stored.key);
  if (stored.value) record.value = keep(*stored.value);
  for (const auto& header : stored.headers) {
    const auto name = keep(header.name);
    record.headers.push_back({name, keep(header.value), header.null});
  }
  record.bytes = size;
  return record;
}

std::vector<std::int64_t> FakeKafka::sequences(std::int32_t lane) const {
  std::vector<std::int64_t> all;
  if (!outcomes.contains(lane)) return all;
  for (const auto& record : outcomes.at(lane))
    for (const auto& header : record.headers)
      if (header.name == "admitone-seq") all.push_back(contract::parse_seq(header.value)->seq);
  return all;
}

ports::PublishReport FakeLog::write(std::span<const ports::OutgoingRecord> records,
                                    std::span<const ports::OffsetMark> offsets) {
  ports::PublishReport report;
  report.end = ports::PublishEnd::committed;
  for (const auto& record : records) {
    auto& log = record.topic == ports::OutgoingRecord::Topic::outcomes
                    ? kafka_.outcomes[record.partition]
                    : kafka_.dead_letters;
    report.offsets.push_back(static_cast<std::int64_t>(log.size()));
    log.push_back(rendered(record));
  }
  for (const auto& mark : offsets) kafka_.positions[mark.tp] = mark.next_offset;
  return report;
}

ports::PublishReport FakeLog::publish(std::span<const ports::OutgoingRecord> records,
                                      std::span<const ports::OffsetMark> offsets,
                                      const std::atomic<bool>& cancel) {
  if (cancel) return {ports::PublishEnd::aborted, {}, "cancelled"};
  for (std::size_t i = 0; i < records.size(); ++i)
    if (rendered(records[i]).value.value_or("").size() > largest_value)
      return {ports::PublishEnd::too_large, {}, "too large", i};
  switch (before_publish()) {
    case Fault::none:
      return write(records, offsets);
    case Fault::refused:
      return {ports::PublishEnd::refused, {}, "the group has moved on"};
    case Fault::recycled_before:
      return {ports::PublishEnd::recycled, {}, "lost before"};
    case Fault::recycled_after:
      write(records, offsets);
      return {ports::PublishEnd::recycled, {}, "answer lost"};
  }
  return {};
}

base::Status FakeLog::fence(const std::string& id) {
  kafka_.fenced.insert(id);
  kafka_.open_transaction.clear();
  kafka_.pending.clear();
  return {};
}

base::Error FakeLog::no_answer() const {
  kafka_.before_no_answer();
  return {base::ErrorKind::retry_call, base::Effect::not_applied, "nobody answers"};
}

base::Result<bool> FakeLog::closed(std::int32_t lane) {
  if (kafka_.no_outcome_leader.contains(lane)) return no_answer();
  return !kafka_.open_transaction[lane] && !kafka_.hanging.contains(lane);
}

base::Result<ports::Tail> FakeLog::read_tail(std::int32_t lane, std::int64_t from) {
  if (kafka_.no_outcome_leader.contains(lane)) return no_answer();
  ports::Tail tail;
  const auto& log = kafka_.outcomes[lane];
  tail.end = static_cast<std::int64_t>(log.size());
  for (auto offset = from; offset < tail.end; ++offset) {
    for (const auto& header : log[static_cast<std::size_t>(offset)].headers)
      if (header.name == "admitone-seq")
        tail.last = ports::TailRecord{offset, contract::parse_seq(header.value)->seq, ""};
  }
  return tail;
}

base::Result<ports::GroupPosition> FakeLog::stable_position(base::TopicPartition tp) {
  if (kafka_.no_coordinator || (tp.topic == 0 && kafka_.no_home_leader.contains(tp.partition)))
    return no_answer();
  ++kafka_.positions_told;
  if (kafka_.pending.contains(tp)) return ports::GroupPosition{.pending = true};
  const auto found = kafka_.positions.find(tp);
  if (found == kafka_.positions.end()) return ports::GroupPosition{};
  return ports::GroupPosition{.offset = found->second};
}

base::Status FakeSender::send(std::span<const ports::OutgoingRecord> records) {
  ++calls;
  const bool leaderless = std::any_of(records.begin(), records.end(), [this](const auto& record) {
    return no_leader.contains(record.partition);
  });
  if (!down && !leaderless) return deliver(records);
  before_refusal();
  return base::Error{base::ErrorKind::retry_unit, base::Effect::unknown, "the broker is away"};
}

base::Status FakeSender::deliver(std::span<const ports::OutgoingRecord> records) {
  for (const auto& record : records)
    if (lose-- <= 0)
      kafka_.append({0, record.partition}, {clock_.wall, record.key, record.value, record.headers});
  return {};
}

void FakeSource::assign(const std::vector<base::TopicPartition>& partitions) {
  std::vector<ports::AssignedPartition> assigned;
  for (const auto& tp : partitions) {
    ports::AssignedPartition one;
    one.tp = tp;
    if (const auto found = kafka_.positions.find(tp); found != kafka_.positions.end())
      one.committed = found->second;
    one.high = static_cast<std::int64_t>(kafka_.commands[tp].size());
    assigned.push_back(one);
    owned_[tp] = std::nullopt;
  }
  sink_->assigned(assigned);
}

void FakeSource::revoke(const std::vector<base::TopicPartition>& partitions, bool lost) {
  sink_->revoked(partitions, lost);
  for (const auto& tp : partitions) owned_.erase(tp);
}

std::optional<std::int64_t> FakeSource::log_end(base::TopicPartition tp) const {
  const auto found = kafka_.commands.find(tp);
  return found == kafka_.commands.end() ? 0 : static_cast<std::int64_t>(found->second.size());
}

void FakeSource::poll(std::chrono::milliseconds) {
  for (const auto& [tp, offset] : std::exchange(starts_, {})) {
    const auto owned = owned_.find(tp);
    if (owned == owned_.end()) continue;
    owned->second = offset;
    sink_->started(tp, offset);
  }
  if (!stands_still) fetch();
  tell_ends();
}

void FakeSource::tell_ends() {
  for (const auto& [tp, asked] : std::exchange(asked_, {})) {
    ++ends_asked;
    if (tells_ends && owned_.contains(tp))
      sink_->end_told(tp, static_cast<std::int64_t>(kafka_.commands[tp].size()), asked);
  }
}

void FakeSource::fetch() {
  for (auto& [tp, next] : owned_) {
    const auto end = static_cast<std::int64_t>(kafka_.commands[tp].size());
    if (!next) continue;
    while (*next < end && !paused_.contains(tp)) {
      const auto offset = (*next)++;
      if (!kafka_.commands[tp][static_cast<std::size_t>(offset)].marker)
        sink_->record(kafka_.read(tp, offset));
    }
    if (*next == end) sink_->caught_up(tp, end);
  }
}

void FakeSource::close(std::chrono::milliseconds) {
  std::vector<base::TopicPartition> all;
  for (const auto& [tp, next] : owned_) all.push_back(tp);
  revoke(all, false);
}

}  // namespace admitone::simulation
