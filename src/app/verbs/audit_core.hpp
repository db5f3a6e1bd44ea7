#pragma once
// What the auditor holds true, as pure merges over ordered streams: what was consumed, what the
// ledger says, what the outcome topic shows at read_committed, what the public views show.
// Used by: the verb `audit`, which only feeds it. Threads: one. Blocking: only inside a source.
// Errors: a source's error ends the check and is handed up; a broken law is a finding, no error.
// Limits: memory is bounded by kMaxEvidence and one row of each stream, whatever was looked at.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace admitone::app::audit {

inline constexpr std::size_t kMaxEvidence = 20;

// The next element of an ordered stream; nullopt at its end.
template <class T>
using Source = std::function<base::Result<std::optional<T>>()>;

struct Finding {
  std::string where;  // position, lane and sequence, key, section
  std::string what;
};

// One claim about the whole, what it was held against, and what speaks against it.
struct Check {
  std::string name;
  std::string claim;
  std::int64_t looked_at = 0;
  std::int64_t violations = 0;
  std::vector<Finding> evidence;              // the first kMaxEvidence of the violations
  std::map<std::string, std::int64_t> notes;  // what is no violation and worth saying, counted

  void found(std::string where, std::string what);
};

// ---------------------------------------------------------------- one verdict per record

struct ConsumedRecord {
  std::int64_t offset = 0;
  base::Timestamp timestamp;
};
struct VerdictRow {
  std::int64_t offset = 0;
  std::string verdict;
};
struct PartitionFacts {
  std::string where;  // "<topic>/<partition>"
  // First offset that still exists; verdicts below it are about records that retention removed.
  std::int64_t low = 0;
  // Records below it are consumed; those at or above it may still be on their way.
  std::int64_t decided_until = 0;
  // Older records may have lost their verdict to the ledger's rotation.
  base::Timestamp horizon_start;
};
// Both in the order of offsets.
base::Status check_verdicts(Check& check, const PartitionFacts& facts,
                            const Source<ConsumedRecord>& records,
                            const Source<VerdictRow>& verdicts);

// ---------------------------------------------------------------- the outcome log of a lane

struct PublishedOutcome {
  std::int64_t offset = 0;
  base::Timestamp timestamp;
  std::string seq_text;  // header admitone-seq as it stands, empty when missing
  std::string id;
  std::string type;
  bool replayed = false;
};
struct OutcomeRow {
  std::int64_t seq = 0;
  std::string id;
  std::string type;
  bool replayed = false;
  bool published = false;
};
struct LaneFacts {
  std::string topic;
  std::int32_t lane = 0;
  std::int64_t low = 0;  // first offset of the outcome partition that still exists
  // End of the partition before the views' snapshot was taken: what stands below it must be there.
  std::int64_t end_before_snapshot = 0;
  base::Timestamp horizon_start;
};
// `sequences`: dense from 1, in its own partition. `agreement`: number, id and type as in the view.
// Topic in the order of offsets, rows in the order of numbers.
base::Status check_lane(Check& sequences, Check& agreement, const LaneFacts& facts,
                        const Source<PublishedOutcome>& topic, const Source<OutcomeRow>& rows);

// ---------------------------------------------------------------- keys and their answers

// A row of command_log, as the checks need it.
struct KeyRow {
  std::string scope;  // tenant, type, actor and key, as text for a person
  std::string command_type;
  std::string status;  // in_progress, completed, rejected, failed
  std::optional<std::string> outcome_id;
  std::string outcome_type;
  std::string outcome_code;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
// Equal scopes must stand beside each other.
base::Status check_keys(Check& check, const Source<KeyRow>& keys);

// Who executed and who owns: a record that was applied owns its key, and a key's record was
// applied. Both of one partition in the order of offsets; verdict rows carry their outcome's type.
struct AppliedRow {
  std::int64_t offset = 0;
  std::string verdict;
  std::string outcome_type;  // empty: none yet
};
base::Status check_owners(Check& check, const std::string& where, const Source<AppliedRow>& records,
                          const Source<KeyRow>& keys);

struct LoggedAnswer {
  std::string outcome_id;
  bool replayed = false;
  std::string type;
  std::string code;
  std::int32_t lane = 0;
  std::int64_t seq = 0;
};
struct AnsweredRecord {
  std::string outcome_id;
  std::string where;  // position
};
// One first outcome per key; every record that is owed an answer has one. All three in the order of
// outcome ids (as text).
base::Status check_answers(Check& check, const Source<LoggedAnswer>& log,
                           const Source<AnsweredRecord>& records, const Source<KeyRow>& keys);

// ---------------------------------------------------------------- capacity

struct SectionRow {
  std::string event;  // "<tenant>/<event>"
  std::string section;
  std::int64_t capacity = 0;
  std::int64_t held = 0;
  std::int64_t sold = 0;
  std::int64_t available = 0;
};
struct ReservationRow {
  std::string event;
  std::string reservation;
  std::string status;
  std::vector<std::pair<std::string, std::int64_t>> items;  // section, quantity
};
// capacity = available + held + sold, nothing negative, and the counters are the sums of the
// reservations. Both in the order of events.
base::Status check_capacity(Check& check, const Source<SectionRow>& sections,
                            const Source<ReservationRow>& reservations);

}  // namespace admitone::app::audit
