#include "app/verbs/bench_load.hpp"

#include <fmt/format.h>

#include <utility>

#include "app/verbs/look.hpp"
#include "app/verbs/progress_line.hpp"
#include "app/wiring.hpp"
#include "kafka/feed.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::chrono::hours kWatchLimit{24};
constexpr std::chrono::minutes kFlushLimit{2};

kafka::ClientSettings client_for(const Settings& settings) {
  return must(kafka_client(settings, "bench"));
}

double seconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Load preload(Context& context, const Settings& settings, Input& input, const ports::Clock& clock) {
  kafka::Feed::Options options;
  options.topic = settings.kafka.command_topics.front();
  const auto feed = must(kafka::Feed::create(client_for(settings), options, clock));
  ProgressLine progress(context.err, clock, "  loading " + options.topic, input.total());
  const auto began = clock.steady();
  ports::OutgoingRecord record;
  while (input.next(record)) {
    must(feed->offer(record));
    progress.step();
    if (context.interrupted()) throw VerbError(kInterrupted, "interrupted");
  }
  must(feed->flush(kFlushLimit));
  return {input.records(), input.outcomes(), input.event_creations(),
          seconds_between(began, clock.steady())};
}

OutcomeWatch::OutcomeWatch(const Settings& settings, const ports::Clock& clock, Plan plan,
                           Each each)
    : clock_(clock),
      plan_(plan),
      each_(std::move(each)),
      topic_(settings.kafka.outcome_topic),
      reader_(must(kafka::Reader::create(client_for(settings), settings.kafka.group_id, clock))),
      extent_(extent_of(*reader_, topic_, settings.kafka.request_timeout)) {
  thread_ = std::jthread([this] { follow(); });
}

OutcomeWatch::~OutcomeWatch() {
  reader_->stop();
  if (thread_.joinable()) thread_.join();
}

void OutcomeWatch::follow() {
  const auto status = reader_->follow(topic_, extent_, kWatchLimit, [this](base::Record&& record) {
    const auto now = clock_.steady();
    if (each_) each_(record, now);
    const std::int64_t count = ++outcomes_;
    if (count != 1 && count != plan_.warm_up && count != plan_.wanted) return true;
    const std::scoped_lock lock(mutex_);
    if (count == 1) seen_.first = now;
    if (count == plan_.warm_up) seen_.warm = now;
    if (count == plan_.wanted) {
      seen_.last = now;
      complete_ = true;
      changed_.notify_all();
    }
    return count < plan_.wanted;
  });
  const std::scoped_lock lock(mutex_);
  if (!status && !complete_) failure_ = status.error().message;
  changed_.notify_all();
}

OutcomeWatch::Seen OutcomeWatch::seen() const {
  const std::scoped_lock lock(mutex_);
  Seen seen = seen_;
  seen.outcomes = outcomes_;
  return seen;
}

bool OutcomeWatch::wait(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return complete_ || failure_; });
  if (failure_) throw VerbError(kFailed, "the outcomes cannot be read: " + *failure_);
  return complete_;
}

}  // namespace admitone::app::bench
