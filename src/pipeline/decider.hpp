#pragma once
// Turns the items of one unit of work into writes and publications, in order, on an overlay.
// Used by: UnitRunner (steps "decide" and "number" of the walk). Threads: one pipeline thread.
// Blocking: never; no I/O. The same items over the same overlay give the same result (law L24).

#include <map>
#include <memory>
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
  std::vector<Unparked> parked;    // by event, then order; for draining events only the head
  std::vector<Unparked> copies;    // waiting for the keys of `parked`, by key, then order
  bool more_copies = false;        // `copies` is one page of them
  bool alone = false;              // one parked command, not a page of them
  std::int64_t gave_up_after = 0;  // attempts, when that one is given up
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
  std::vector<std::pair<ports::ReservationKey, std::int64_t>>
      timers_back;  // came too early: send again
  // What was not looked for is not going to be written either, so no index tells whether it is
  // there: the unit must be decided again with all its look-ups.
  bool unproven_keys = false;
  bool unproven_reservations = false;
  Publication publication;
  std::map<std::string_view, double> verdicts;  // metrics
  std::map<std::string_view, double> codes;
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

class Decider {
 public:
  Decider(const EngineOptions& options, Overlay& overlay, const Claims& claims,
          ports::UnitWrites& writes, LaneEffects& effects)
      : options_(options),
        overlay_(overlay),
        claims_(claims),
        writes_(writes),
        fx_(effects),
        lane_(*effects.lane) {}

  // Continuations first, then the items in offset order, up to one that has to be left to the next
  // unit; then the lane's advance. Something is always decided.
  void run(const LaneShare& share);

  // Appended to by run(): to be delivered before the commit.
  std::vector<ports::OutgoingRecord> forwards;

 private:
  // Where a decided row goes: inserted (slot is null: a record of now) or finished (it was parked
  // or waiting).
  void drain(const LaneShare& share, const ports::EventKey& event);
  void release(const LaneShare& share, const ports::EventKey& event);
  // False: the unit ends before it.
  bool release_one(const LaneShare& share, const Unparked& parked);
  void refuse_expired(const Unparked& waited);
  bool would_take_key(const Item& item);
  void unpark(const Unparked& waited);
  KeyState fail(const Unparked& parked);
  // The ledger row of `slot` moves to `at`, where it owns the key or not.
  void move_row(const Unparked& slot, const ports::LedgerKey& at, bool owns);

  // The unit has to end before the item: it is full, or what the item needs was not read, or is
  // not true any more. Never so while nothing has been decided.
  bool ends_before(const Item& item);
  [[nodiscard]] bool is_full() const { return overlay_.made_bytes >= options_.unit_bytes; }
  [[nodiscard]] bool is_left_out(const ports::LedgerKey& key) const;
  [[nodiscard]] bool is_unread(const Item& item) const;
  bool claims_are_old(const Item& item);
  void take(const Item& item);
  void command(const Item& item);
  void check_proof(const Item& item);
  // False: the decision took no key.
  bool decide(const Item& item, const Unparked* slot, std::int32_t attempts);
  void park(const Item& item, std::int32_t attempts);
  void wait_for(const Item& item, const ports::LedgerKey& running, bool alias);
  void forward(const Item& item);
  void dead(const Item& item);
  void bury(const Item& item);
  bool content_duplicate(const Item& item);
  [[nodiscard]] bool expired(const Item& item) const;
  [[nodiscard]] std::optional<domain::Code> too_late(const Item& item) const;
  [[nodiscard]] domain::View view(const Item& item, const ports::ClaimAnswer& claims);
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
  ports::UnitWrites& writes_;
  LaneEffects& fx_;
  Lane& lane_;
  bool more_copies_ = false;
};

// A refusal that needs no look at the state.
domain::Decision rejection(domain::Code code, std::string detail);

}  // namespace admitone::pipeline
