#include "app/operate/lane_offsets.hpp"

#include <algorithm>
#include <utility>

namespace admitone::app {
namespace {

// As the consumer has for the same question.
constexpr kafka::Milliseconds kPatience{1'000};

kafka::Probe::Position unknown() {
  return base::Error{base::ErrorKind::retry_call, base::Effect::not_applied, "nobody answered"};
}

}  // namespace

base::Result<std::vector<LaneOffsets>> offsets_of(
    const std::vector<kafka::NamedPartition>& partitions, const OffsetQuestions& ask,
    kafka::Milliseconds limit) {
  std::vector<LaneOffsets> found;
  std::optional<std::size_t> there;  // one whose leader is
  auto left = limit;
  for (const auto& partition : partitions) {
    found.push_back({std::nullopt, unknown()});
    if (left <= kafka::Milliseconds{0}) continue;
    ask.between();
    const auto patience = std::min(left, kPatience);
    const auto ends = ask.ends(partition, patience);
    if (!ends) {
      left -= patience;
      continue;
    }
    found.back().ends = *ends;
    if (!there) there = found.size() - 1;
  }
  if (!there) return found;
  auto order = partitions;
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(*there), order.end());
  ask.between();
  auto positions = ask.positions(order);
  if (!positions) {
    if (positions.error().kind == base::ErrorKind::permanent) return positions.error();
    return found;
  }
  for (std::size_t i = 0; i < found.size(); ++i)
    found[(*there + i) % found.size()].acknowledged = std::move(positions->at(i));
  return found;
}

}  // namespace admitone::app
