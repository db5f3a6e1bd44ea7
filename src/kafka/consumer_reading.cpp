// Where reading begins, and what comes.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "kafka/consumer_impl.hpp"
#include "kafka/extent.hpp"
#include "kafka/records.hpp"

namespace admitone::kafka {
namespace {

constexpr int kSlice = 256;  // records of one partition before the next one's turn
// Between two readings of a place that cannot be read; doubled each time.
constexpr Milliseconds kShortestRest{100};
constexpr Milliseconds kLongestRest{30'000};
// How long librdkafka may refuse to go back to it.
constexpr Milliseconds kRefusals{5'000};

// rd_kafka_seek_partitions takes its limit for microseconds before 2.1.0.
int seek_limit() {
  return rd_kafka_version() < 0x02010000 ? 1'000'000 : 1'000;
}

}  // namespace

// ---------------------------------------------------------------- commands

void Consumer::Impl::enqueue(const Command& command) {
  {
    const std::scoped_lock lock(mutex_);
    commands_.push_back(command);
  }
  wake_.notify();
}

void Consumer::Impl::run_commands() {
  std::vector<Command> commands;
  {
    const std::scoped_lock lock(mutex_);
    commands.swap(commands_);
  }
  for (const auto& command : commands) {
    const auto lane = owned_.find(command.tp);
    if (lane == owned_.end()) continue;
    switch (command.verb) {
      case Verb::start:
        lane->second.start = command.offset;
        break;
      case Verb::pause:
        lane->second.paused = true;
        break;
      case Verb::resume:
        lane->second.paused = false;
        break;
    }
  }
  run_starts();
}

void Consumer::Impl::run_starts() {
  const auto list = make_list(8);
  for (const auto& [tp, owned] : owned_) {
    if (owned.start) {
      add(list.get(), tp, *owned.start);
    } else if (owned.again && clock_.steady() >= *owned.again) {
      add(list.get(), tp, owned.next);
    }
  }
  if (list->cnt == 0) return;
  halt(*list);
  const CallError sought(rd_kafka_seek_partitions(raw(), list.get(), seek_limit()));
  const auto ready = make_list(list->cnt);
  for (int i = 0; i < list->cnt; ++i) {
    const auto& one = list->elems[i];
    // A refusal means that the fetcher has not begun yet (a stop is still going on): next time.
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      refused({settings_.topics.id(one.topic), one.partition}, one.err);
      continue;
    }
    rd_kafka_topic_partition_list_add(ready.get(), one.topic, one.partition)->offset = one.offset;
  }
  if (ready->cnt == 0) return;
  rd_kafka_resume_partitions(raw(), ready.get());
  // Resuming does not wake the fetcher (up to a second's delay); seeking to the same place does.
  const CallError again(rd_kafka_seek_partitions(raw(), ready.get(), seek_limit()));
  for (int i = 0; i < ready->cnt; ++i) {
    const auto& one = ready->elems[i];
    begin({settings_.topics.id(one.topic), one.partition}, one.offset);
  }
}

// After damage librdkafka 2.0.2 may parse on in the wrong place, believe in an offset that it finds
// there and give the partition up. Only a new client can read it then.
void Consumer::Impl::refused(base::TopicPartition tp, rd_kafka_resp_err_t why) {
  const auto& owned = owned_.at(tp);
  if (owned.start || !owned.again || clock_.steady() < *owned.again + kRefusals) return;
  const auto where = named(tp);
  fail(
      fmt::format("{}/{}: the log cannot be read at offset {}, and the client cannot go back to it "
                  "({}); the process has to start again",
                  where.topic, where.partition, owned.next, rd_kafka_err2name(why)));
}

// A partition that runs already is started again: stop its fetching and forget what it brought.
void Consumer::Impl::halt(const rd_kafka_topic_partition_list_t& starting) {
  const auto running = make_list(starting.cnt);
  for (int i = 0; i < starting.cnt; ++i) {
    const auto& one = starting.elems[i];
    auto& owned = owned_.at({settings_.topics.id(one.topic), one.partition});
    if (!std::exchange(owned.started, false)) continue;
    rd_kafka_topic_partition_list_add(running.get(), one.topic, one.partition);
  }
  if (running->cnt == 0) return;
  rd_kafka_pause_partitions(raw(), running.get());
  for (int i = 0; i < running->cnt; ++i) {
    const auto& one = running->elems[i];
    auto* queue = owned_.at({settings_.topics.id(one.topic), one.partition}).queue.get();
    while (const Message dropped{rd_kafka_consume_queue(queue, 0)}) continue;
  }
}

// What librdkafka cannot read (a batch that fails its checksum) it reports and goes past. Nobody
// may: the place is read again, after a rest, until it can be. A damaged answer is whole the next
// time, a damaged log holds this partition up until it was mended.
void Consumer::Impl::read_again_later(Lanes::iterator lane, const rd_kafka_message_t& message) {
  auto& [tp, owned] = *lane;
  const auto where = named(tp);
  owned.rest = std::clamp(owned.rest * 2, kShortestRest, kLongestRest);
  owned.again = clock_.steady() + owned.rest;
  base::logger("kafka")->error(
      "{}/{}: the log cannot be read at offset {}: {} ({}); nothing after offset {} is taken, it "
      "is read again in {} ms; if this stays, let a broker with an undamaged copy lead the "
      "partition or restore it",
      where.topic, where.partition, message.offset, rd_kafka_message_errstr(&message),
      rd_kafka_err2name(message.err), owned.next - 1, owned.rest.count());
  const auto list = make_list(1);
  add(list.get(), tp, owned.next);
  halt(*list);
}

void Consumer::Impl::begin(base::TopicPartition tp, std::int64_t offset) {
  auto& owned = owned_.at(tp);
  owned.again.reset();
  owned.started = true;
  // The same place read again: to the sink nothing has happened.
  if (!owned.start) return;
  owned.start.reset();
  owned.next = offset;
  owned.stale_above = owned.last && *owned.last >= offset ? owned.last : std::nullopt;
  sink_->started(tp, offset);
}

// ---------------------------------------------------------------- records

void Consumer::Impl::take(Lanes::iterator lane, const rd_kafka_message_t& message) {
  auto& [tp, owned] = *lane;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    if (!owned.stale_above) sink_->caught_up(tp, message.offset);
    return;
  }
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    const auto where = named(tp);
    fail(fmt::format(
        "{}/{}: position {} is not in the log any more (retention, truncation, or the topic was "
        "made again): compare it with the lane's next offset (`admitone lanes`) and restore the "
        "topic, or move the lane on by hand after an audit",
        where.topic, where.partition, owned.next));
    return;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // Errors without a place are not about reading, and what passes is asked for again there.
    const bool of_a_place = message.offset != RD_KAFKA_OFFSET_INVALID && !passes(message.err) &&
                            !is_hopeless(message.err);
    if (of_a_place) {
      read_again_later(lane, message);
    } else {
      complain(message.err, rd_kafka_message_errstr(&message));
    }
    return;
  }
  if (owned.stale_above) {
    if (message.offset > *owned.stale_above) return;
    owned.stale_above.reset();
  }
  if (message.offset < owned.next) return;  // handed on already
  owned.rest = {};
  owned.next = message.offset + 1;
  owned.last = message.offset;
  log_ends_.taken(tp, static_cast<std::int64_t>(message.len + message.key_len));
  rd_kafka_timestamp_type_t type{};
  rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME && !warned_time_ &&
      settings_.topics.name(tp.topic) == settings_.home_topic) {
    warned_time_ = true;
    base::logger("kafka")->warn(
        "{} holds records without LogAppendTime: producers' clocks decide for them; set "
        "message.timestamp.type=LogAppendTime",
        settings_.home_topic);
  }
  sink_->record(to_record(message, tp.topic));
}

bool Consumer::Impl::serve_events() {
  bool worked = false;
  while (const Message message{rd_kafka_consumer_poll(raw(), 0)}) {
    worked = true;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // of an assignment that is over
    complain(message->err, rd_kafka_message_errstr(message.get()));
  }
  return worked;
}

void Consumer::Impl::tell_ends() {
  for (const auto& [tp, next_offset, asked] : log_ends_.told()) {
    const auto lane = owned_.find(tp);
    if (lane != owned_.end() && lane->second.announced) sink_->end_told(tp, next_offset, asked);
  }
}

bool Consumer::Impl::serve_partitions() {
  bool worked = false;
  for (auto lane = owned_.begin(); lane != owned_.end(); ++lane) {
    if (!lane->second.started || lane->second.paused) continue;
    for (int i = 0; i < kSlice && lane->second.started; ++i) {
      const Message message{rd_kafka_consume_queue(lane->second.queue.get(), 0)};
      if (!message) break;
      worked = true;
      take(lane, *message);
    }
  }
  return worked;
}

}  // namespace admitone::kafka
