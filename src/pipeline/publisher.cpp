#include "pipeline/publisher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace admitone::pipeline {
namespace {

constexpr std::chrono::milliseconds kRetryPause{200};

std::optional<std::string> text(const std::optional<std::string_view>& view) {
  return view ? std::optional<std::string>(*view) : std::nullopt;
}

}  // namespace

Publisher::Publisher(const EngineOptions& options, World world, std::function<void(Message)> tell)
    : options_(options), world_(world), tell_(std::move(tell)) {}

void Publisher::add(const ports::TakenLane& taken, AssignmentTag tag, bool home) {
  {
    const std::scoped_lock lock(mutex_);
    // The lane was taken away while its pipeline was still taking it: Kafka would not refuse what
    // we publish for a partition that another member of our generation has.
    const auto retired = retired_.find(taken.tp);
    if (retired != retired_.end() && tag <= retired->second) return;
    LaneOut lane;
    lane.tag = tag;
    lane.serial = ++last_serial_;
    lane.home = home;
    lane.taken = taken;
    lane.published_seq = taken.published_seq;
    lane.published_offset = taken.published_offset;
    lane.opening_since = world_.clock.steady();
    lanes_.insert_or_assign(taken.tp, std::move(lane));
  }
  wake_.notify();
}

void Publisher::publish(Publication&& publication) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = lanes_.find(publication.tp);
    // Dropped between the commit and here: the next owner takes it from the ledger.
    if (found == lanes_.end() || found->second.tag != publication.tag) return;
    auto& lane = found->second;
    const bool empty = publication.outcomes.empty() && publication.dead_letters.empty();
    if (empty && lane.waiting.empty() && publication.next_offset == lane.acknowledged) return;
    lane.outcomes_waiting += publication.outcomes.size();
    lane.bytes_waiting += publication.bytes();
    publication.decided = world_.clock.steady();
    if (lane.waiting.size() > lane.in_flight && empty && lane.waiting.back().outcomes.empty() &&
        lane.waiting.back().dead_letters.empty()) {
      lane.waiting.back().next_offset = publication.next_offset;
    } else {
      lane.waiting.push_back(std::move(publication));
    }
  }
  wake_.notify();
}

void Publisher::drop(base::TopicPartition tp, AssignmentTag tag) {
  const std::scoped_lock lock(mutex_);
  const auto found = lanes_.find(tp);
  if (found != lanes_.end() && found->second.tag == tag) lanes_.erase(found);
}

Publisher::LaneOut* Publisher::find(base::TopicPartition tp, std::uint64_t serial) {
  const auto found = lanes_.find(tp);
  return found != lanes_.end() && found->second.serial == serial ? &found->second : nullptr;
}

bool Publisher::release(const Assignments& lanes, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  cancel_ = true;
  const bool quiet = quiet_.wait_for(lock, limit, [this] { return !publishing_; });
  for (const auto& [tp, tag] : lanes) {
    lanes_.erase(tp);
    retired_[tp] = tag;
  }
  cancel_ = false;
  return quiet;
}

bool Publisher::empty() const {
  const std::scoped_lock lock(mutex_);
  return !publishing_ && std::all_of(lanes_.begin(), lanes_.end(), [](const auto& entry) {
    return entry.second.waiting.empty() || entry.second.stage == Stage::stopped;
  });
}

bool Publisher::settled() const {
  const std::scoped_lock lock(mutex_);
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& entry) {
    return entry.second.stage == Stage::open || entry.second.hangs;
  });
}

std::vector<base::TopicPartition> Publisher::hanging() const {
  std::vector<base::TopicPartition> all;
  const std::scoped_lock lock(mutex_);
  for (const auto& [tp, lane] : lanes_)
    if (lane.hangs) all.push_back(tp);
  return all;
}

void Publisher::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    bool more = false;
    try {
      more = step();
    } catch (const std::exception& error) {
      // It may have been published all the same: the log tells.
      base::logger("pipeline")->error("publisher: {}", error.what());
      reopen_all();
      ended();
    }
    ++rounds_;
    if (!more) wake_.wait(pause(), stop);
  }
}

std::chrono::milliseconds Publisher::pause() const {
  constexpr std::chrono::milliseconds kAtMost{20};
  const auto rest =
      std::chrono::ceil<std::chrono::milliseconds>(rests_until_ - world_.clock.steady());
  return rest.count() <= 0 ? kAtMost : std::min(rest, kAtMost);
}

bool Publisher::step() {
  const auto now = world_.clock.steady();
  if (now < not_before_) return false;
  if (!opened_) {
    if (const auto opened = world_.log.open(); !opened) {
      base::logger("pipeline")
          ->warn("the outcome producer cannot start yet: {}", opened.error().message);
      not_before_ = now + kRetryPause;
      return false;
    }
    opened_ = true;
  }
  const bool opened = open_lanes();
  return publish_load() || opened;
}

void Publisher::add_records(Load& load, base::TopicPartition tp,
                            const Publication& publication) const {
  for (const auto& out : publication.outcomes) {
    ports::OutgoingRecord record;
    record.topic = ports::OutgoingRecord::Topic::outcomes;
    record.partition = tp.partition;
    record.outcome = out.outcome;
    record.seq = out.seq;
    load.records.push_back(std::move(record));
  }
  for (const auto& letter : publication.dead_letters) {
    const auto original = contract::unpack_record(letter.packed);
    ADMITONE_ASSERT(original);
    ports::OutgoingRecord record;
    record.topic = ports::OutgoingRecord::Topic::dead_letters;
    record.partition = -1;
    record.key = text(original->key);
    record.value = text(original->value);
    // Of a forwarded record: where it was sent to, which the row in the database does not say.
    auto facts = letter.facts;
    facts.partition = original->position.partition;
    facts.offset = original->position.offset;
    record.headers = contract::dead_letter_headers(*original, facts);
    load.records.push_back(std::move(record));
  }
}

Publisher::Load Publisher::gather() {
  Load load;
  for (auto& [tp, lane] : lanes_) {
    if (lane.stage != Stage::open || lane.waiting.empty()) continue;
    const auto enough = [&] {
      return load.records.size() >= options_.transaction_records ||
             load.bytes >= options_.transaction_bytes;
    };
    if (enough()) break;
    Load::Part part{.tp = tp, .serial = lane.serial, .first_record = load.records.size()};
    for (const auto& publication : lane.waiting) {
      if (enough()) break;
      load.bytes += publication.bytes();
      part.outcomes += publication.outcomes.size();
      add_records(load, tp, publication);
      part.next_offset = publication.next_offset;
      ++part.publications;
    }
    lane.in_flight = part.publications;
    load.offsets.push_back({tp, part.next_offset});
    load.parts.push_back(part);
  }
  return load;
}

// A Kafka transaction costs the broker the same whatever it carries. Whole batches of lanes that
// have more mean that it is on its way; one that is not means that a lane has caught up, and then
// nothing waits.
bool Publisher::worth_waiting() const {
  if (transactional_id().empty()) return false;
  const auto now = world_.clock.steady();
  std::size_t outcomes = 0;
  auto oldest = now;
  for (const auto& [tp, lane] : lanes_) {
    if (lane.stage != Stage::open) continue;
    for (const auto& publication : lane.waiting) {
      if (!publication.of_full_unit) return false;
      outcomes += publication.outcomes.size();
      oldest = std::min(oldest, publication.decided);
    }
  }
  return outcomes < options_.transaction_worth && now - oldest < options_.transaction_wait;
}

bool Publisher::publish_load() {
  // The broker still writes the markers of the last transaction. A request of the next one that
  // comes too early is refused, and the client library tries again 20 ms later.
  if (world_.clock.steady() < rests_until_) return false;
  Load load;
  {
    const std::scoped_lock lock(mutex_);
    if (cancel_ || worth_waiting()) return false;
    load = gather();
    if (load.parts.empty()) return false;
    publishing_ = true;
  }
  const auto began = world_.clock.steady();
  const auto report = world_.log.publish(load.records, load.offsets, cancel_);
  world_.meters.observe(ports::Histogram::kafka_transaction_seconds,
                        std::chrono::duration<double>(world_.clock.steady() - began).count());
  if (!transactional_id().empty()) rests_until_ = world_.clock.steady() + options_.transaction_rest;
  settle(load, report);
  ended();
  return report.end == ports::PublishEnd::committed;
}

void Publisher::ended() {
  const std::scoped_lock lock(mutex_);
  publishing_ = false;
  for (auto& [tp, lane] : lanes_) lane.in_flight = 0;
  quiet_.notify_all();
}

void Publisher::settle(const Load& load, const ports::PublishReport& report) {
  const auto count = [this](const char* label) {
    world_.meters.add(ports::Counter::kafka_transactions, label, 1);
  };
  auto log = base::logger("pipeline");
  switch (report.end) {
    case ports::PublishEnd::committed:
      count("committed");
      committed(load, report);
      return;
    case ports::PublishEnd::too_large:
      count("aborted");
      log->warn("the outcome producer was made anew: {}", report.detail);
      stop_too_large(load, report.record.value_or(0));
      reopen_all();
      return;
    case ports::PublishEnd::aborted:
      count("aborted");
      log->info("a Kafka transaction was aborted: {}", report.detail);
      not_before_ = world_.clock.steady() + std::chrono::milliseconds{20};
      return;
    case ports::PublishEnd::refused:
      // The group has moved on. If a lane is ours all the same, its take-over finds out what is
      // missing.
      count("refused");
      log->warn("a Kafka transaction was refused: {}", report.detail);
      not_before_ = world_.clock.steady() + kRetryPause;
      reopen_all();
      return;
    case ports::PublishEnd::recycled:
      count("recycled");
      log->warn("the outcome producer was made anew: {}", report.detail);
      reopen_all();
      return;
  }
}

// The others go on: a Kafka transaction carries the lanes of the whole process.
void Publisher::stop_too_large(const Load& load, std::size_t index) {
  const auto after = std::upper_bound(
      load.parts.begin(), load.parts.end(), index,
      [](std::size_t record, const Load::Part& part) { return record < part.first_record; });
  ADMITONE_ASSERT(after != load.parts.begin() && index < load.records.size());
  const auto& part = *std::prev(after);
  const auto& record = load.records[index];
  const bool letter = record.topic == ports::OutgoingRecord::Topic::dead_letters;
  std::size_t bytes = 0;
  if (record.outcome) {
    bytes = contract::outcome_bytes(*record.outcome, record.partition, record.seq);
  } else {
    bytes = record.key.value_or("").size() + record.value.value_or("").size();
    for (const auto& header : record.headers) bytes += header.name.size() + header.value.size();
  }
  stop(part.tp, part.serial,
       fmt::format("{} of {} bytes is larger than the {} topic takes; raise that topic's "
                   "max.message.bytes above it and restart the workers",
                   letter ? "a dead letter" : "an outcome", bytes,
                   letter ? "dead-letter" : "outcome"));
}

void Publisher::reopen_all() {
  const std::scoped_lock lock(mutex_);
  for (auto& [tp, lane] : lanes_) {
    if (lane.stage != Stage::open) continue;
    lane.stage = Stage::opening;
    lane.opening_since = world_.clock.steady();
    lane.look_again = {};
  }
}

void Publisher::committed(const Load& load, const ports::PublishReport& report) {
  std::vector<LanePublished> messages;
  const auto wall = world_.clock.now();
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& part : load.parts) {
      auto* const found = find(part.tp, part.serial);
      if (found == nullptr) continue;
      auto& lane = *found;
      LanePublished message{part.tp,
                            lane.tag,
                            lane.taken.epoch,
                            lane.published_seq,
                            lane.published_offset,
                            lane.predecessors_closed,
                            {}};
      if (part.outcomes > 0) lane.latency = age_of(lane.waiting);
      std::size_t record = part.first_record;
      for (std::size_t i = 0; i < part.publications; ++i) {
        auto& publication = lane.waiting.front();
        for (const auto& out : publication.outcomes) {
          message.seq = out.seq;
          message.offset = report.offsets[record++] + 1;
          if (out.received != base::Timestamp{})
            world_.meters.observe(ports::Histogram::end_to_end_seconds,
                                  std::chrono::duration<double>(wall - out.received).count());
        }
        for (const auto& letter : publication.dead_letters) {
          ++record;
          message.dead_letters_sent.push_back(letter.position);
        }
        lane.outcomes_waiting -= publication.outcomes.size();
        lane.bytes_waiting -= publication.bytes();
        lane.acknowledged = publication.next_offset;
        lane.waiting.pop_front();
      }
      lane.published_seq = message.seq;
      lane.published_offset = message.offset;
      messages.push_back(std::move(message));
    }
  }
  for (auto& message : messages) tell_(std::move(message));
}

}  // namespace admitone::pipeline
