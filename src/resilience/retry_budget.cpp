#include "resilience/retry_budget.hpp"

#include "base/assert.hpp"

namespace admitone::resilience {

RetryBudget::RetryBudget(const RetryBudgetSettings& settings)
    : settings_(settings), window_(settings.window) {
  ADMITONE_ASSERT(settings.percent >= 0 && settings.per_second >= 0);
}

void RetryBudget::call(base::Instant now) {
  window_.add(now, {.all = 1, .marked = 0});
}

bool RetryBudget::try_extra(base::Instant now) {
  const auto seen = window_.counts(now);
  constexpr std::int64_t kMicros = 1'000'000;
  const auto free = settings_.per_second * settings_.window.count() / kMicros;
  if ((seen.marked + 1) * 100 > seen.all * settings_.percent + free * 100) return false;
  window_.add(now, {.all = 0, .marked = 1});
  return true;
}

}  // namespace admitone::resilience
