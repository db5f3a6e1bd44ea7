#include "pipeline/engine.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <random>
#include <utility>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace admitone::pipeline {
namespace {

// Takes the series away.
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Engine::Engine(EngineOptions options, World world)
    : options_(std::move(options)), world_(std::move(world)) {
  ADMITONE_ASSERT(!world_.stores.empty());
  publisher_ = std::make_unique<Publisher>(
      options_, Publisher::World{world_.publisher_store, world_.log, world_.meters, world_.clock},
      [this](Message message) {
        const auto tp = std::visit(
            [](const auto& one) {
              if constexpr (requires { one.tp; }) {
                return one.tp;
              } else {
                return one.partition.tp;
              }
            },
            message);
        pipeline_of(tp).intake().push(std::move(message));
      });
  for (auto* store : world_.stores) {
    std::mt19937_64 jitter(world_.random ? world_.random() : pipelines_.size());
    pipelines_.push_back(std::make_unique<Pipeline>(options_,
                                                    Pipeline::World{.store = *store,
                                                                    .sender = world_.sender,
                                                                    .source = world_.source,
                                                                    .meters = world_.meters,
                                                                    .clock = world_.clock,
                                                                    .services = world_.services,
                                                                    .random = jitter,
                                                                    .hints = world_.hints},
                                                    *publisher_, alone_turn_));
  }
}

void Engine::assigned(const std::vector<ports::AssignedPartition>& partitions) {
  world_.meters.add(ports::Counter::rebalances, "assigned", 1);
  {
    const std::scoped_lock lock(queues_mutex_);
    for (const auto& partition : partitions) {
      auto& pipeline = pipeline_of(partition.tp);
      auto queue = std::make_shared<LaneQueue>(
          partition.tp, ++last_tag_, world_.source, pipeline.intake().wake(),
          options_.lane_queue_records, options_.lane_queue_bytes);
      queues_[partition.tp] = queue;
      pipeline.intake().push(LaneAssigned{partition, std::move(queue)});
    }
    owned_ = queues_.size();
  }
  joined_ = true;
}

void Engine::started(base::TopicPartition tp, std::int64_t) {
  if (const auto found = queues_.find(tp); found != queues_.end()) found->second->begin();
}

void Engine::revoked(const std::vector<base::TopicPartition>& partitions, bool lost) {
  world_.meters.add(ports::Counter::rebalances, lost ? "lost" : "revoked", 1);
  // Until it is told what it has now, be it nothing: without lanes anybody would be ready.
  joined_ = false;
  Publisher::Assignments going;
  for (const auto& tp : partitions) {
    if (const auto found = queues_.find(tp); found != queues_.end())
      going[tp] = found->second->tag();
  }
  // First the publisher: when this returns nothing of ours is in an open Kafka transaction.
  if (!publisher_->release(going, world_.release_limit)) {
    fatal("the Kafka transaction in flight did not end in time while partitions were taken away");
  }
  const auto hand_over = std::make_shared<HandOver>(going.size());
  {
    const std::scoped_lock lock(queues_mutex_);
    for (const auto& [tp, tag] : going) {
      const auto found = queues_.find(tp);
      found->second->stop_accepting();
      pipeline_of(tp).intake().push(LaneRevoked{tp, tag, lost, hand_over});
      queues_.erase(found);
    }
    owned_ = queues_.size();
  }
  // A unit of work that is under way should end under our epoch, not be refused by the next
  // owner's. Nothing depends on it: with a database that does not answer, the lanes go all the
  // same.
  if (!lost && !hand_over->wait(hand_over_limit()))
    base::logger("pipeline")->info("lanes are handed over with a unit of work under way");
}

void Engine::record(base::Record&& record) {
  const auto& at = record.position;
  if (const auto found = queues_.find({at.topic, at.partition}); found != queues_.end())
    found->second->push(std::move(record));
}

void Engine::caught_up(base::TopicPartition tp, std::int64_t next_offset) {
  const auto found = queues_.find(tp);
  if (found == queues_.end()) return;
  // (None: it was let go, or has not begun yet. This is the end of what it read before.)
  const auto& queue = *found->second;
  if (const auto fetch = queue.fetch())
    pipeline_of(tp).intake().push(LaneCaughtUp{tp, queue.tag(), *fetch, next_offset});
}

void Engine::end_told(base::TopicPartition tp, std::int64_t next_offset, base::Instant asked) {
  if (const auto found = queues_.find(tp); found != queues_.end())
    pipeline_of(tp).intake().push(LaneEndTold{tp, found->second->tag(), next_offset, asked});
}

void Engine::fatal(const std::string& why) {
  base::logger("pipeline")->critical("{}", why);
  const std::scoped_lock lock(fatal_mutex_);
  if (!fatal_) fatal_ = why;
}

std::optional<std::string> Engine::fatal_error() const {
  const std::scoped_lock lock(fatal_mutex_);
  return fatal_;
}

std::vector<LaneGlance> Engine::lanes() const {
  std::vector<LaneGlance> all;
  for (const auto& pipeline : pipelines_) {
    auto some = pipeline->glance();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

SagasGlance Engine::sagas() const {
  SagasGlance all;
  for (const auto& pipeline : pipelines_) {
    const auto some = pipeline->sagas();
    for (const auto& [what, n] : some.count) all.count[what] += n;
    all.first.insert(all.first.end(), some.first.begin(), some.first.end());
    all.calls += some.calls;
    all.tally.stuck += some.tally.stuck;
    all.tally.venue_refused += some.tally.venue_refused;
    all.tally.chain_refused += some.tally.chain_refused;
    for (const auto& [step, age] : some.tally.oldest) {
      auto& oldest = all.tally.oldest[step];
      oldest = std::max(oldest, age);
    }
  }
  return all;
}

std::string Engine::name_of(base::TopicPartition tp) const {
  return options_.topic_names.at(tp.topic) + "/" + std::to_string(tp.partition);
}

Standing Engine::standing() const {
  Standing out;
  const auto all = lanes();
  bool looked_at = all.size() == owned_.load();
  bool taken = looked_at && world_.source.unannounced() == 0;
  for (const auto& lane : all) {
    looked_at = looked_at && lane.looked_at;
    taken = taken && lane.state != LaneState::waiting;
    if (lane.state == LaneState::stopped) out.stopped.push_back(name_of(lane.tp));
  }
  for (const auto& tp : publisher_->hanging()) out.hanging.push_back(name_of(tp));
  out.begun = joined_ && world_.source.in_group() && looked_at && !fatal_error();
  // That several lanes are stopped, and none is not, is this worker's own trouble (its database is
  // another one): it must not take the place of one that works.
  const bool works = all.size() < 2 || out.stopped.size() < all.size();
  out.ready = out.begun && taken && works && publisher_->settled();
  return out;
}

void Engine::step() {
  for (auto& pipeline : pipelines_) pipeline->step();
  publisher_->step();
}

// Leaving the group in time matters more to the next owners than how a unit of ours ends.
std::chrono::milliseconds Engine::hand_over_limit() const {
  const auto by = hand_over_by_.load();
  if (by == base::Instant::max()) return options_.hand_over_limit;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(by - world_.clock.steady());
  return std::clamp(left, std::chrono::milliseconds{0}, options_.hand_over_limit);
}

void Engine::drain(base::Instant hand_over_by) {
  hand_over_by_ = hand_over_by;
  for (auto& pipeline : pipelines_) pipeline->drain();
}

bool Engine::drained() const {
  return publisher_->empty() && std::all_of(pipelines_.begin(), pipelines_.end(),
                                            [](const auto& pipeline) { return pipeline->idle(); });
}

std::vector<std::uint64_t> Engine::rounds() const {
  std::vector<std::uint64_t> all{publisher_->rounds()};
  for (const auto& pipeline : pipelines_) all.push_back(pipeline->rounds());
  return all;
}

void Engine::show(ports::Meters& meters) {
  const auto all = lanes();
  const auto in = [&all](LaneState state) {
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [state](const auto& lane) { return lane.state == state; }));
  };
  // With those that their pipelines, or even the engine, have not heard of yet.
  const auto waiting = in(LaneState::waiting) + std::max(owned_.load(), all.size()) - all.size() +
                       world_.source.unannounced();
  meters.set(ports::Gauge::lanes_owned, "", static_cast<double>(all.size()));
  meters.set(ports::Gauge::lanes_waiting, "", static_cast<double>(waiting));
  meters.set(ports::Gauge::lanes_stopped, "", static_cast<double>(in(LaneState::stopped)));
  double bytes = 0;
  std::map<base::TopicPartition, Queued> queued;
  {
    const std::scoped_lock lock(queues_mutex_);
    for (const auto& [tp, queue] : queues_) {
      queued[tp] = {queue->records(), queue->oldest()};
      bytes += static_cast<double>(queue->bytes());
    }
  }
  meters.set(ports::Gauge::queue_bytes, "", bytes);
  // A lane that went to another worker is its matter now.
  auto gone = std::exchange(shown_, {});
  for (const auto& lane : all) {
    gone.erase(lane.tp);
    shown_.insert(lane.tp);
    show_lane(meters, lane, queued[lane.tp]);
  }
  for (const auto& tp : gone) show_lane(meters, {tp}, {});
  show_sagas(meters);
}

// All there can be, also those of which there is none: an age that is not shown any more would
// stay.
void Engine::show_sagas(ports::Meters& meters) {
  using ports::Counter;
  using ports::Gauge;
  constexpr std::array kKinds{saga::Kind::event_create, saga::Kind::event_update,
                              saga::Kind::event_cancel};
  constexpr std::array kOpen{saga::Status::running, saga::Status::compensating,
                             saga::Status::needs_operator};
  auto now = sagas();
  for (const auto kind : kKinds) {
    for (const auto status : kOpen) {
      const auto label =
          std::string(saga::name_of(kind)) + '/' + std::string(saga::name_of(status));
      meters.set(Gauge::sagas, label, static_cast<double>(now.count[{kind, status}]));
    }
    for (const auto& step : saga::definition(kind)) {
      const std::chrono::duration<double> age = now.tally.oldest[step.step];
      meters.set(Gauge::saga_age_seconds, saga::name_of(step.step), age.count());
    }
  }
  meters.set(Gauge::sagas_stuck, "", static_cast<double>(now.tally.stuck));
  meters.set(Gauge::saga_calls, "", static_cast<double>(now.calls));
  const auto grow = [&meters](const char* service, std::uint64_t& before, std::uint64_t count) {
    if (count <= before) return;
    meters.add(Counter::saga_retries_refused, service, static_cast<double>(count - before));
    before = count;
  };
  grow("venue", venue_refused_, now.tally.venue_refused);
  grow("chain", chain_refused_, now.tally.chain_refused);
}

// None: nobody knows, which is not the same as none behind. Of a lane that nobody reads that is so.
std::optional<std::int64_t> Engine::behind(const LaneGlance& lane) const {
  if (lane.state != LaneState::active) return std::nullopt;
  const auto end = world_.source.log_end(lane.tp);
  if (!end) return std::nullopt;
  return std::max<std::int64_t>(0, *end - lane.decided_to);
}

// A record's time is the broker's, or its producer's; neither is ours, so it may be yet to come.
std::optional<base::Duration> Engine::waited(const LaneGlance& lane, const Queued& queued,
                                             std::optional<std::int64_t> lag) {
  if (lane.state == LaneState::active && queued.oldest) {
    unread_.erase(lane.tp);
    return std::max(base::Duration{0}, world_.clock.now() - *queued.oldest);
  }
  if (lag.value_or(0) == 0) {
    unread_.erase(lane.tp);
    return lag ? std::optional(base::Duration{0}) : std::nullopt;
  }
  const auto now = world_.clock.steady();
  auto& unread = unread_.try_emplace(lane.tp, Unread{lane.decided_to, now}).first->second;
  // Others than those of the last look.
  if (unread.from != lane.decided_to) unread = {lane.decided_to, now};
  return std::chrono::duration_cast<base::Duration>(now - unread.since);
}

void Engine::show_lane(ports::Meters& meters, const LaneGlance& lane, const Queued& queued) {
  using ports::Gauge;
  const auto partition = std::to_string(lane.tp.partition);
  const auto name = name_of(lane.tp);
  const auto lag = behind(lane);
  const auto oldest = waited(lane, queued, lag);
  meters.set(Gauge::lag_records, name, lag ? static_cast<double>(*lag) : kUnknown);
  meters.set(Gauge::lag_seconds, name,
             oldest ? std::chrono::duration<double>(*oldest).count() : kUnknown);
  meters.set(Gauge::queue_records, name, static_cast<double>(queued.records));
  if (lane.tp.topic != options_.home_topic) return;
  meters.set(Gauge::unpublished, partition, static_cast<double>(publisher_->backlog(lane.tp)));
  meters.set(Gauge::unpublished_age_seconds, partition,
             std::chrono::duration<double>(publisher_->backlog_age(lane.tp)).count());
  meters.set(Gauge::out_seq, partition, static_cast<double>(lane.out_seq));
  meters.set(Gauge::published_seq, partition, static_cast<double>(lane.published_seq));
  const auto latency = publisher_->latency(lane.tp);
  meters.set(Gauge::publish_seconds, partition,
             latency ? std::chrono::duration<double>(*latency).count() : kUnknown);
  meters.set(Gauge::parked, partition, static_cast<double>(lane.parked));
}

}  // namespace admitone::pipeline
