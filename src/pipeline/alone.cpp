#include "pipeline/alone.hpp"

#include <algorithm>

namespace admitone::pipeline {

bool AloneTurn::take(Wake& who) {
  const std::scoped_lock lock(mutex_);
  if (holder_ == &who) return true;
  if (holder_ == nullptr && (line_.empty() || line_.front() == &who)) {
    if (!line_.empty()) line_.pop_front();
    holder_ = &who;
    return true;
  }
  if (std::find(line_.begin(), line_.end(), &who) == line_.end()) line_.push_back(&who);
  return false;
}

void AloneTurn::leave(Wake& who) {
  const std::scoped_lock lock(mutex_);
  const bool first = !line_.empty() && line_.front() == &who;
  std::erase(line_, &who);
  const bool had_it = holder_ == &who;
  if (had_it) holder_ = nullptr;
  // Whoever was passed over is woken too: nobody else would tell it.
  if (holder_ == nullptr && (had_it || first) && !line_.empty()) line_.front()->notify();
}

}  // namespace admitone::pipeline
