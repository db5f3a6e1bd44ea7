#include "resilience/breaker.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace admitone::resilience {

std::string_view name_of(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
  }
  ADMITONE_ASSERT(false);
}

CallEnd judge_status(int status) {
  constexpr int kTooManyRequests = 429;
  return status >= 500 || status == kTooManyRequests ? CallEnd::failure : CallEnd::success;
}

BreakerTransitions& BreakerTransitions::operator+=(const BreakerTransitions& other) {
  opened += other.opened;
  half_opened += other.half_opened;
  closed += other.closed;
  return *this;
}

Breaker::Breaker(const BreakerSettings& settings) : settings_(settings), window_(settings.window) {
  ADMITONE_ASSERT(settings.least_calls > 0 && settings.open_for.count() > 0);
  ADMITONE_ASSERT(settings.failed_percent > 0 && settings.failed_percent <= 100);
}

std::optional<Breaker::Pass> Breaker::admit(base::Instant now) {
  if (!would_admit(now)) return std::nullopt;
  if (!tripped_) return Pass{period_};
  probe_since_ = now;
  ++transitions_.half_opened;
  return Pass{++period_};
}

bool Breaker::would_admit(base::Instant now) const {
  if (!tripped_) return true;
  const bool probe_is_out = probe_since_ && now < *probe_since_ + settings_.open_for;
  return now >= until_ && !probe_is_out;
}

void Breaker::end(const Pass& pass, CallEnd how, base::Instant now) {
  if (pass.period != period_) return;
  if (!tripped_) return count(how, now);
  probe_since_.reset();
  if (how == CallEnd::success) close();
  if (how == CallEnd::failure) open(now);
}

void Breaker::count(CallEnd how, base::Instant now) {
  if (how == CallEnd::neither) return;
  window_.add(now, {.all = 1, .marked = how == CallEnd::failure ? 1 : 0});
  const auto seen = window_.counts(now);
  if (seen.all >= settings_.least_calls && seen.marked * 100 >= seen.all * settings_.failed_percent)
    open(now);
}

void Breaker::open(base::Instant now) {
  tripped_ = true;
  until_ = now + settings_.open_for;
  probe_since_.reset();
  ++period_;
  ++transitions_.opened;
}

void Breaker::close() {
  tripped_ = false;
  ++transitions_.closed;
  window_.clear();
  ++period_;
}

BreakerState Breaker::state(base::Instant now) const {
  if (!tripped_) return BreakerState::closed;
  return now < until_ ? BreakerState::open : BreakerState::half_open;
}

base::Duration Breaker::wait(base::Instant now) const {
  if (!tripped_ || now >= until_) return base::Duration::zero();
  return std::chrono::ceil<base::Duration>(until_ - now);
}

}  // namespace admitone::resilience
