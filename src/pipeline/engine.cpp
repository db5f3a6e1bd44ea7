#include "pipeline/engine.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <utility>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace admitone::pipeline {

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

bool Engine::ready() const {
  if (!joined_ || fatal_error()) return false;
  const auto all = lanes();
  const bool active = std::all_of(all.begin(), all.end(),
                                  [](const auto& lane) { return lane.state == LaneState::active; });
  return active && all.size() == owned_.load() && publisher_->settled();
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
  const auto stopped = std::count_if(
      all.begin(), all.end(), [](const auto& lane) { return lane.state == LaneState::stopped; });
  meters.set(ports::Gauge::lanes_owned, "", static_cast<double>(all.size()));
  meters.set(ports::Gauge::lanes_stopped, "", static_cast<double>(stopped));
  double bytes = 0;
  std::map<base::TopicPartition, std::size_t> queued;
  {
    const std::scoped_lock lock(queues_mutex_);
    for (const auto& [tp, queue] : queues_) {
      queued[tp] = queue->records();
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
  for (const auto& tp : gone) show_lane(meters, {tp}, 0);
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

void Engine::show_lane(ports::Meters& meters, const LaneGlance& lane, std::size_t queued) const {
  using ports::Gauge;
  const auto partition = std::to_string(lane.tp.partition);
  const auto name = options_.topic_names.at(lane.tp.topic) + "/" + partition;
  const auto end = lane.state == LaneState::active ? world_.source.log_end(lane.tp) : std::nullopt;
  const auto lag = end ? std::max<std::int64_t>(0, *end - lane.next_offset) : 0;
  meters.set(Gauge::lag_records, name, static_cast<double>(lag));
  meters.set(Gauge::queue_records, name, static_cast<double>(queued));
  if (lane.tp.topic != options_.home_topic) return;
  meters.set(Gauge::unpublished, partition, static_cast<double>(publisher_->backlog(lane.tp)));
  meters.set(Gauge::unpublished_age_seconds, partition,
             std::chrono::duration<double>(publisher_->backlog_age(lane.tp)).count());
  meters.set(Gauge::out_seq, partition, static_cast<double>(lane.out_seq));
  meters.set(Gauge::published_seq, partition, static_cast<double>(lane.published_seq));
  meters.set(Gauge::parked, partition, static_cast<double>(lane.parked));
}

}  // namespace admitone::pipeline
