#pragma once
// A lane: one partition while this process owns it. Home partitions have an outcome sequence,
// events and timers; partitions of other command topics only forward. Owned by its pipeline thread.

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "pipeline/event_cache.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/item.hpp"
#include "pipeline/lane_sagas.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

enum class LaneState {
  waiting,  // assigned, not yet taken (the database could not be asked, or we were fenced)
  active,
  stopped,  // an operator has to act; the reason was logged
};

struct Lane {
  Lane(base::TopicPartition where, const EngineOptions& options)
      : tp(where),
        home(where.topic == options.home_topic),
        events(options.cached_events_per_lane, options.cached_event_bytes_per_lane) {}

  base::TopicPartition tp;
  bool home;
  LaneState state = LaneState::waiting;
  std::shared_ptr<LaneQueue> queue;
  ports::AssignedPartition assigned;
  base::Instant retry_at{};  // state waiting: not before
  // State waiting: taken, but what else it takes to begin is still to be read.
  std::optional<ports::TakenLane> taken;
  bool lived = false;  // we had it before, and it was taken from us while we lived

  // As in the progress row; moved only when a commit is known.
  std::int64_t epoch = 0;
  std::int64_t unit = 0;
  std::int64_t next_offset = 0;
  std::int64_t out_seq = 0;
  base::Timestamp lane_time;
  // Committed as far as this process knows, also by earlier takings: a database that says less when
  // the lane is taken again has lost commits.
  std::int64_t seen_unit = 0;
  std::int64_t seen_out_seq = 0;

  // Published watermark: what the publisher said, and what the progress row has.
  std::int64_t published_seq = 0;
  std::int64_t published_offset = 0;
  bool predecessors_closed = false;
  std::int64_t written_published_seq = 0;
  bool written_closed = false;  // the progress row names no predecessor any more
  std::vector<base::Position> dead_letters_sent;

  // A command that kills the process (ARCHITECTURE.md).
  std::size_t batch_cap = 0;
  int put_off = 0;             // units in a row that the database did not answer
  base::Instant not_before{};  // what stands at its head cannot be tried earlier
  // Earlier owners may have died of a record below this offset: each is tried alone (batch_cap 1).
  std::optional<std::int64_t> suspect_below;
  // Or of what waits: it goes on alone, one thing at a time and before any record.
  bool continues_alone = false;
  // Events whose cancellation, or whose saga's transition, failed too often: left to the next
  // owner, as nothing can end it here.
  std::set<ports::EventKey> stuck;
  std::optional<std::int64_t> counted_offset;  // tried alone and counted since the lane was taken
  ports::Attempt attempt;                      // how often, by all owners

  // A transition that is tried alone, counted since the lane was taken: how often, by all owners.
  struct BegunTransition {
    base::SagaId saga;
    std::int32_t attempts = 0;
  };
  std::optional<BegunTransition> begun_transition;
  std::pair<base::SagaId, std::string> refused;  // the last one that came to nothing, and why

  // So many of `pending`, from the front, are in the unit of work that is under way.
  std::size_t in_unit = 0;
  // Not yet decided; in offset order. What is to be tried alone is unread until it has been
  // counted.
  std::deque<Item> pending;
  // End of the log when it was last reached; none once a record from beyond it was taken.
  std::optional<std::int64_t> caught_up;
  // Proof that the log still ended there: when its leader was asked, and the time then by the
  // clocks of broker and worker, reckoned when that was told, as clocks may move.
  struct Quiet {
    base::Instant asked;
    base::Timestamp at;
  };
  std::optional<Quiet> quiet;
  bool log_seen = false;  // since it was taken: a record, or that the log ends here
  struct Fetched {
    base::Timestamp timestamp;  // of the record
    base::Instant fetched_at;
  };
  std::optional<Fetched> last_record;  // since it was taken

  EventCache events;
  std::map<ports::EventKey, std::int64_t>
      parked;  // events with parked commands (copies not counted) that do not wait for a saga
  // Events that are being cancelled. Their held reservations end in the order in which they would
  // have expired: none is left that expires before this, and none at all without it.
  std::map<ports::EventKey, std::optional<base::Timestamp>> draining;
  std::map<ports::EventKey, EventSaga> sagas;  // changed by set_saga
  std::int64_t parked_for_sagas = 0;           // of all of them
  // Those of `sagas` that wait for room: whose turn it is within a tenant.
  std::map<std::pair<base::TenantId, std::int64_t>, base::EventId> wait_for_room;
  bool sagas_due = false;  // the runner has something to write here
  // Still only in the database: there was no room. Read in pages, the next one behind this.
  std::set<base::SagaId> unread_sagas;
  std::optional<base::SagaId> sagas_read_to;
  std::int64_t park_order = 0;
  // Expire commands on their way, so that a tick does not send them again.
  struct SentTimer {
    base::Instant at;
    base::Timestamp expires_at;
  };
  std::map<std::pair<ports::ReservationKey, std::int64_t>, SentTimer> timers_sent;
  base::Instant timers_not_before{};  // after a failure
  // How the lane's timer does, and what it has done since that was written down (timers.cpp).
  struct Timer {
    std::int64_t sent = 0;
    std::int64_t released = 0;        // holds that ended by it
    std::int64_t failures = 0;        // intervals in a row without a success
    bool unsent = false;              // the last of its sends failed
    base::Instant succeeded_at{};     // or taken
    base::Duration longest_rest{};    // since, between two looks: on purpose
    base::Duration rest{};            // since the last look
    bool told = true;                 // a line in the log tells of `sent` and `released`
    base::Instant note_at{};          // written down then, if not before
    base::Timestamp decided_until{};  // when it was last looked at: what is before that is decided
  };
  Timer timer;

  [[nodiscard]] AssignmentTag tag() const { return queue->tag(); }
  // Tells whoever measures the lag. (What comes first has waited for longest: `pending` is in
  // order.)
  void tell_oldest() const {
    queue->holds(pending.empty() ? std::nullopt : std::optional(pending.front().record.timestamp));
  }
  // None: it has ended, or nothing of the event waits for room any more.
  void set_saga(const ports::EventKey& event, const std::optional<EventSaga>& saga) {
    if (const auto known = sagas.find(event); known != sagas.end()) {
      parked_for_sagas -= known->second.parked;
      if (!known->second.id) wait_for_room.erase({event.tenant, known->second.order});
    }
    parked_for_sagas += saga ? saga->parked : 0;
    if (!saga) {
      sagas.erase(event);
      return;
    }
    sagas.insert_or_assign(event, *saga);
    if (!saga->id) wait_for_room.emplace(std::pair(event.tenant, saga->order), event.event);
  }
};

// The first place behind a lane, in the order of lanes.
inline base::TopicPartition behind(base::TopicPartition tp) {
  return {tp.topic, tp.partition + 1};
}

// In their order from `first` on, and after the last of them the others.
inline void begin_at(base::TopicPartition first, std::vector<Lane*>& lanes) {
  const auto next = std::find_if(lanes.begin(), lanes.end(),
                                 [&](const Lane* lane) { return !(lane->tp < first); });
  std::rotate(lanes.begin(), next, lanes.end());
}

}  // namespace admitone::pipeline
