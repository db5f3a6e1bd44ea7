#pragma once
// Outcomes: what a lane puts on the outcome topic. The value is rendered once, when the command is
// decided, and stored; the headers are rendered from stored columns each time it is published.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.hpp"
#include "contract/envelope.hpp"
#include "domain/decide.hpp"

namespace admitone::contract {

// `data` of an outcome: {"command":{...},"status":...,"code":...,"result":...,"problem":...}.
// Hand-formatted from known fields; byte-stable for the same input.
std::string render_outcome(const Envelope& command, const domain::Decision& decision,
                           const domain::Event* event, const domain::Reservation* reservation);

// The most bytes that the event takes in any outcome, however its seats are held and sold.
std::size_t room_in_outcome(const domain::Event& event);

// One outcome record of a lane, as the ledger keeps it.
struct OutcomeRecord {
  base::OutcomeId id;
  domain::OutcomeType type = domain::OutcomeType::command_rejected;
  domain::Code code = domain::Code::processing_failed;
  base::TenantId tenant;
  std::optional<base::EventId> event;  // subject and record key; none when unreadable
  base::Timestamp time;                // decision time of the first
  bool replayed = false;
  // Of the record that is answered (for a replay: the later one).
  std::string origin;      // "<topic>/<partition>/<offset>"
  std::string command_id;  // causationid
  std::optional<std::string> correlation_id;
  std::optional<std::string> idempotency_key;
  std::optional<std::string> actor_id;
  std::optional<std::string> traceparent;
  std::optional<std::string> tracestate;
  std::string value;  // the stored `data`
};

// Binary-mode CloudEvents headers plus content-type, admitone-origin and admitone-seq
// "<lane>:<seq>", one after the other; the views are valid during the call.
using HeaderSink = std::function<void(std::string_view name, std::string_view value)>;
void each_outcome_header(const OutcomeRecord& outcome, std::int32_t lane, std::int64_t seq,
                         const HeaderSink& sink);
std::vector<base::Header> outcome_headers(const OutcomeRecord& outcome, std::int32_t lane,
                                          std::int64_t seq);
// Of record key, value and headers together.
std::size_t outcome_bytes(const OutcomeRecord& outcome, std::int32_t lane, std::int64_t seq);

// "<lane>:<seq>" back into numbers; nullopt when malformed.
struct LaneSeq {
  std::int32_t lane = 0;
  std::int64_t seq = 0;
};
std::optional<LaneSeq> parse_seq(std::string_view text);

// Headers of a dead letter: the original ones untouched, then ours and Spring's.
struct DeadLetterFacts {
  std::string reason;
  std::string code;
  std::string detail;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  base::Timestamp timestamp;
  std::string group;
  std::int64_t attempts = 1;
  base::Timestamp first_failed_at;
};
std::vector<base::Header> dead_letter_headers(const base::Record& record,
                                              const DeadLetterFacts& facts);

// A parked command as bytes, and back: everything `decode` needs, position and timestamp too. Our
// own format, versioned by its first byte.
std::string pack_record(const base::Record& record);
std::optional<base::Record> unpack_record(std::string_view packed);

// The internal command that a lane's timer sends to its own partition (ARCHITECTURE.md, timers).
struct TimerCommand {
  std::string key;  // record key: the event id
  std::string value;
  std::vector<base::Header> headers;
};
// Signed with the deployment's secret.
TimerCommand expire_command(std::string_view secret, base::TenantId tenant, base::EventId event,
                            base::ReservationId reservation, std::int64_t hold_version,
                            base::Timestamp due);

}  // namespace admitone::contract
