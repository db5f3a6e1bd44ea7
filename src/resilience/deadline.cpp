#include "resilience/deadline.hpp"

#include <algorithm>

namespace admitone::resilience {

std::optional<base::Instant> call_deadline(base::Instant now, base::Instant deadline,
                                           base::Duration limit, base::Duration least) {
  // By what is left, not by a sum: a deadline may be as far away as the clock can count.
  if (deadline <= now || deadline - now < least || limit < least) return std::nullopt;
  return deadline - now < limit ? deadline : now + limit;
}

}  // namespace admitone::resilience
