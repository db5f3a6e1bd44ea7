#include "telemetry/health.hpp"

#include <algorithm>

namespace admitone::telemetry {
namespace {

HealthReport conclude(std::vector<HealthLine> lines) {
  const bool good =
      std::all_of(lines.begin(), lines.end(), [](const HealthLine& line) { return line.good; });
  return {good, std::move(lines)};
}

}  // namespace

Heartbeat::Heartbeat(std::string name, std::chrono::milliseconds limit, const ports::Clock& clock)
    : name_(std::move(name)),
      limit_(limit),
      clock_(clock),
      last_(clock.steady().time_since_epoch().count()) {}

void Heartbeat::beat() {
  last_.store(clock_.steady().time_since_epoch().count(), std::memory_order_relaxed);
}

void Heartbeat::finish() {
  finished_.store(true, std::memory_order_relaxed);
}

std::chrono::milliseconds Heartbeat::age() const {
  const base::Instant last{base::Instant::duration{last_.load(std::memory_order_relaxed)}};
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - last);
}

bool Heartbeat::late() const {
  return !finished_.load(std::memory_order_relaxed) && age() > limit_;
}

Heartbeat& Health::loop(const std::string& name, std::chrono::milliseconds limit) {
  const std::scoped_lock lock(mutex_);
  return loops_.emplace_back(name, limit, clock_);
}

void Health::expect(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  states_.try_emplace(name);
}

void Health::expect(const std::string& name, ProbeLimits limits) {
  const std::scoped_lock lock(mutex_);
  auto& state = states_[name];
  state.probe = limits;
  state.reported = clock_.steady();
}

void Health::asking(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  states_[name].asked = clock_.steady();
}

void Health::report(const std::string& name, Condition condition, const std::string& detail) {
  const std::scoped_lock lock(mutex_);
  auto& state = states_[name];
  state.condition = condition;
  state.detail = detail;
  state.asked.reset();
  state.reported = clock_.steady();
}

HealthLine Health::line_of(const std::string& name, const State& state) const {
  const auto since = [this](base::Instant then) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - then);
  };
  if (state.probe && state.asked && since(*state.asked) > state.probe->limit)
    return {name, false, "no answer for " + std::to_string(since(*state.asked).count()) + " ms"};
  // (So much later than it should be: the machine may be busy.)
  if (state.probe && !state.asked &&
      since(state.reported) > state.probe->every + state.probe->limit)
    return {name, false, "not asked for " + std::to_string(since(state.reported).count()) + " ms"};
  const bool good = state.condition == Condition::ok || state.condition == Condition::degraded;
  const std::string prefix = state.condition == Condition::degraded ? "degraded: " : "";
  return {name, good, prefix + state.detail};
}

void Health::started() {
  const std::scoped_lock lock(mutex_);
  started_ = true;
}

void Health::draining() {
  const std::scoped_lock lock(mutex_);
  draining_ = true;
}

HealthReport Health::live() const {
  const std::scoped_lock lock(mutex_);
  std::vector<HealthLine> lines;
  for (const Heartbeat& loop : loops_) {
    lines.push_back({loop.name(), !loop.late(),
                     "last advanced " + std::to_string(loop.age().count()) + " ms ago"});
  }
  return conclude(std::move(lines));
}

HealthReport Health::ready() const {
  const std::scoped_lock lock(mutex_);
  std::vector<HealthLine> lines;
  for (const auto& [name, state] : states_) lines.push_back(line_of(name, state));
  if (draining_) lines.push_back({"shutdown", false, "draining"});
  return conclude(std::move(lines));
}

HealthReport Health::startup() const {
  const std::scoped_lock lock(mutex_);
  return conclude({{"startup", started_, started_ ? "done" : "under way"}});
}

}  // namespace admitone::telemetry
