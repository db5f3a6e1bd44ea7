#pragma once
// What a replay would do to each record of a range, which range is meant, and what speaks against
// it (docs/decisions/0071).
//   dedupe   the group's position goes back, and the lanes read the range again: what has its
//            verdict changes nothing and emits nothing, what has none is decided.
//   re-emit  the records whose answers are kept come to their lanes once more, and these give the
//            stored outcomes again (`idempotencyreplayed`); nothing is executed. What came in for
//            that is no record of the range: its original is.
// Used by: replaying, by the verb and by the API. Threads: pure, any. Blocking: never.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/operate/redrive_core.hpp"
#include "base/time.hpp"
#include "kafka/reader.hpp"

namespace admitone::app {

enum class ReplayMode { dedupe, reemit };

enum class Expectation {
  // dedupe
  redelivered,  // its position has its verdict
  never_seen,   // would be decided
  duplicate,    // its key has its answer, or runs
  // re-emit
  given_again,    // its stored outcome would come once more
  given_already,  // and has, by an earlier replay
  copy,           // was sent by an earlier replay for a record of the range
  pending,        // no lane has decided it yet
  running,        // it has no outcome yet
  not_kept,       // its answer belongs to no key, or not for long enough any more
  misplaced,      // its event has another lane by now, or its topic other tenants
  // both
  forwarded,  // its event's home lane has decided it, or would
  invalid,    // would be refused
  dead,       // would be a dead letter
  too_old,    // would be refused: what it did before may be forgotten
};
// Short and stable: a member of the JSON output.
std::string_view name_of(Expectation expectation);
std::string_view meaning_of(Expectation expectation, ReplayMode mode);

// How a record reads by itself.
enum class Reading { command, invalid, dead };
// Its row of the ledger.
struct VerdictFacts {
  std::string verdict;
  bool answered = false;
  bool kept = false;  // the answer of a key, for a while yet
  bool running = false;
  std::string origin = {};  // of the record that it was decided for, when that is another
};
struct RecordFacts {
  std::int64_t offset = 0;
  base::Timestamp timestamp;
  std::optional<VerdictFacts> decided;
  Reading reading = Reading::command;
  bool key_answers = false;    // dedupe: its key has an answer or runs
  bool given_already = false;  // re-emit: a record with its position as origin is on the home topic
  bool is_placed_well = true;  // re-emit: this lane would take it for this tenant
  bool is_copy = false;        // re-emit: of a record of the range, which was not forwarded
};
struct ReplayFacts {
  ReplayMode mode = ReplayMode::dedupe;
  bool home = true;
  std::int64_t next_offset = 0;  // what its lane decides next
  base::Timestamp horizon_start;
};
Expectation expect(const ReplayFacts& facts, const RecordFacts& record);

// Offsets of a range: a bit for each that the range has, however many are in it.
class Places {
 public:
  Places() = default;
  explicit Places(const kafka::Extent& range);
  [[nodiscard]] bool covers(TopicPlace at) const;
  void add(TopicPlace at);  // what the range does not cover is nobody's business
  [[nodiscard]] bool has(TopicPlace at) const;

 private:
  struct Part {
    std::int64_t from = 0;
    std::vector<bool> bits;
  };
  std::map<std::int32_t, Part> parts_;
};

// How often each was found in a partition, and where first and last.
struct Tally {
  std::int64_t records = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  void add(std::int64_t offset);
};
using Tallies = std::map<std::int32_t, std::map<Expectation, Tally>>;

// ---------------------------------------------------------------- the range

struct AskedRange {
  std::optional<std::int32_t> partition;
  std::optional<std::int64_t> from;  // the first
  std::optional<std::int64_t> to;    // the first that is not meant
  // Of a time, by partition.
  std::map<std::int32_t, std::int64_t> since;
  std::map<std::int32_t, std::int64_t> until;
};
// Narrows what the topic holds to what is meant. One line when that cannot be done, else empty.
// `dashes`: before the names of flags.
std::string narrow(const std::string& topic, const AskedRange& asked, kafka::Extent& extent,
                   std::string_view dashes = "--");

// The pieces in which a range is read: each is held against a snapshot of its own, so that none
// lasts for long.
struct Piece {
  std::int32_t partition = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
  auto operator<=>(const Piece&) const = default;
};
std::vector<Piece> pieces_of(const kafka::Extent& extent, std::int64_t most);

// ---------------------------------------------------------------- what speaks against it

struct Move {
  std::int32_t partition = 0;
  std::int64_t from = 0;  // where the group is to stand
  // Of the database; nullopt: it has decided nothing of the partition, whose lane begins where the
  // log does.
  std::optional<std::int64_t> next_offset;
  std::int64_t log_start = 0;
};
struct MoveFacts {
  std::string topic;
  std::string group;
  std::int32_t members = 0;
  std::vector<Move> moves;
};
// One line each, with the numbers and what to do; empty: it may be done. `tallies`: of the plan.
std::vector<std::string> objections(const MoveFacts& facts, const Tallies& tallies);

// Of an outcome topic with this cleanup.policy; empty: it may be done.
std::string objection_to_reemit(const std::string& outcome_topic,
                                const std::string& cleanup_policy);

}  // namespace admitone::app
