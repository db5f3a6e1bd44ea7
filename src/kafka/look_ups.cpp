#include "kafka/look_ups.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace admitone::kafka {

std::optional<ports::AssignedPartition> LookUps::look_up(base::TopicPartition tp,
                                                         const Probe::Position& position) const {
  const auto marks = ask_.watermarks(tp);
  if (!marks) {
    base::logger("kafka")->warn("assignment waits: {}", marks.error().message);
    return std::nullopt;
  }
  ports::AssignedPartition assigned{tp, std::nullopt, marks->low, marks->high};
  if (position) assigned.committed = position->offset;
  return assigned;
}

void LookUps::begin() {
  pause_ = kPause;
  unanswered_ = 0;
}

std::vector<ports::AssignedPartition> LookUps::look(Partitions fresh) {
  if (fresh.empty()) return {};
  std::rotate(fresh.begin(), turns_.next(fresh), fresh.end());
  auto found = find(fresh);
  if (!found.empty())
    begin();
  else if (++unanswered_ % fresh.size() == 0)
    pause_ = std::min(2 * pause_, kLongestPause);
  return found;
}

std::vector<ports::AssignedPartition> LookUps::find(const Partitions& fresh) {
  std::vector<ports::AssignedPartition> found;
  const auto positions = ask_.positions(fresh);
  if (!positions) {
    base::logger("kafka")->warn("assignment waits: {}", positions.error().message);
    turns_.had(fresh.front());
    return found;
  }
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    auto one = look_up(fresh[i], (*positions)[i]);
    if (!one) {
      turns_.had(fresh[i]);
      break;
    }
    found.push_back(*one);
  }
  return found;
}

}  // namespace admitone::kafka
