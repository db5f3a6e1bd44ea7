#pragma once
// Turns the items of one unit of work into writes and publications, in order, on an overlay.
// Used by: UnitRunner (steps "decide" and "number" of the walk). Threads: one pipeline thread.
// Blocking: never; no I/O. The same items over the same overlay give the same result (law L24).

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/lane.hpp"
#include "pipeline/options.hpp"
#include "pipeline/overlay.hpp"
#include "pipeline/publication.hpp"
#include "ports/outcome_log.hpp"
#include "saga/runner.hpp"

namespace admitone::pipeline {

// A parked command that is read again: its row in `parked`, and the record prepared anew.
struct Unparked {
  ports::ParkedRow row;
  Item item;
};

// What one lane brings into the unit.
struct LaneShare {
  Lane* lane = nullptr;
  std::size_t items = 0;                   // the first so many of lane->pending
  std::size_t taken = 0;                   // so many of them were decided: the unit ended there
  bool full = false;                       // the unit is as large as may be
  std::vector<ports::EventKey> draining;   // continued in this unit
  std::vector<ports::EventKey> releasing;  // parked commands read for these
  std::vector<Unparked> parked;  // by event, then order; for draining events only the head
  std::vector<Unparked> copies;  // waiting for the keys of `parked`, by key, then order
  bool more_copies = false;      // `copies` is one page of them
  std::vector<saga::Transition> transitions;  // of the lane's sagas
  std::size_t readable = 0;                   // so many of them: what the others need was not read
  std::size_t written = 0;                    // so many of them were: the unit ended there
  bool alone = false;                         // one parked command, not a page of them
  std::int64_t gave_up_after = 0;             // attempts, when that one is given up
  // When nothing more was in the lane's log: when its leader was asked, the time then, by the
  // broker's clock or the worker's, and how long ago that was when the database told its time. What
  // comes later has no earlier time.
  struct AtEnd {
    base::Instant asked;
    base::Timestamp time;
    base::Duration age{};
  };
  std::optional<AtEnd> at_end;
};

// What changes in a lane's memory when the unit has committed, and what becomes public.
struct LaneEffects {
  Lane* lane = nullptr;
  std::size_t items = 0;
  bool full_unit = false;
  std::int64_t next_offset = 0;
  std::int64_t out_seq = 0;
  base::Timestamp lane_time;
  std::int64_t park_order = 0;
  std::map<ports::EventKey, std::int64_t> parked;
  std::map<ports::EventKey, std::optional<base::Timestamp>> draining;
  std::map<ports::EventKey, std::optional<EventSaga>> sagas;  // those that changed; none: ended
  std::vector<saga::Saga> begun;
  std::vector<base::SagaId> drained;  // no reservation of their event is left
  bool concluded = false;             // by a saga, a command
  std::vector<std::pair<ports::ReservationKey, std::int64_t>>
      timers_back;                       // came too early: send again
  std::vector<base::Timestamp> expired;  // holds that ran out and were ended: when they were due
  // What was not looked for is not going to be written either, so no index tells whether it is
  // there: the unit must be decided again with all its look-ups.
  bool unproven_keys = false;
  bool unproven_reservations = false;
  Publication publication;
  std::map<std::string_view, double> verdicts;  // metrics
  std::map<std::string_view, double> codes;
  std::map<std::pair<std::optional<domain::CommandType>, domain::CommandStatus>, double> commands;
  std::map<std::string_view, double> duplicates;          // by what told
  std::map<std::string_view, double> content_duplicates;  // by mode
};

// What was asked about the claims of event commands, and the answers, by the item that asks.
struct Claim {
  ports::ClaimQuery asked;
  ports::ClaimAnswer answer;
};
using Claims = std::map<const Item*, Claim>;

// Whether it may claim names at all: most commands do not, and need no look-up for it.
bool may_claim(const Item& item);
// The claims an event command would make; nullopt when it makes none (or its event is unknown).
std::optional<ports::ClaimQuery> claim_query(const Item& item, const domain::Event* event);
// The same with the slug that is used when the derived one is taken; nullopt for explicit slugs.
std::optional<ports::ClaimQuery> suffix_query(const Item& item, const ports::ClaimQuery& plain);

// What the decision of a saga's transition does to its event and answers to its command, which is
// `head`. (saga_decisions.cpp)
domain::Decision decision_of(const saga::Transition& transition, const Item& head,
                             const domain::View& view);
// Whether the event is in the state that the decision starts from.
bool can_follow(saga::Decision decision, const domain::Event& event);
domain::View view_of(const Item& item, const domain::Event* event,
                     const ports::ClaimAnswer& claims);
// The command that waits at the head of the event's queue; null: it was not read.
const Unparked* head_of(const LaneShare& share, const ports::EventKey& event);

// Room for so many more sagas of the tenant.
using SagaRoom = std::function<std::size_t(const base::TenantId&)>;

class Decider {
 public:
  Decider(const EngineOptions& options, Overlay& overlay, const Claims& claims,
          const SagaRoom& saga_room, ports::UnitWrites& writes, LaneEffects& effects)
      : options_(options),
        overlay_(overlay),
        claims_(claims),
        saga_room_(saga_room),
        writes_(writes),
        fx_(effects),
        lane_(*effects.lane) {}

  // Sagas and continuations first, then the items in offset order, up to one that has to be left to
  // the next unit; then the lane's advance. Something is always decided.
  void run(LaneShare& share);

  // Appended to by run(): to be delivered before the commit.
  std::vector<ports::OutgoingRecord> forwards;

 private:
  enum class Decided {
    answered,
    no_key,  // answered, and the key is free
    begun,   // it is the head of its event's queue now, and answered in a later unit
    waits,   // it cannot begin its saga yet: nothing has changed
  };

  // What has waited for a saga is decided when it is, not when it came (decision 0046).
  void bring_time_up(const LaneShare& share);

  // saga_decisions.cpp: sagas begin, go on and end
  // False: the unit ends before it.
  bool go_on(const LaneShare& share, const saga::Transition& transition);
  bool carry_out(const LaneShare& share, const saga::Transition& transition);
  // The command ends that heads its event's queue, and with it what waits for its key.
  void conclude(const LaneShare& share, const Unparked& head, const domain::Decision& decision);
  std::optional<saga::Saga> saga_for(const Item& item, const domain::Decision& decision,
                                     const domain::Event* before) const;
  [[nodiscard]] bool may_begin(const ports::EventKey& event,
                               const std::optional<saga::Saga>& saga) const;
  void begin(const Item& item, const Unparked* slot, const domain::Decision& decision,
             ports::LedgerRow&& row, std::optional<saga::Saga>&& saga);
  void wait_to_begin(const ports::EventKey& event, std::int64_t order);
  // Null: the event has none.
  [[nodiscard]] const EventSaga* saga_of(const ports::EventKey& event) const;
  EventSaga& change_saga(const ports::EventKey& event);
  // Its parked commands may be released.
  void let_go_on(const ports::EventKey& event);
  void count_parked(const ports::EventKey& event, std::int64_t more);

  // Where a decided row goes: inserted (slot is null: a record of now) or finished (it was parked
  // or waiting).
  void drain(const LaneShare& share, const ports::EventKey& event);
  void release(const LaneShare& share, const ports::EventKey& event);
  // False: the unit ends before it.
  bool release_one(const LaneShare& share, const Unparked& parked);
  void refuse_expired(const Unparked& waited);
  // copies.cpp: a copy is executed instead of the parked command that it waited for. When that
  // cannot be at once it takes that one's place in the queue.
  void succeed(const LaneShare& share, const Unparked& parked, const Unparked& copy);
  void bring_copies(const LaneShare& share, const Unparked& head);
  void wait_behind(const Unparked& copy, const ports::ParkedRow& head);
  void wait_under_own_key(const Unparked& copy, std::int32_t attempts);
  bool would_take_key(const Item& item);
  void unpark(const Unparked& waited);
  KeyState fail(const Unparked& parked);
  // The ledger row of `slot` moves to `at`, where it owns the key or not.
  void move_row(const Unparked& slot, const ports::LedgerKey& at, bool owns);

  // The unit has to end before the item: it is full, or what the item needs was not read, or is
  // not true any more. Never so while nothing has been decided.
  bool ends_before(const Item& item);
  static bool is_unwritten(const LaneShare& share, const Item& item);
  [[nodiscard]] bool is_full() const { return overlay_.made_bytes >= options_.unit_bytes; }
  [[nodiscard]] bool is_left_out(const ports::LedgerKey& key) const;
  [[nodiscard]] bool is_unread(const Item& item) const;
  [[nodiscard]] bool frees_what_is_unwritten(const Item& item) const;
  bool claims_are_old(const Item& item);
  void take(const Item& item);
  void command(const Item& item);
  void change(const Item& item);
  void check_proof(const Item& item);
  Decided decide(const Item& item, const Unparked* slot, std::int32_t attempts);
  void park(const Item& item, std::int32_t attempts);
  // Behind what waits for its event already.
  void put_in_queue(const Item& item, const ports::LedgerKey& row);
  void wait_for(const Item& item, const ports::LedgerKey& running, bool alias);
  void forward(const Item& item);
  void dead(const Item& item);
  void bury(const Item& item);
  void set_free(const Item& item, const KeyState& known);
  bool content_duplicate(const Item& item);
  [[nodiscard]] bool expired(const Item& item) const;
  [[nodiscard]] bool has_ended(const Item& item, const KeyState& known) const;
  [[nodiscard]] std::optional<domain::Code> too_late(const Item& item) const;
  [[nodiscard]] domain::View view(const Item& item, const ports::ClaimAnswer& claims);
  [[nodiscard]] bool is_busy(const ports::EventKey& event) const;
  ports::ClaimAnswer claims_of(const Item& item);
  void apply(const domain::Decision& decision, const ports::EventKey& event);
  void remember_claims(const domain::Event& event);

  // answers.cpp: rows and outcomes
  // Keyed by its position, as a verdict is that owns no key; or by `key`.
  ports::LedgerRow row_of(const Item& item, domain::Verdict verdict) const;
  ports::LedgerRow row_of(const Item& item, domain::Verdict verdict,
                          const ports::LedgerKey& key) const;
  void refuse(const Item& item, domain::Verdict verdict, const domain::Decision& no,
              const Unparked* slot = nullptr);
  void replay(const Item& item, const KeyState& state, bool alias, const Unparked* slot = nullptr);
  void silent(const Item& item, domain::Verdict verdict, const Unparked* slot = nullptr);
  // Gives the row its sequence and outcome and queues it for publication.
  void answer(ports::LedgerRow& row, const Item& item, const domain::Decision& decision,
              std::string_view subject, const domain::Event* event,
              const domain::Reservation* reservation);
  void number(ports::LedgerRow& row, std::shared_ptr<const contract::OutcomeRecord> outcome,
              base::Timestamp received);
  void emit(ports::LedgerRow&& row, const Unparked* slot);
  [[nodiscard]] std::shared_ptr<contract::OutcomeRecord> outcome_for(const Item& item) const;

  const EngineOptions& options_;
  Overlay& overlay_;
  const Claims& claims_;
  const SagaRoom& saga_room_;
  ports::UnitWrites& writes_;
  LaneEffects& fx_;
  Lane& lane_;
  bool more_copies_ = false;
};

// A refusal that needs no look at the state.
domain::Decision rejection(domain::Code code, std::string detail);

}  // namespace admitone::pipeline
