#pragma once
// Which dead letters may be sent again, and as what. A letter that is sent again comes to its
// event's lane with the letter's own position as its signed origin: the lane decides one record per
// origin, whoever sends it and however often (docs/decisions/0072).
// Used by: redriving, by the verb and by the API; replaying. Threads: pure, one. Blocking: never.
// Errors: what cannot be sent is a fate. Limits: about 300 bytes for each letter of the plan, and
// kMaxPlanned of them, or fewer.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/record.hpp"
#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::app {

// A position on a topic that is known.
struct TopicPlace {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  auto operator<=>(const TopicPlace&) const = default;
};

enum class Fate {
  would_send,
  sent,         // by this run
  redriven,     // a lane has decided it
  on_its_way,   // it is on the home topic, and no lane has decided it yet
  copy,         // of another letter of the same record, which stands for both
  place_taken,  // a lane has decided for a letter that stood there before the topic was made anew
  no_value,     // the letter came without the record's value
  incomplete,   // or without its headers, or without what an earlier redrive has put there
  too_old,      // its key may be forgotten: REPLAY_TOO_OLD
  undecodable,  // it would be a dead letter again
  invalid,      // it would be answered INVALID_COMMAND
  forbidden,    // its topic is bound to other tenants
  unroutable,   // by no rule can its lane be known
};
// Short and stable: a member of the JSON output.
std::string_view name_of(Fate fate);
// Is there nothing to be done about it: it was sent, by this run or an earlier one?
bool is_done(Fate fate);

struct RedriveRules {
  std::string letter_topic;
  std::string home_topic;
  std::vector<std::string> command_topics;
  std::int32_t partitions = 1;  // of the home topic
  // nullopt: the producers are trusted to place what belongs together (kafka.partitioner: none).
  std::optional<contract::Partitioner> partitioner = contract::Partitioner::murmur2;
  contract::Limits limits;
  std::map<std::string, std::vector<std::string>> topic_tenants;  // absent: any tenant
  base::Timestamp now;
  base::Duration max_age{};  // of a letter
  base::Duration horizon{};  // of the record that died
};

struct PlannedLetter {
  TopicPlace at;
  base::Timestamp written_at;
  std::string origin;  // "<topic>/<partition>/<offset>" as the letter names it
  // Of the record that died first, where the letter is of one that was redriven; else as above.
  std::string root;
  base::Timestamp first_sent;
  std::string reason;
  std::string code;
  std::optional<base::TenantId> tenant;  // nullopt: unreadable
  std::string command_id;                // empty: unreadable
  std::int32_t lane = 0;                 // where it is to be decided, when it may be sent
  Fate fate = Fate::would_send;
  std::string detail;  // why not; where it is; its verdict
};

// What the letter is and what would become of it by itself; nullopt: no dead letter of AdmitOne.
// Of what it says only what AdmitOne has written is believed: the last header of each name.
std::optional<PlannedLetter> examine(const base::Record& letter, const RedriveRules& rules);

// A record of ours as its sender made it: without what AdmitOne has put on it on its way, or on a
// dead letter. Its views point into `record`.
base::Record as_it_was(const base::Record& record);
// As it goes to a home lane once more: answered as the record at `origin`, once.
ports::OutgoingRecord signed_for(const base::Record& record, std::int32_t lane,
                                 const std::string& origin, std::string_view forward_secret);
// The record that goes to the home topic, in full. `planned`: of this letter, and it may be sent.
ports::OutgoingRecord redriven(const base::Record& letter, const PlannedLetter& planned,
                               const RedriveRules& rules, std::string_view forward_secret);

// Which letters are meant. All that are set must hold.
struct Selection {
  std::vector<std::string> positions;  // of records, or of letters on the letter topic; empty: any
  std::vector<std::string> records;    // of those letters: there may be another one of the same
  std::string reason;                  // reason or code; empty: any
  std::string tenant;                  // empty: any
  [[nodiscard]] bool takes(const PlannedLetter& letter, const std::string& letter_topic) const;
};

// What a lane has, or will have, of a letter that was sent before.
struct Trace {
  std::string origin;                           // the letter's position
  std::string position;                         // of the record that was sent
  std::string verdict;                          // empty: not decided yet
  base::Timestamp at = base::Timestamp::max();  // of the decision, else of the record
  bool is_proven = true;  // its origin is AdmitOne's; false: nobody has looked at its signature
};

// What a run has waited for.
enum class Wanted { sent, decided };

// Letters in the order of the topic; then what is known of them; then the plan.
class RedrivePlan {
 public:
  static constexpr std::size_t kMaxPlanned = 1'000'000;

  explicit RedrivePlan(std::string letter_topic, std::size_t most = kMaxPlanned)
      : topic_(std::move(letter_topic)), most_(most) {}
  // False when there is no room for more.
  bool add(PlannedLetter letter);
  // Of letters that are not in the plan: nothing happens. What is decided counts more than what is
  // on its way.
  void note(const Trace& trace);
  // Of several letters of one record the oldest that may be sent stands for all; at most `limit`
  // may be sent, of at most so many tenants' lanes, the others are taken out of the plan.
  void settle(std::int64_t limit, std::size_t lanes = std::numeric_limits<std::size_t>::max());
  // Of a plan that is settled only these may be sent.
  void keep(const std::set<TopicPlace>& chosen);
  // How many were taken out.
  [[nodiscard]] std::int64_t left() const { return left_; }
  // Has all that was meant come so far, by this run or an earlier one? Not what `settle` has left.
  [[nodiscard]] bool is_carried_out(Wanted wanted) const;

  [[nodiscard]] const std::map<TopicPlace, PlannedLetter>& letters() const { return letters_; }
  [[nodiscard]] PlannedLetter* find(TopicPlace at);
  [[nodiscard]] std::map<Fate, std::int64_t> counts() const;

 private:
  std::string topic_;
  std::size_t most_;
  std::map<TopicPlace, PlannedLetter> letters_;
  std::map<std::string, std::vector<TopicPlace>> by_origin_;
  std::int64_t left_ = 0;
};

// Is `topic` bound to others (kafka.topic_tenants)?
bool is_forbidden(const std::map<std::string, std::vector<std::string>>& topic_tenants,
                  const std::string& topic, base::TenantId tenant);
// "<topic>/<partition>/<offset>" of this topic; nullopt otherwise.
std::optional<TopicPlace> place_in(std::string_view topic, std::string_view position);

}  // namespace admitone::app
