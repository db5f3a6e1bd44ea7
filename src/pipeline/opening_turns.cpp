// Whose take-over is tried when. A leader that is away takes all the time that a look has, of the
// thread that publishes for the other lanes: so a round ends with the first that did not answer,
// what there is is published, and the next round begins behind that lane. Those that did not answer
// before are asked one at a time, and the more seldom the longer none of them does.
#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "pipeline/lane.hpp"
#include "pipeline/publisher.hpp"
#include "resilience/backoff.hpp"

namespace admitone::pipeline {
namespace {

constexpr std::chrono::milliseconds kLookAgain{30};
// A take-over that takes longer than this is told about, and asks less often.
constexpr std::chrono::milliseconds kSlow{5'000};
constexpr std::chrono::milliseconds kLookAgainSlowly{500};
constexpr resilience::BackoffSettings kUnanswered{.base = std::chrono::milliseconds{200},
                                                  .most = std::chrono::seconds{5}};

}  // namespace

// Copies, in the order of their turns.
std::vector<Publisher::Opening> Publisher::to_open() {
  std::vector<Opening> due;
  const auto now = world_.clock.steady();
  const std::scoped_lock lock(mutex_);
  for (auto& [tp, lane] : lanes_) {
    if (lane.stage != Stage::opening || lane.look_again > now) continue;
    Opening opening;
    opening.tp = tp;
    opening.tag = lane.tag;
    opening.serial = lane.serial;
    opening.home = lane.home;
    opening.from_ledger = lane.from_ledger;
    opening.taken = lane.taken;
    opening.published_seq = lane.published_seq;
    opening.published_offset = lane.published_offset;
    opening.acknowledged = lane.acknowledged;
    opening.since = lane.opening_since;
    opening.fence_at = lane.fence_at;
    opening.refused_since = lane.refused_since;
    opening.told_since = lane.told_since;
    opening.newest_seq = lane.taken.out_seq;
    // Before the lane is open nobody can have published what was decided since it was taken.
    for (const auto& publication : lane.waiting)
      if (!lane.from_ledger && !publication.outcomes.empty())
        opening.newest_seq = std::max(opening.newest_seq, publication.outcomes.back().seq);
    due.push_back(std::move(opening));
  }
  const auto next = std::find_if(due.begin(), due.end(),
                                 [&](const Opening& one) { return !(one.tp < open_from_); });
  std::rotate(due.begin(), next, due.end());
  return due;
}

bool Publisher::open_lanes() {
  bool opened = false;
  for (auto& lane : to_open()) {
    const auto step = open_lane(lane);
    ++rounds_;  // (Each may wait for a broker that does not answer, and there may be many.)
    if (!lane.unanswered) answered(lane);
    if (step == Step::opened) {
      finish_opening(lane);
      opened = true;
    } else if (step == Step::again) {
      look_again(lane);
    }
    if (!lane.unanswered) continue;
    open_from_ = behind(lane.tp);
    break;
  }
  return opened;
}

void Publisher::look_again(const Opening& opening) {
  const std::scoped_lock lock(mutex_);
  auto* const found = find(opening.tp, opening.serial);
  if (found == nullptr) return;
  auto& lane = *found;
  lane.fence_at = opening.fence_at;
  lane.refused_since = opening.refused_since;
  lane.hangs = opening.hangs;
  lane.told_since = opening.told_since;
  const auto now = world_.clock.steady();
  const bool slow = now - opening.since > kSlow;
  lane.look_again = now + (slow ? kLookAgainSlowly : kLookAgain);
  if (opening.unanswered) {
    // (Those of before may have gone to others.)
    if (std::none_of(lanes_.begin(), lanes_.end(),
                     [](const auto& one) { return one.second.unanswered; }))
      unanswered_again_ = 0;
    if (std::exchange(lane.unanswered, true)) ++unanswered_again_;
    const auto next = now + resilience::longest_pause(kUnanswered, 1 + unanswered_again_);
    for (auto& [tp, one] : lanes_)
      if (one.unanswered) one.look_again = next;
  }
  if (!slow || now < lane.complain_at) return;
  lane.complain_at = now + kSlow;
  base::logger("pipeline")
      ->warn("lane {}/{}: not open for publishing yet, waiting for {}", opening.tp.topic,
             opening.tp.partition, opening.waits_for);
}

// The broker of one is perhaps that of the others.
void Publisher::answered(const Opening& opening) {
  const std::scoped_lock lock(mutex_);
  auto* const found = find(opening.tp, opening.serial);
  if (found == nullptr || !std::exchange(found->unanswered, false)) return;
  unanswered_again_ = 0;
  for (auto& [tp, one] : lanes_)
    if (one.unanswered) one.look_again = {};
}

}  // namespace admitone::pipeline
