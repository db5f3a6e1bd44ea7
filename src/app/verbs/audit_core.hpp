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
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace admitone::app::audit {

inline constexpr std::size_t kMaxEvidence = 20;

// The next element of an ordered stream; nullopt at its end.
template <class T>
using Source = std::function<base::Result<std::optional<T>>()>;

// A source with one element of look-ahead.
template <class T>
class Stream {
 public:
  explicit Stream(Source<T> source) : source_(std::move(source)) {}

  base::Status advance() {
    begun_ = true;
    auto next = source_();
    if (!next) return next.error();
    head_ = std::move(next.value());
    return {};
  }
  // The first element, unless it was taken before.
  base::Status begin() { return begun_ ? base::Status{} : advance(); }
  [[nodiscard]] bool done() const { return !head_; }
  const T& operator*() const { return *head_; }
  const T* operator->() const { return &*head_; }

 private:
  Source<T> source_;
  std::optional<T> head_;
  bool begun_ = false;
};

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
  std::string tenant;      // header ce_tenantid, empty when there is none
  std::string_view value;  // in structured mode the tenant stands here; valid during the call
};
struct VerdictRow {
  std::int64_t offset = 0;
  std::string verdict;
  std::string tenant;  // empty: nobody's
  bool answered = true;
  bool running = false;  // what it waits for has not ended
  bool silent =
      false;  // none is owed: a late expire; a change of a saga; a forward that came again
};
struct PartitionFacts {
  std::string where;  // "<topic>/<partition>"
  // First offset that still exists; verdicts below it are about records that retention removed.
  std::int64_t low = 0;
  // Records below it are consumed; those at or above it may still be on their way.
  std::int64_t decided_until = 0;
  // Older records may have lost their verdict to the ledger's rotation.
  base::Timestamp horizon_start;
  bool home = true;  // elsewhere nothing is decided: what is good is forwarded
};

// Fed with the records of one partition in the order of offsets; `verdicts` is in the same order.
// A verdict is its record's tenant's, of the place it was given in, and has the answer it owes.
class VerdictCheck {
 public:
  VerdictCheck(Check& check, PartitionFacts facts, Source<VerdictRow> verdicts);
  base::Status record(const ConsumedRecord& record);
  // After the last record.
  base::Status finish();

 private:
  base::Status before(std::int64_t offset);
  void alone(const ConsumedRecord& record);
  void judge(const ConsumedRecord& record, const VerdictRow& row);

  Check& check_;
  PartitionFacts facts_;
  Stream<VerdictRow> rows_;
};

// ---------------------------------------------------------------- the outcome log of a lane

struct PublishedOutcome {
  std::int64_t offset = 0;
  base::Timestamp timestamp;
  std::string seq_text;  // header admitone-seq as it stands, empty when missing
  std::string id;
  std::string type;
  bool replayed = false;
  std::string tenant;
  std::string event;       // subject; empty: none
  std::string key;         // of the record
  std::string command_id;  // causationid
  std::string origin;      // admitone-origin
  std::string code;        // in the value
  std::string ended;       // the reservation in the value, for outcomes that end one
};
struct OutcomeRow {
  std::int64_t seq = 0;
  std::string id;
  std::string type;
  bool replayed = false;
  bool published = false;
  std::string tenant;
  std::string event;
  std::string command_id;
  std::string origin;
  std::string code;
};
struct LaneFacts {
  std::string topic;
  std::int32_t lane = 0;
  std::int64_t low = 0;  // first offset of the outcome partition that still exists
  // End of the partition before the views' snapshot was taken: what stands below it must be there.
  std::int64_t end_before_snapshot = 0;
  base::Timestamp horizon_start;
  // Highest number in the parts of the ledger that are gone; what ran longer than its part lasted
  // left a hole among the rows below it.
  std::int64_t detached_seq = 0;
};
// Fed with the records of one outcome partition in the order of offsets; `rows` in the order of
// numbers. `sequences`: dense from 1, in its own partition. `agreement`: what the record says is
// what the view says, and a first outcome has the id that follows from its origin, type and
// subject.
class LaneCheck {
 public:
  LaneCheck(Check& sequences, Check& agreement, LaneFacts facts, Source<OutcomeRow> rows);
  base::Status record(const PublishedOutcome& record);
  // After the last record.
  base::Status finish();

 private:
  [[nodiscard]] std::string lane_seq(std::int64_t seq) const;
  [[nodiscard]] std::string position(const PublishedOutcome& record) const;
  std::optional<std::int64_t> number(const PublishedOutcome& record);
  void dense(const PublishedOutcome& record, std::int64_t seq);
  void compare(const PublishedOutcome& record, const OutcomeRow& row);
  void derive(const PublishedOutcome& record);
  void only_in_topic(const PublishedOutcome& record, std::int64_t seq);
  void only_in_view(const OutcomeRow& row);
  base::Status take_row();

  Check& sequences_;
  Check& agreement_;
  LaneFacts facts_;
  Stream<OutcomeRow> rows_;
  std::int64_t last_ = 0;      // highest number seen in the topic
  std::int64_t row_last_ = 0;  // last number that the view had to show
  bool before_the_log_;        // rows whose outcomes retention took
};

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
// applied. Both of one partition in the order of offsets.
enum class Answer { none, given, failed };
struct AppliedRow {
  std::int64_t offset = 0;
  std::string verdict;
  Answer answer = Answer::none;
  bool ended = false;  // its key's time is over: a later command may own it
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
// Lane to the highest number in the parts of the ledger that are gone.
using DetachedSeqs = std::map<std::int32_t, std::int64_t>;
// One first outcome per key, as many answers as records that name them. All three in the order of
// outcome ids (as text). An answer given again stays when the part of its first has gone.
base::Status check_answers(Check& check, const Source<LoggedAnswer>& log,
                           const Source<AnsweredRecord>& records, const Source<KeyRow>& keys,
                           const DetachedSeqs& detached = {});

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
