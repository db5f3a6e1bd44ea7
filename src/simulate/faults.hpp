#pragma once
// What goes wrong on demand: a script of rules, and which of them acts on a call. A rule counts the
// calls it fits; the first rule in the script that acts decides. Pure but for the counters: the
// same script and the same calls in the same order give the same faults. Used by: control, the
// services. Threads: `Faults` from any. Blocking: never. Limits: 1,000 rules.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "simulate/json.hpp"

namespace admitone::simulate {

enum class World { venue, solana };

enum class FaultKind {
  refuse,            // a definite no: status and body
  status,            // 429, 500, 503 …; nothing is applied
  hang,              // no answer; the connection ends after `time`; nothing is applied
  drip,              // applied, and answered `bytes` at a time with `time` between
  apply_then_lose,   // applied; the connection ends without an answer, after `time`
  delay_then_apply,  // the connection ends without an answer; applied after `time`
  wrong_body,        // applied, and answered with another body
  wrong_type,        // applied, and answered as another content type
  // Of the chain only:
  drop,              // accepted, and this copy never lands
  land_late,         // lands so many slots later
  land_with_error,   // lands with an error: the fee is gone, nothing else happened
  expire_blockhash,  // the transaction's blockhash is too old from now on
  lag,               // the pool member is so many slots further behind
  not_found_for,     // statuses of the signature are not known for `time`
  nonsense,          // applied, and answered with a result of the wrong shape
};

struct Action {
  FaultKind kind = FaultKind::status;
  int status = 0;
  std::optional<std::int64_t> retry_after;  // seconds
  std::chrono::milliseconds time{0};
  std::int64_t bytes = 0;
  std::int64_t slots = 0;
  std::string type;          // wrong_type
  std::optional<Json> body;  // as JSON; a text is sent as it is
  Json error;                // land_with_error
};

// Patterns may have `*` for anything.
struct Match {
  std::optional<std::string> operation;
  std::optional<std::string> key;     // request key; on the chain: signature or address
  std::optional<std::string> event;   // on the chain: the memo, or a part of it
  std::optional<std::string> tenant;  // of the venue only
  std::optional<int> member;          // of the chain only: which one of the pool
  std::vector<std::int64_t> nth;      // of the calls that fit, from 1; empty: each
  std::optional<double> probability;
};

struct Rule {
  std::string name;
  Match match;
  std::optional<std::int64_t> times;       // acts at most so often
  std::optional<std::int64_t> times_each;  // on each event
  Action action;
};

struct Script {
  std::uint64_t seed = 0;
  std::vector<Rule> rules;
  Json source = Json::object();  // as it was given
};

// Where in the script, as a JSON pointer, and what is wrong there.
struct ScriptError {
  std::string pointer;
  std::string message;
};

// By schemas/simulate/faults.schema.json, and by what the world knows.
std::variant<Script, ScriptError> parse_script(std::string_view text, World world);
// "refuse" … "nonsense"
std::string_view name_of(FaultKind kind);

struct Call {
  std::string operation;
  std::vector<std::string> keys;
  std::vector<std::string> events;
  std::string tenant;
  int member = 0;
};

class Faults {
 public:
  void set(Script script);
  // Whether a rule may act on a call of this operation: else nobody needs to know what it is about.
  [[nodiscard]] bool watch(std::string_view operation) const;
  // What happens to this call; nullopt: nothing out of the ordinary.
  std::optional<Action> next(const Call& call);
  // The script, and for each rule how many calls it fitted and how often it acted.
  [[nodiscard]] Json report() const;

 private:
  struct Counted {
    std::int64_t fitted = 0;
    std::int64_t acted = 0;
    std::unordered_map<std::string, std::int64_t> each;  // acted, by event; of times_each
  };
  mutable std::mutex mutex_;
  Script script_;
  std::vector<Counted> counts_;
};

// Does the text fit a pattern in which `*` stands for anything?
bool fits(std::string_view pattern, std::string_view text);

}  // namespace admitone::simulate
