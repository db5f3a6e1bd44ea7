#include "resilience/backoff.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace admitone::resilience {

base::Duration longest_pause(const BackoffSettings& settings, int failed) {
  ADMITONE_ASSERT(failed >= 1 && settings.base.count() > 0 && settings.most >= settings.base);
  auto longest = settings.base;
  for (int i = 1; i < failed && longest < settings.most; ++i)
    longest = longest > settings.most / 2 ? settings.most : longest * 2;
  return longest;
}

base::Duration pause(const BackoffSettings& settings, int failed, std::uint64_t random,
                     std::optional<base::Duration> retry_after) {
  const auto choices = static_cast<std::uint64_t>(longest_pause(settings, failed).count()) + 1;
  // The high word of the product: even, without the bias of a remainder.
  __extension__ using Wide = unsigned __int128;
  const auto chosen = static_cast<std::uint64_t>((Wide{choices} * random) >> 64U);
  return base::Duration{static_cast<base::Duration::rep>(chosen)} +
         retry_after.value_or(base::Duration::zero());
}

}  // namespace admitone::resilience
