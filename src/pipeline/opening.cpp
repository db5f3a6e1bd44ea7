// Taking a lane's outcome partition over: the predecessor's transaction is over, what it published
// is read from the log itself, and the rest is published from the ledger (ARCHITECTURE.md).
#include <algorithm>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "pipeline/publisher.hpp"

namespace admitone::pipeline {
namespace {

using base::failpoint::hit;
using base::failpoint::mutant;

// A healthy predecessor has ended its transaction by then.
constexpr std::chrono::milliseconds kBeforeFencing{400};
// Fencing raises an epoch that ends at 32,767, and the first one nearly always does it.
constexpr std::chrono::milliseconds kFenceAgain{5'000};
// Longer than any transaction may stay open (kafka.transaction_timeout) before the broker ends it.
constexpr std::chrono::milliseconds kHanging{60'000};
// What the database refuses for so long is not a server that has to find itself first.
constexpr std::chrono::milliseconds kRefused{60'000};
constexpr std::int32_t kReloadPage = 2'000;

}  // namespace

Publisher::Step Publisher::open_lane(Opening& lane) {
  if (const auto step = prove_closed(lane); step != Step::opened) return step;
  hit("takeover.closed");
  // Other lanes have no outcomes of their own; their position tells which dead letters went out.
  if (lane.home) {
    if (const auto step = read_tail(lane); step != Step::opened) return step;
  }
  if (lane.from_ledger) {
    if (const auto loaded = reload(lane); !loaded) return not_reloaded(lane, loaded.error());
  }
  hit("takeover.reloaded");
  return Step::opened;
}

// What is missing in the log cannot be published without it, nor may what comes after it.
Publisher::Step Publisher::not_reloaded(Opening& lane, const base::Error& error) {
  const auto now = world_.clock.steady();
  if (error.kind != base::ErrorKind::permanent) {
    lane.refused_since.reset();
  } else if (!lane.refused_since) {
    lane.refused_since = now;
  }
  if (!lane.refused_since || now - *lane.refused_since < kRefused) {
    lane.waits_for = "its unpublished outcomes to be read: " + error.message;
    return Step::again;
  }
  return stop_unless_taken(
      lane, fmt::format("its outcomes above sequence {} cannot be read: {}; restart the workers "
                        "when that is mended",
                        lane.published_seq, error.message));
}

// A thawed owner looks at its successor's lane: nothing is wrong with that.
Publisher::Step Publisher::stop_unless_taken(Opening& lane, const std::string& why) {
  const auto epoch = world_.store.lane_epoch(lane.tp);
  if (!epoch || *epoch != lane.taken.epoch) {
    lane.waits_for = "another worker, which has the lane";
    return Step::again;
  }
  stop(lane.tp, lane.serial, why);
  return Step::stopped;
}

// Nobody could tell, which is not the same as that a transaction is open.
Publisher::Step Publisher::not_answered(Opening& lane, std::string what) {
  lane.unanswered = true;
  lane.told_since.reset();
  lane.waits_for = std::move(what);
  return Step::again;
}

// The order matters: the group's position is stable first, then the outcome partition has no open
// transaction, then the tail is read. Any other order leaves a race.
Publisher::Step Publisher::prove_closed(Opening& lane) {
  const auto position = world_.log.stable_position(lane.tp);
  if (!position && !mutant("unknown_is_pending"))
    return not_answered(lane, "the group's position: " + position.error().message);
  // While nobody told, what is open now may have been begun by a worker that lives.
  if (!lane.told_since) lane.told_since = world_.clock.steady();
  const auto since = std::max(lane.since, *lane.told_since);
  const bool too_long = world_.clock.steady() - since >= kHanging;
  const auto* const hanging =
      too_long ? "; if no other worker is publishing there, that transaction hangs: see "
                 "docs/runbooks/hanging-transaction.md"
               : "";
  if (!mutant("tail_before_stable")) {
    const bool pending = !position || position->pending;
    if (pending) {
      lane.waits_for = fmt::format("the group's position to be stable, {} publishers to fence{}",
                                   lane.taken.publishers.size(), hanging);
    } else {
      lane.position = position->offset;
    }
    if (pending && world_.clock.steady() - since < kBeforeFencing) return Step::again;
    auto closed =
        pending || !lane.home ? base::Result<bool>(!pending) : world_.log.closed(lane.tp.partition);
    if (!closed) return not_answered(lane, closed.error().message);
    if (*closed) return Step::opened;
    lane.hangs = too_long;
    if (!pending)
      lane.waits_for = fmt::format(
          "an open Kafka transaction in the outcome partition to end, {} publishers to fence{}",
          lane.taken.publishers.size(), hanging);
  }
  if (mutant("tail_before_closed") || mutant("tail_before_stable")) return Step::opened;
  const auto now = world_.clock.steady();
  if (now - since < kBeforeFencing || now < lane.fence_at) return Step::again;
  for (const auto& id : lane.taken.publishers) {
    const auto fenced = world_.log.fence(id);
    ++rounds_;
    if (!fenced) {
      base::logger("pipeline")
          ->warn("lane {}: publisher {} cannot be fenced yet: {}", lane.tp.partition, id,
                 fenced.error().message);
      lane.unanswered = true;
      return Step::again;
    }
    world_.meters.add(ports::Counter::take_overs, "fenced_publisher", 1);
  }
  lane.fence_at = world_.clock.steady() + kFenceAgain;
  return Step::again;
}

std::string Publisher::unsound(const Opening& lane, const ports::Tail& tail) const {
  if (lane.from_ledger && lane.taken.next_offset && lane.position &&
      *lane.position > *lane.taken.next_offset) {
    return fmt::format(
        "the group's position {} is beyond the database's {}: the database is older than the log "
        "(a restore?); restore a newer one",
        *lane.position, *lane.taken.next_offset);
  }
  if (tail.begin > lane.published_offset && lane.taken.out_seq > lane.published_seq && !tail.last) {
    return fmt::format(
        "the outcome log begins at offset {} but outcomes above sequence {} were recorded at "
        "offset {}: part of the log "
        "is gone; restore the topic, or see docs/runbooks/lost-outcome-topic.md",
        tail.begin, lane.published_seq, lane.published_offset);
  }
  if (tail.end < lane.published_offset) {
    return fmt::format(
        "the outcome log ends at offset {} but outcomes were recorded up to offset {}: the topic "
        "was re-created or truncated; restore it, or see docs/runbooks/lost-outcome-topic.md",
        tail.end, lane.published_offset);
  }
  if (tail.last && tail.last->seq > lane.newest_seq) {
    return fmt::format(
        "the outcome log is at sequence {} but the database only at {}: the database is older than "
        "the log (a restore?); "
        "restore a newer one, replaying commands does not help: see docs/runbooks/replay.md",
        tail.last->seq, lane.newest_seq);
  }
  return {};
}

Publisher::Step Publisher::read_tail(Opening& lane) {
  auto tail = world_.log.read_tail(lane.tp.partition, lane.published_offset);
  if (!tail) {
    if (tail.error().kind == base::ErrorKind::permanent) {
      stop(lane.tp, lane.serial,
           tail.error().message + "; restart the workers when that is mended");
      return Step::stopped;
    }
    return not_answered(lane, "the outcome log to be read: " + tail.error().message);
  }
  if (const auto why = unsound(lane, *tail); !why.empty()) return stop_unless_taken(lane, why);
  if (tail->last && tail->last->seq > lane.published_seq) {
    lane.published_seq = tail->last->seq;
    lane.published_offset = tail->last->offset + 1;
  }
  return Step::opened;
}

// The dead letters first: whether one went out is told by the group's position alone, so that must
// not move past a letter before its transaction does.
base::Status Publisher::reload(Opening& lane) {
  if (auto letters = reload_letters(lane); !letters) return letters;
  std::int64_t after = lane.published_seq;
  while (lane.home && after < lane.taken.out_seq) {
    auto page = world_.store.load_unpublished(lane.tp, after, kReloadPage,
                                              static_cast<std::int64_t>(options_.unit_bytes));
    if (!page) return page.error();
    auto publication = reloaded_part(lane, lane.taken.next_offset.value_or(0));
    for (auto& row : *page) {
      // Newer ones were decided by this process meanwhile and are in memory.
      if (row.seq > lane.taken.out_seq) break;
      publication.outcomes.push_back(
          {row.seq, std::make_shared<const contract::OutcomeRecord>(std::move(row.outcome)),
           base::Timestamp{}});
    }
    if (publication.outcomes.empty()) break;
    after = publication.outcomes.back().seq;
    world_.meters.add(ports::Counter::take_overs, "republished",
                      static_cast<double>(publication.outcomes.size()));
    lane.reloaded.push_back(std::move(publication));
  }
  return {};
}

base::Status Publisher::reload_letters(Opening& lane) {
  auto letters = world_.store.load_dead_letters(lane.tp);
  if (!letters) return letters.error();
  const auto next_offset = lane.taken.next_offset.value_or(0);
  for (auto& letter : *letters) {
    if (letter.position.offset >= next_offset) continue;  // ours, in memory
    // It went out in the Kafka transaction that moved the group's position past it.
    if (lane.position && *lane.position > letter.position.offset) {
      lane.letters_sent.push_back(letter.position);
      continue;
    }
    auto publication = reloaded_part(lane, letter.position.offset + 1);
    publication.dead_letters.push_back(std::move(letter));
    lane.reloaded.push_back(std::move(publication));
  }
  return {};
}

Publication Publisher::reloaded_part(const Opening& lane, std::int64_t next_offset) const {
  Publication publication;
  publication.tp = lane.tp;
  publication.tag = lane.tag;
  publication.next_offset = next_offset;
  publication.decided = world_.clock.steady();
  return publication;
}

void Publisher::finish_opening(Opening& opening) {
  LanePublished message;
  {
    const std::scoped_lock lock(mutex_);
    auto* const found = find(opening.tp, opening.serial);
    if (found == nullptr) return;
    auto& lane = *found;
    lane.published_seq = opening.published_seq;
    lane.published_offset = opening.published_offset;
    lane.stage = Stage::open;
    lane.hangs = false;
    lane.from_ledger = false;
    lane.predecessors_closed = true;
    // They live, perhaps, and whatever they begin now the group refuses: what is open here from now
    // on is ours, or ends by itself.
    lane.taken.publishers.clear();
    std::erase_if(lane.waiting, [&](Publication& publication) {
      // All of a publication went out in one transaction, or none of it.
      const bool had_outcomes = !publication.outcomes.empty();
      std::erase_if(publication.outcomes,
                    [&](const auto& out) { return out.seq <= lane.published_seq; });
      const auto letters_are_out = [&] {
        for (const auto& letter : publication.dead_letters)
          opening.letters_sent.push_back(letter.position);
      };
      if (had_outcomes) {
        if (!publication.outcomes.empty()) return false;
        letters_are_out();
        return true;
      }
      const bool sent = opening.position && *opening.position >= publication.next_offset &&
                        opening.acknowledged < publication.next_offset;
      if (sent) letters_are_out();
      return sent && !publication.dead_letters.empty();
    });
    lane.waiting.insert(lane.waiting.begin(), std::make_move_iterator(opening.reloaded.begin()),
                        std::make_move_iterator(opening.reloaded.end()));
    // The predecessor may have died between its last unit and its Kafka transaction: where nothing
    // is left to read, nobody else would move the group's position.
    const auto decided = lane.taken.next_offset;
    if (lane.waiting.empty() && decided && opening.position.value_or(-1) < *decided &&
        lane.acknowledged < *decided)
      lane.waiting.push_back(Publication{opening.tp, opening.tag, {}, {}, *decided});
    lane.outcomes_waiting = 0;
    lane.bytes_waiting = 0;
    for (const auto& publication : lane.waiting) {
      lane.outcomes_waiting += publication.outcomes.size();
      lane.bytes_waiting += publication.bytes();
    }
    message = {opening.tp,          opening.tag,           lane.taken.epoch,
               lane.published_seq,  lane.published_offset, true,
               opening.letters_sent};
  }
  base::logger("pipeline")
      ->info("lane {}/{}: open for publishing after sequence {}", opening.tp.topic,
             opening.tp.partition, opening.published_seq);
  world_.meters.add(ports::Counter::take_overs, "clean", 1);
  tell_(std::move(message));
}

void Publisher::stop(base::TopicPartition tp, std::uint64_t serial, const std::string& why) {
  LaneStopped message{tp};
  {
    const std::scoped_lock lock(mutex_);
    auto* const lane = find(tp, serial);
    if (lane == nullptr) return;
    lane->stage = Stage::stopped;
    lane->hangs = false;
    message.tag = lane->tag;
    message.epoch = lane->taken.epoch;
  }
  const auto name = fmt::format("{}/{}", options_.topic_names.at(tp.topic), tp.partition);
  base::logger("pipeline")
      ->error("lane {} is stopped: {}{}", name, why, base::Fields{.position = name});
  world_.meters.add(ports::Counter::take_overs, "stopped", 1);
  tell_(message);
}

}  // namespace admitone::pipeline
