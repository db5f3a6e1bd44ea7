#pragma once
// Whose turn it is among partitions whose leaders are asked one after the other. A leader that is
// away takes all the time that a question has, and is asked again soon: if it came first each time,
// the others would not be asked at all.
// Used by: LogEnds, LookUps. Threads: one at a time. Blocking: never.

#include <algorithm>
#include <functional>

#include "base/position.hpp"

namespace admitone::kafka {

class Turns {
 public:
  // Of those that wait, in rising order: the next behind the one that had the last turn, else the
  // first. `of` tells an element's partition. The end when none waits.
  template <class Waiting, class Of = std::identity>
  auto next(Waiting& waiting, Of of = {}) const {
    const auto behind = std::ranges::upper_bound(waiting, last_, {}, of);
    return behind == waiting.end() ? waiting.begin() : behind;
  }
  void had(base::TopicPartition tp) { last_ = tp; }

 private:
  base::TopicPartition last_{-1, -1};
};

}  // namespace admitone::kafka
