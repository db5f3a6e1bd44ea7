#pragma once
// From a line of a file to a record of the home topic, and from outcomes back to the lines.
// Used by: the verbs `produce` and `demo`. Threads: one. Blocking: never.
// Errors: a line that breaks the contract is a value; nothing is sent for it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/header_of.hpp"
#include "base/record.hpp"
#include "contract/decode.hpp"

namespace admitone::app {

enum class ContentMode { structured, binary };
enum class Validation { strict, none };

struct PreparedCommand {
  std::int64_t line = 0;
  std::string id;    // as far as it can be read
  std::string type;  // as far as it can be read
  std::optional<std::string> key;
  std::string value;
  std::vector<base::Header> headers;
};

struct BadLine {
  std::int64_t line = 0;
  std::string what;  // one line for a person, with JSON pointers
};

// `text` is one structured CloudEvent. Keyed by the event it is about, also by a derived one, so
// that it reaches its lane without a detour. With Validation::none nothing is refused: what cannot
// be read is sent as it stands, without a key.
std::variant<PreparedCommand, BadLine> prepare_line(std::int64_t line, std::string_view text,
                                                    ContentMode mode, Validation validation,
                                                    const contract::Limits& limits);

// ---------------------------------------------------------------- waiting for the answers

struct Answered {
  std::string outcome_id;
  std::string type;
  std::string code;
  std::string status;
  std::string seq;  // "<lane>:<n>"
  bool replayed = false;
  std::string value;  // the outcome's data as it stands
};

// Which sent records still wait for their outcome. They meet by the position the outcome names
// (header admitone-origin), so that duplicates are told apart.
class PendingAnswers {
 public:
  void expect(std::string position, const PreparedCommand& command);
  // Is the outcome with these headers one of ours? Remembered when it is the first of its position;
  // what happens to the reservations of an event that is cancelled is not its answer.
  bool take(const base::Record& outcome);

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] const std::map<std::int64_t, Answered>& answered() const { return answered_; }

 private:
  struct Line {
    std::int64_t number = 0;
    bool drains = false;  // an event.cancel
  };
  std::map<std::string, Line> waiting_;        // by position
  std::map<std::int64_t, Answered> answered_;  // by line
};

}  // namespace admitone::app
