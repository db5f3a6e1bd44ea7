#include "kafka/consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "kafka/conf.hpp"
#include "kafka/records.hpp"
#include "kafka/wake.hpp"

namespace admitone::kafka {
namespace {

constexpr int kSlice = 256;  // records of one partition before the next one's turn
constexpr Milliseconds kRetry{20};

void wake_up(rd_kafka_t*, void* opaque) {
  static_cast<Wake*>(opaque)->notify();
}

// rd_kafka_seek_partitions takes its limit for microseconds before 2.1.0.
int seek_limit() {
  return rd_kafka_version() < 0x02010000 ? 1'000'000 : 1'000;
}

// Nothing gets better by waiting; the operator has to act.
bool is_hopeless(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
}

}  // namespace

class Consumer::Impl final : public ClientEvents {
 public:
  Impl(ConsumerSettings settings, std::shared_ptr<const Probe> probe, const ports::Clock& clock)
      : settings_(std::move(settings)), probe_(std::move(probe)), clock_(clock) {}
  ~Impl() { ADMITONE_ASSERT(owned_.empty()); }

  base::Status make(const ClientSettings& client);
  base::Status subscribe(ports::RecordSink& sink);
  void poll(Milliseconds budget);
  void close(Milliseconds limit);

  enum class Verb { start, pause, resume };
  struct Command {
    Verb verb;
    base::TopicPartition tp;
    std::int64_t offset = 0;
  };
  void enqueue(const Command& command);

  [[nodiscard]] rd_kafka_t* raw() const { return client_.get(); }
  [[nodiscard]] const TopicNames& topics() const { return settings_.topics; }

 private:
  struct Owned {
    Queue queue;
    bool announced = false;             // the sink knows
    bool started = false;               // its position is set
    bool paused = false;                // its queue is not read
    std::optional<std::int64_t> start;  // asked for, not yet done
    std::int64_t next = 0;              // lowest offset not yet handed on
    std::optional<std::int64_t> last;   // handed on most recently
    // After going back: records above are left-overs of the fetch before, until one at or below
    // comes. One must come, because it was handed on before.
    std::optional<std::int64_t> stale_above;
  };
  using Lanes = std::map<base::TopicPartition, Owned>;

  void on_error(rd_kafka_resp_err_t code, const char* reason) override;
  void on_rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t& list) override;

  void assign(rd_kafka_topic_partition_list_t& list);
  void revoke(bool lost);
  void announce();
  std::optional<ports::AssignedPartition> look_up(base::TopicPartition tp,
                                                  const Probe::Position& position);
  void run_commands();
  void run_starts();
  void halt(const rd_kafka_topic_partition_list_t& starting);
  void begin(base::TopicPartition tp, std::int64_t offset);
  bool serve_events();
  bool serve_partitions();
  void take(Lanes::iterator lane, const rd_kafka_message_t& message);
  void complain(rd_kafka_resp_err_t code, const std::string& text);
  void fail(const std::string& why);
  [[nodiscard]] NamedPartition named(base::TopicPartition tp) const {
    return {settings_.topics.name(tp.topic), tp.partition};
  }
  void add(rd_kafka_topic_partition_list_t* list, base::TopicPartition tp, std::int64_t offset) {
    rd_kafka_topic_partition_list_add(list, settings_.topics.name(tp.topic).c_str(), tp.partition)
        ->offset = offset;
  }

  ConsumerSettings settings_;
  std::shared_ptr<const Probe> probe_;
  const ports::Clock& clock_;
  ports::RecordSink* sink_ = nullptr;
  Wake wake_;
  Client client_;
  Queue events_;
  Lanes owned_;
  base::Instant next_look_up_{};
  bool failed_ = false;
  bool closed_ = false;
  bool warned_time_ = false;

  std::mutex mutex_;
  std::vector<Command> commands_;
};

base::Status Consumer::Impl::make(const ClientSettings& client) {
  Conf conf(client, "consumer");
  const std::int64_t fetch = std::int64_t{settings_.fetch_kbytes} * 1024;
  conf.consuming(settings_.group_id, "read_committed")
      .set("partition.assignment.strategy", "range")
      .set("session.timeout.ms", settings_.session_timeout)
      .set("heartbeat.interval.ms", settings_.heartbeat_interval)
      .set("max.poll.interval.ms", settings_.max_poll_interval)
      .set("queued.min.messages", std::int64_t{settings_.queue_records})
      .set("queued.max.messages.kbytes", std::int64_t{settings_.queue_kbytes})
      .set("fetch.max.bytes", std::max<std::int64_t>(fetch, client.max_record_bytes))
      .set("receive.message.max.bytes",
           std::max<std::int64_t>(fetch, client.max_record_bytes) + 1'048'576)
      .set("fetch.message.max.bytes", std::int64_t{settings_.partition_fetch_kbytes} * 1024)
      .set("fetch.wait.max.ms", settings_.fetch_wait)
      .report_errors(*this)
      .report_rebalances(*this);
  auto made = conf.make(RD_KAFKA_CONSUMER);
  if (!made) return made.error();
  client_ = std::move(*made);
  rd_kafka_poll_set_consumer(raw());
  events_.reset(rd_kafka_queue_get_consumer(raw()));
  rd_kafka_queue_cb_event_enable(events_.get(), wake_up, &wake_);
  return {};
}

base::Status Consumer::Impl::subscribe(ports::RecordSink& sink) {
  sink_ = &sink;
  const auto list = make_list(4);
  for (const auto& name : settings_.topics.names()) {
    rd_kafka_topic_partition_list_add(list.get(), name.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto code = rd_kafka_subscribe(raw(), list.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, "subscribing to command topics");
  return {};
}

// ---------------------------------------------------------------- errors

void Consumer::Impl::fail(const std::string& why) {
  if (std::exchange(failed_, true)) return;
  base::logger("kafka")->critical("{}", why);
  sink_->fatal(why);
}

void Consumer::Impl::on_error(rd_kafka_resp_err_t code, const char* reason) {
  complain(code, reason);
}

void Consumer::Impl::complain(rd_kafka_resp_err_t code, const std::string& text) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    char cause[256] = "";
    const auto first = rd_kafka_fatal_error(raw(), cause, sizeof(cause));
    fail(fmt::format("the Kafka consumer cannot go on: {} ({}); the process has to start again",
                     cause, rd_kafka_err2name(first)));
    return;
  }
  if (is_hopeless(code)) {
    fail(
        fmt::format("Kafka refuses the consumer: {}; grant READ on the command topics and on "
                    "group {}",
                    text, settings_.group_id));
    return;
  }
  base::logger("kafka")->warn("consumer: {} ({})", text, rd_kafka_err2name(code));
}

// ---------------------------------------------------------------- rebalances

void Consumer::Impl::on_rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t& list) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(list);
    return;
  }
  revoke(code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(raw()) == 1);
}

void Consumer::Impl::assign(rd_kafka_topic_partition_list_t& list) {
  for (int i = 0; i < list.cnt; ++i) {
    auto& one = list.elems[i];
    Owned owned;
    // Its own queue, before anything is fetched into the shared one.
    owned.queue.reset(rd_kafka_queue_get_partition(raw(), one.topic, one.partition));
    rd_kafka_queue_forward(owned.queue.get(), nullptr);
    rd_kafka_queue_cb_event_enable(owned.queue.get(), wake_up, &wake_);
    owned_.insert_or_assign({settings_.topics.id(one.topic), one.partition}, std::move(owned));
    // An explicit position keeps librdkafka from asking for the committed one, which would wait for
    // every pending transaction. It must be absolute: the answer to a look-up of "end" could arrive
    // after the seek of start() and undo it.
    one.offset = 0;
  }
  // Before assigning, so that not even one fetch goes out (getting the queue made the partition
  // known). What a fetch begun earlier brings would be offered beside the position of start().
  rd_kafka_pause_partitions(raw(), &list);
  rd_kafka_assign(raw(), &list);
  next_look_up_ = clock_.steady();
  // More members than partitions: in the group all the same.
  if (list.cnt == 0) sink_->assigned({});
  announce();
}

void Consumer::Impl::revoke(bool lost) {
  std::vector<base::TopicPartition> known;
  for (const auto& [tp, owned] : owned_) {
    if (owned.announced) known.push_back(tp);
  }
  if (!known.empty()) sink_->revoked(known, lost);
  for (auto& [tp, owned] : owned_) {
    rd_kafka_queue_cb_event_enable(owned.queue.get(), nullptr, nullptr);
  }
  owned_.clear();
  rd_kafka_assign(raw(), nullptr);
}

std::optional<ports::AssignedPartition> Consumer::Impl::look_up(base::TopicPartition tp,
                                                                const Probe::Position& position) {
  const auto marks = probe_->watermarks(named(tp), settings_.position_timeout);
  if (!marks) {
    base::logger("kafka")->warn("assignment waits: {}", marks.error().message);
    return std::nullopt;
  }
  ports::AssignedPartition assigned{tp, std::nullopt, marks->low, marks->high};
  if (position) assigned.committed = *position;
  return assigned;
}

// Tells the sink of new partitions as soon as their positions are known.
void Consumer::Impl::announce() {
  std::vector<base::TopicPartition> fresh;
  std::vector<NamedPartition> names;
  for (const auto& [tp, owned] : owned_) {
    if (owned.announced) continue;
    fresh.push_back(tp);
    names.push_back(named(tp));
  }
  if (fresh.empty() || clock_.steady() < next_look_up_) return;

  const auto positions = probe_->stable_positions(names, settings_.position_timeout);
  std::vector<ports::AssignedPartition> found;
  if (!positions) {
    base::logger("kafka")->warn("assignment waits: {}", positions.error().message);
  } else {
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      auto one = look_up(fresh[i], (*positions)[i]);
      if (!one) break;  // the same broker would take as long for the others
      found.push_back(*one);
    }
  }
  for (const auto& one : found) owned_.at(one.tp).announced = true;
  next_look_up_ = clock_.steady() + Milliseconds(200);
  if (!found.empty()) sink_->assigned(found);
}

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
    if (owned.start) add(list.get(), tp, *owned.start);
  }
  if (list->cnt == 0) return;
  halt(*list);
  const CallError sought(rd_kafka_seek_partitions(raw(), list.get(), seek_limit()));
  const auto ready = make_list(list->cnt);
  for (int i = 0; i < list->cnt; ++i) {
    const auto& one = list->elems[i];
    // A refusal means that the fetcher has not begun yet (a stop is still going on): next time.
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
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

void Consumer::Impl::begin(base::TopicPartition tp, std::int64_t offset) {
  auto& owned = owned_.at(tp);
  owned.start.reset();
  owned.started = true;
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
    complain(message.err, rd_kafka_message_errstr(&message));
    return;
  }
  if (owned.stale_above) {
    if (message.offset > *owned.stale_above) return;
    owned.stale_above.reset();
  }
  if (message.offset < owned.next) return;  // handed on already
  owned.next = message.offset + 1;
  owned.last = message.offset;
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

bool Consumer::Impl::serve_partitions() {
  bool worked = false;
  for (auto lane = owned_.begin(); lane != owned_.end(); ++lane) {
    if (!lane->second.started || lane->second.paused) continue;
    for (int i = 0; i < kSlice; ++i) {
      const Message message{rd_kafka_consume_queue(lane->second.queue.get(), 0)};
      if (!message) break;
      worked = true;
      take(lane, *message);
    }
  }
  return worked;
}

void Consumer::Impl::poll(Milliseconds budget) {
  ADMITONE_ASSERT(sink_ != nullptr && client_ != nullptr);
  if (base::failpoint::hit("consumer.fatal")) {
    rd_kafka_test_fatal_error(raw(), RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "failpoint");
  }
  const auto end = clock_.steady() + budget;
  for (;;) {
    run_commands();
    bool worked = serve_events();
    announce();
    worked = serve_partitions() || worked;
    const auto left = std::chrono::ceil<Milliseconds>(end - clock_.steady());
    if (left <= Milliseconds::zero()) return;
    if (worked) continue;
    const bool unfinished = std::any_of(owned_.begin(), owned_.end(), [](const auto& lane) {
      return lane.second.start.has_value() || !lane.second.announced;
    });
    wake_.wait(unfinished ? std::min(left, kRetry) : left);
  }
}

void Consumer::Impl::close(Milliseconds limit) {
  if (!client_ || std::exchange(closed_, true)) return;
  const auto end = clock_.steady() + limit;
  const Queue last(rd_kafka_queue_new(raw()));
  const CallError refused(rd_kafka_consumer_close_queue(raw(), last.get()));
  while (!refused && rd_kafka_consumer_closed(raw()) == 0 && clock_.steady() < end) {
    const Event event(rd_kafka_queue_poll(last.get(), 20));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    on_rebalance(rd_kafka_event_error(event.get()),
                 *rd_kafka_event_topic_partition_list(event.get()));
  }
  if (!owned_.empty()) revoke(true);
  rd_kafka_queue_cb_event_enable(events_.get(), nullptr, nullptr);
  if (rd_kafka_consumer_closed(raw()) == 1) return;
  base::logger("kafka")->warn("the group was not left ({}); it will notice by the session",
                              refused ? rd_kafka_error_string(refused.get()) : "no time");
}

// ---------------------------------------------------------------- the public face

base::Result<std::unique_ptr<Consumer>> Consumer::create(const ClientSettings& client,
                                                         ConsumerSettings settings,
                                                         std::shared_ptr<const Probe> probe,
                                                         const ports::Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(settings), std::move(probe), clock);
  if (auto made = impl->make(client); !made) return made.error();
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() {
  close(Milliseconds(0));
}

base::Status Consumer::subscribe(ports::RecordSink& sink) {
  return impl_->subscribe(sink);
}
void Consumer::start(base::TopicPartition tp, std::int64_t offset) {
  impl_->enqueue({Impl::Verb::start, tp, offset});
}
void Consumer::pause(base::TopicPartition tp) {
  impl_->enqueue({Impl::Verb::pause, tp});
}
void Consumer::resume(base::TopicPartition tp) {
  impl_->enqueue({Impl::Verb::resume, tp});
}
std::optional<std::int64_t> Consumer::log_end(base::TopicPartition tp) const {
  // What came with the last fetch; nobody is asked.
  std::int64_t low = 0;
  std::int64_t high = 0;
  const auto code = rd_kafka_get_watermark_offsets(
      impl_->raw(), impl_->topics().name(tp.topic).c_str(), tp.partition, &low, &high);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return high;
}
void Consumer::poll(Milliseconds budget) {
  impl_->poll(budget);
}
void Consumer::close(Milliseconds limit) {
  impl_->close(limit);
}

GroupMetadata Consumer::group_metadata() const {
  return GroupMetadata(rd_kafka_consumer_group_metadata(impl_->raw()));
}

base::Status Consumer::commit(std::span<const ports::OffsetMark> marks, Milliseconds limit) {
  const auto list = make_list(static_cast<int>(marks.size()));
  for (const auto& mark : marks) {
    rd_kafka_topic_partition_list_add(list.get(), impl_->topics().name(mark.tp.topic).c_str(),
                                      mark.tp.partition)
        ->offset = mark.next_offset;
  }
  const Queue answers(rd_kafka_queue_new(impl_->raw()));
  const auto sent =
      rd_kafka_commit_queue(impl_->raw(), list.get(), answers.get(), nullptr, nullptr);
  if (sent != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(sent, "committing positions");
  const Event answer(rd_kafka_queue_poll(answers.get(), static_cast<int>(limit.count())));
  if (!answer) {
    return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "committing positions", base::Effect::unknown);
  }
  const auto code = rd_kafka_event_error(answer.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return error_of(code, "committing positions");
  return {};
}

}  // namespace admitone::kafka
