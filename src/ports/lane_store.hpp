#pragma once
// Units of work against the database, in the words of the engine. Implemented by
// postgres/lane_store. One instance per thread, one connection each. Within one instance calls do
// not overlap. Every call is bounded by the statement and lock time-outs of the settings. Errors:
// kind retry_unit = roll back, reconnect happens inside on the next call; nothing was applied
// unless effect says unknown.

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/position.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "contract/outcome.hpp"
#include "domain/decide.hpp"
#include "domain/model.hpp"
#include "ports/ledger_key.hpp"
#include "ports/saga_journal.hpp"
#include "ports/timer_run.hpp"

namespace admitone::ports {

// ---------------------------------------------------------------- taking a lane

struct TakenLane {
  base::TopicPartition tp;
  std::int64_t epoch = 0;
  std::int64_t unit = 0;
  std::optional<std::int64_t> next_offset;  // none: nothing was ever consumed
  std::int64_t out_seq = 0;                 // last number given
  std::int64_t published_seq = 0;           // lower bound of what is in the outcome log
  std::int64_t published_offset = 0;  // outcome offset after it: where to begin reading the tail
  std::vector<std::string>
      publishers;  // transactional ids that may have something open (without mine)
  base::Timestamp lane_time;
  std::int32_t tries = 0;  // times the lane was taken with the same next item, this one included
  std::int32_t alone_attempts = 0;  // times that item was begun alone (see count_attempt)
};

struct GivenLane {
  base::TopicPartition tp;
  std::int64_t epoch = 0;  // under which we had it
  // The item that was last begun alone (see count_attempt), if it was only put off since.
  std::optional<std::int64_t> begun = std::nullopt;
};

// An item that is begun alone.
struct Attempt {
  std::int32_t count = 0;  // this one included
  bool was_read = false;   // an earlier one came past decoding it (see note_read)
};

struct EventKey {
  base::TenantId tenant;
  base::EventId event;
  auto operator<=>(const EventKey&) const = default;
};

// What a new owner finds unfinished, read under the policy by lane.
struct LaneWork {
  std::vector<EventKey> draining;  // events in `cancelling`
  std::vector<std::pair<EventKey, std::int64_t>>
      parked;                       // events with parked commands, and how many
  std::int64_t max_park_order = 0;  // modulo kWithOtherKeys
};

struct UnpublishedOutcome {
  std::int64_t seq = 0;
  contract::OutcomeRecord outcome;
};

struct PendingDeadLetter {
  base::Position position;
  base::TenantId tenant;  // the nil tenant when it was not readable
  std::string packed;     // contract::pack_record; empty value when over the limit
  contract::DeadLetterFacts facts;
};

struct DueHold {
  base::TenantId tenant;
  base::EventId event;
  base::ReservationId reservation;
  std::int64_t hold_version = 0;
  base::Timestamp expires_at;
};

// What an operator has written down before it was sent to the lane.
struct AuditedAction {
  std::string verb;
  std::string target;
  std::string reason;
  bool operator==(const AuditedAction&) const = default;
};

// ---------------------------------------------------------------- reading for a unit

// The newest row found under a key: the one that owns it, or an alias (a content-key duplicate
// keeps its own (source, id) with verdict `duplicate`, owns_key false and stored_at set; its
// outcome value is looked up there). An alias whose value is gone, because the first gave its key
// up or its part was dropped, is over: it has no outcome, and has expired at the epoch.
struct FoundKey {
  LedgerKey key;
  std::int32_t part = 0;
  base::Fingerprint payload{};
  domain::Verdict verdict = domain::Verdict::applied;
  domain::CommandStatus status = domain::CommandStatus::completed;
  std::int32_t attempts = 1;
  std::optional<base::Timestamp> expires_at;  // none while running
  std::optional<base::EventId> event;
  // Set when an outcome is stored: id, type, code, time, event, value; the rest is left empty.
  std::optional<contract::OutcomeRecord> outcome;
  // Bytes of a value that is larger than the query's `value_limit`: it is left out.
  std::int64_t value_left_out = 0;
  // The row that keeps the outcome's value: this one, or for an alias the one it points to.
  LedgerKey stored_at;
  std::int32_t stored_part = 0;
};

struct FoundContentKey {
  LedgerKey content;
  base::Timestamp first_at;  // record time of the first
  LedgerKey owner;           // the ledger key of the first
};

struct ReservationKey {
  base::TenantId tenant;
  base::ReservationId reservation;
  auto operator<=>(const ReservationKey&) const = default;
};

// Who holds the names an event command would claim (other events, not withdrawn).
struct ClaimQuery {
  base::TenantId tenant;
  base::EventId self;
  std::string venue_id;
  std::string name_folded;
  base::Timestamp starts_at;
  std::string slug;
  std::optional<std::string> external_id;
  bool operator==(const ClaimQuery&) const = default;
};
struct ClaimAnswer {
  std::optional<base::EventId> same_name_and_start;
  std::optional<base::EventId> same_slug;
  std::optional<base::EventId> same_external_id;
  // Not from the store: the pipeline asks twice about a derived slug, plain and with its suffix.
  std::optional<base::EventId> same_suffixed_slug;
};

// What waits for a key and has another one is read behind all that have it: so much is added to its
// order.
inline constexpr std::int64_t kWithOtherKeys = std::int64_t{1} << 48U;

struct ParkedRow {
  std::int32_t lane = 0;
  EventKey event;
  std::int64_t order = 0;  // dense enough per lane: increasing in log order
  bool copy = false;       // a duplicate that waits for the answer of a running key
  LedgerKey row;           // its ledger row
  std::int32_t part = 0;   // part of that row
  // Of a copy: the running key. Else that of the command whose place it has taken, while copies
  // wait for that one that are still to be brought here.
  LedgerKey waits_for;
  std::string packed;  // contract::pack_record
};

// An outcome's value as the ledger keeps it.
struct StoredValue {
  LedgerKey stored_at;
  std::int32_t stored_part = 0;
  std::string value;
};

struct UnitQuery {
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  std::int32_t lane_hint = 0;
  std::vector<base::TenantId>
      tenants;  // exactly those of the batch (the nil tenant included when used)
  std::vector<LedgerKey> keys;
  // Believed to be new: looked for in older parts only. Whoever asks must write a row under each of
  // them or ask again with `keys`: a row that is in the current part shows as key_taken.
  std::vector<LedgerKey> new_keys;
  // Where some of `keys`, each at most once, are said to be. What says so may be old or wrong: of
  // the part that is named only a row counts that owns the key and has the hint's payload;
  // otherwise the key is looked for as any other.
  std::vector<KeyHint> hints;
  std::int64_t value_limit = kNoLimit;  // of the stored values of keys, each
  std::vector<StoredValue> values;      // left out before, now asked for: `value` is empty
  std::vector<LedgerKey> origins;       // forwarded records: position_key_hash(origin)
  std::vector<LedgerKey> content_keys;
  std::vector<EventKey> events;
  std::vector<ReservationKey> reservations;
  // Bounded continuations. Held or confirmed reservations of cancelling events: first the held ones
  // by expiry, then id, and of these none that expires before `held_from` (none at all without it);
  // then the confirmed ones, by id.
  struct Drain {
    EventKey event;
    std::optional<base::Timestamp> held_from;
    std::int32_t limit = 0;
  };
  std::vector<Drain> drains;
  // Parked commands in order.
  struct Part {
    EventKey event;
    std::int32_t limit = 0;
  };
  std::vector<Part> parked;          // not copies
  std::vector<LedgerKey> copies_of;  // copies that wait for these keys
  std::int32_t copies = 0;           // at most so many of them, of all keys together
  // Parked commands of an event, and copies, are read up to the one whose record reaches this.
  std::int64_t record_bytes = kNoLimit;
};

struct UnitReads {
  std::int32_t part = 0;  // current ledger part, locked FOR SHARE until the unit ends
  base::Timestamp database_now;
  std::vector<FoundKey> keys;  // of those asked for, the ones that exist (and were looked for)
  std::size_t hinted = 0;      // so many of them were where a hint said
  std::size_t spared = 0;      // of the new ones, not looked for anywhere: memory told that none is
  std::vector<LedgerKey> origins;  // the ones that exist
  std::vector<FoundContentKey> content_keys;
  std::vector<domain::Event> events;
  std::vector<domain::Reservation> reservations;
  std::vector<domain::Reservation> drains;  // of all drains asked for, by event, then in order
  std::vector<ParkedRow> parked;            // by event then order
  std::vector<ParkedRow> copies;            // by key then order
  bool copies_left_out = false;             // by `record_bytes`
  std::vector<StoredValue> values;          // those asked for
};

// ---------------------------------------------------------------- writing a unit

struct LaneAdvance {
  base::TopicPartition tp;
  std::int64_t epoch = 0;
  std::int64_t unit = 0;  // the unit this follows: the row must still say so
  std::int64_t next_offset = 0;
  std::int64_t out_seq = 0;
  base::Timestamp lane_time;
  std::int64_t published_seq = 0;
  std::int64_t published_offset = 0;
  bool only_my_publisher = false;  // the predecessors' transactional ids are proven closed
};

// One row per record (and one per outcome that has no record of its own). Key, fingerprint,
// verdict, outcome, sequence.
struct LedgerRow {
  LedgerKey key;
  std::int32_t lane = -1;  // home partition whose sequence it is in; -1: other command topics
  std::optional<base::Position> position;  // none: an outcome without a record of its own
  std::optional<std::string>
      origin;  // when it differs from the position's text (forwarded records)
  domain::Verdict verdict = domain::Verdict::applied;
  bool owns_key = false;  // applied, running, parked
  std::optional<domain::CommandType> type;
  domain::KeySource key_source = domain::KeySource::explicit_key;
  base::Fingerprint payload{};
  std::string command_id;
  std::string command_source;
  std::optional<std::string> idempotency_key;
  std::optional<std::string> actor_id;
  std::optional<std::string> correlation_id;
  std::optional<std::string> traceparent;
  std::optional<std::string> tracestate;
  std::optional<base::EventId> event;
  domain::CommandStatus status = domain::CommandStatus::completed;
  std::int32_t attempts = 1;
  base::Timestamp decided_at;
  std::optional<base::Timestamp> completed_at;
  std::optional<base::Timestamp> expires_at;
  // The outcome, when there is one in this unit.
  std::optional<std::int64_t> out_seq;
  std::optional<base::OutcomeId> outcome_id;
  std::optional<domain::OutcomeType> outcome_type;
  std::optional<domain::Code> code;
  base::Timestamp outcome_time;
  bool replayed = false;
  std::string outcome_value;           // empty when `stored_at` is set
  std::optional<LedgerKey> stored_at;  // replayed: the row that keeps the value
  std::int32_t stored_part = 0;
};

// A row without a sequence (running, parked, waiting) gets its outcome now.
struct LedgerFinish {
  LedgerRow row;  // all outcome fields; key names the row; verdict and position stay as they are in
                  // the table
  std::int32_t part = 0;
  std::optional<domain::Verdict> verdict;  // when it changes
};

// The row gives up its key (expired, failed, or a parked command that ended without taking it).
struct LedgerRekey {
  LedgerKey key;
  std::int32_t part = 0;
  base::KeyHash to;
  bool owns_key = false;  // true: a waiting copy takes the key over
};

struct ContentKeyRow {
  LedgerKey content;
  std::int32_t lane = 0;
  base::Timestamp first_at;
  LedgerKey owner;
};

struct EventWrite {
  domain::Event event;  // sections included; counters of existing sections are NOT written here
  std::int64_t expected_row_version = 0;  // 0: insert
};

struct SectionWrite {
  EventKey event;
  std::int32_t lane = 0;
  std::string section_id;
  std::int64_t held = 0;  // net change in this unit
  std::int64_t sold = 0;
  std::int64_t expected_row_version = 0;
};

struct ReservationWrite {
  domain::Reservation reservation;
  std::int64_t expected_version = 0;  // 0: insert
};

// What became of a pending one, and by which record. Stale: it is not pending (any more).
struct ActionEnd {
  base::TenantId tenant;
  base::Uuid id;
  bool applied = false;
  std::string position;
};

struct UnitWrites {
  std::int32_t part = 0;
  std::vector<LaneAdvance> lanes;
  std::vector<LedgerRekey> rekeys;  // done before the inserts
  std::vector<LedgerRow> rows;
  std::vector<LedgerFinish> finishes;
  std::vector<std::pair<LedgerKey, std::int32_t>> origins;  // key and lane
  std::vector<ContentKeyRow> content_keys;
  std::vector<EventWrite> events;
  std::vector<SectionWrite> sections;
  std::vector<ReservationWrite> reservations;
  // Whole journals of home lanes, inserted or replaced by tenant and id, each saga once; how it
  // began (origin, input) stays as it was first written. Stale: one that has ended, or that has
  // another lane, event, kind, step or transaction there. Key_taken: a second unfinished one of an
  // event.
  std::vector<Saga> sagas;
  std::vector<ParkedRow> park;
  std::vector<ParkedRow> unpark;  // by lane and order
  std::vector<ActionEnd> actions;
  std::vector<PendingDeadLetter> dead_letters;
  std::vector<base::Position> dead_letters_sent;
};

enum class UnitEnd {
  committed,
  fenced,     // rolled back: `fenced` names the lanes that are no longer ours
  key_taken,  // rolled back: another lane was first with a key, a name or an id: reload, decide
              // again
  stale,      // rolled back: a version did not match what was decided on: reload, decide again
};

struct UnitReport {
  UnitEnd end = UnitEnd::committed;
  std::vector<base::TopicPartition> fenced;
  bool was_in_doubt = false;
};

class LaneStore {
 public:
  virtual ~LaneStore() = default;

  // Raises the epoch of each lane (making its row when there is none), adds `publisher` to its
  // publishers, counts a try. One statement per lane; durable on return. When the database fails on
  // the way: those that were taken until then; an error when it was none.
  virtual base::Result<std::vector<TakenLane>> take(std::span<const base::TopicPartition> lanes,
                                                    const std::string& publisher) = 0;
  virtual base::Result<LaneWork> load_work(base::TopicPartition tp) = 0;
  // Outcomes with a sequence above `after`, in order, at most `limit`, up to the one whose value
  // reaches `bytes`.
  virtual base::Result<std::vector<UnpublishedOutcome>> load_unpublished(base::TopicPartition tp,
                                                                         std::int64_t after,
                                                                         std::int32_t limit,
                                                                         std::int64_t bytes) = 0;
  virtual base::Result<std::vector<PendingDeadLetter>> load_dead_letters(
      base::TopicPartition tp) = 0;
  // Held reservations due at or before `until`, by time, tenant and id; but those whose event is
  // being cancelled or changed.
  virtual base::Result<std::vector<DueHold>> due_holds(std::int32_t lane, base::Timestamp until,
                                                       std::int32_t limit) = 0;
  // Unfinished sagas of a home lane with an id above `after`, by id. A text that was not storable
  // comes back with question marks.
  virtual base::Result<std::vector<Saga>> load_sagas(base::TopicPartition tp,
                                                     std::optional<base::SagaId> after,
                                                     std::int32_t limit) = 0;
  // An operator's action of that lane and tenant which nothing has become of yet; none: there is no
  // such.
  virtual base::Result<std::optional<AuditedAction>> pending_action(base::TopicPartition tp,
                                                                    base::TenantId tenant,
                                                                    base::Uuid id) = 0;
  virtual base::Result<base::Timestamp> database_now() = 0;
  // Of whoever took the lane last.
  virtual base::Result<std::int64_t> lane_epoch(base::TopicPartition tp) = 0;
  // Counts, durably and before the work, that the item at `offset` is begun alone. Returns the new
  // count; an error of kind permanent with effect not_applied when the epoch is not ours any more.
  virtual base::Result<Attempt> count_attempt(base::TopicPartition tp, std::int64_t epoch,
                                              std::int64_t offset) = 0;
  // Durably: the item that was counted last has been decoded, and nobody died of that. Errors as
  // count_attempt.
  virtual base::Status note_read(base::TopicPartition tp, std::int64_t epoch,
                                 std::int64_t offset) = 0;
  // Counts, durably and before the work, that a transition of the saga is begun alone, since
  // something was written of it. Returns the new count. Errors as count_attempt; also when it has
  // ended.
  virtual base::Result<std::int32_t> count_transition(base::TopicPartition tp, std::int64_t epoch,
                                                      base::TenantId tenant, base::SagaId saga) = 0;

  // Writes down how timers do; nothing of a lane whose epoch is not ours any more. Nothing is
  // decided by it, so it is not retried.
  virtual base::Status note_timers(std::span<const TimerRun> runs) = 0;

  // The lanes go to another owner, and not because we died: takings of ours that led to nothing are
  // not counted as tries, nor is the attempt at what was begun alone. Nothing happens to those
  // whose epoch is not ours any more, or to attempts that have been decided.
  virtual base::Status give_back(std::span<const GivenLane> lanes) = 0;

  // Opens the unit: BEGIN, part lock (a statement of its own), tenants, probes and loads.
  virtual base::Result<UnitReads> open(const UnitQuery& query) = 0;
  // Within an open unit.
  virtual base::Result<std::vector<ClaimAnswer>> claims(const std::vector<ClaimQuery>& queries) = 0;
  virtual base::Result<UnitReads> more(const UnitQuery& query) = 0;
  // Writes everything, reads every row count, commits. A commit in doubt is settled inside: the
  // progress rows tell (ARCHITECTURE.md, step 6). On any error nothing was applied.
  // `meanwhile`: what the caller can do in the time that the server takes; called once at most, and
  // must neither throw nor use the store.
  using Meanwhile = std::function<void()>;
  virtual base::Result<UnitReport> commit(const UnitWrites& writes, const Meanwhile& meanwhile) = 0;
  base::Result<UnitReport> commit(const UnitWrites& writes) { return commit(writes, {}); }
  // Ends an open unit without effect. No-op when none is open.
  virtual void rollback() = 0;
};

}  // namespace admitone::ports
