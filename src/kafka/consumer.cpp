#include "kafka/consumer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "kafka/consumer_impl.hpp"

namespace admitone::kafka {
namespace {

constexpr Milliseconds kRetry{20};
constexpr int kHasQueueBackoff = 0x02020000;

}  // namespace

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
  if (rd_kafka_version() >= kHasQueueBackoff) conf.set("fetch.queue.backoff.ms", Milliseconds(5));
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

// ---------------------------------------------------------------- the loop

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
    look_at_group();
    worked = serve_partitions() || worked;
    tell_ends();
    const auto left = std::chrono::ceil<Milliseconds>(end - clock_.steady());
    if (left <= Milliseconds::zero()) return;
    if (worked) continue;
    const bool unfinished = std::any_of(owned_.begin(), owned_.end(), [](const auto& lane) {
      return lane.second.start || lane.second.again || !lane.second.announced;
    });
    wake_.wait(unfinished ? std::min(left, kRetry) : left);
  }
}

LogEnds::Leaders Consumer::Impl::leaders() const {
  return {
      .wake =
          [this](base::TopicPartition tp) {
            std::int64_t low = 0;
            std::int64_t high = 0;
            rd_kafka_query_watermark_offsets(raw(), settings_.topics.name(tp.topic).c_str(),
                                             tp.partition, &low, &high,
                                             static_cast<int>(LogEnds::kPatience.count()));
          },
      .watermarks =
          [this](base::TopicPartition tp) {
            return probe_->watermarks(named(tp), LogEnds::kPatience);
          },
  };
}

void Consumer::Impl::keep_fetching(const std::stop_token& stop) {
  log_ends_.run(leaders(), stop);
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
  in_group_ = false;
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
void Consumer::ask_end(base::TopicPartition tp, base::Instant asked) {
  impl_->ask_end(tp, asked);
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
bool Consumer::in_group() const {
  return impl_->in_group();
}
std::size_t Consumer::unannounced() const {
  return impl_->unannounced();
}
void Consumer::poll(Milliseconds budget) {
  impl_->poll(budget);
}
void Consumer::close(Milliseconds limit) {
  impl_->close(limit);
}
void Consumer::keep_fetching(const std::stop_token& stop) {
  impl_->keep_fetching(stop);
}

GroupMetadata Consumer::group_metadata() const {
  return impl_->group_metadata();
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
