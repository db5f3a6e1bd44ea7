#pragma once
// What an id may be, and the story that ledger rows, outcomes and keys tell together.
// Used by: operate/inspect. Threads: pure functions, any.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/output.hpp"
#include "postgres/views.hpp"

namespace admitone::app {

enum class IdKind {
  uuid,      // an event, a reservation, an outcome, a command, a key
  position,  // "<topic>/<partition>/<offset>"
  text,      // a key or a command's id
};

struct ParsedId {
  IdKind kind = IdKind::text;
  std::string text;
  std::string topic;
  std::int64_t partition = 0;
  std::int64_t offset = 0;
};
ParsedId parse_id(std::string_view id);

// One line of the story.
struct Moment {
  std::string time;  // RFC 3339; empty: not known
  std::string what;
  std::string where;
  std::string detail;
};

// The rows as queries.hpp names their columns; in the order of time, a record before its outcome.
std::vector<Moment> tell(const postgres::CellTable& records, const postgres::CellTable& outcomes);

// The journal of a saga: each step's beginning and end, as queries::saga_steps names its columns.
std::vector<Moment> tell_steps(const postgres::CellTable& steps, const std::string& saga);
// Two stories as one, by time; of one moment the first story's comes first.
std::vector<Moment> together(std::vector<Moment> first, const std::vector<Moment>& second);

// Rows of `more` that `rows` does not have yet, by the named columns.
void merge(postgres::CellTable& rows, const postgres::CellTable& more,
           const std::vector<std::string>& identity);

// Several things on one screen: named parts, each a document or rows. What they tell of is one
// answer; an id that means several things has several, each with parts of its own.
class Screen {
 public:
  // What comes now is about something else. (So is a part whose name the answer has already.)
  void another();
  void document(std::string name, Json members);
  void table(std::string name, const postgres::CellTable& rows);
  // What the timeline says already: for programs, not for a screen.
  void details(std::string name, const postgres::CellTable& rows);
  // `keys`: all of them; `key`: the one that is the only one.
  void keys(const postgres::CellTable& rows);
  void timeline(const std::vector<Moment>& moments);
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  // One object, a member per part of the first answer; where there are more, `also` is the array of
  // the others, each an object like it.
  [[nodiscard]] Json json() const;
  void print(std::ostream& out, OutputFormat format) const;

 private:
  struct Part {
    std::string name;
    Json content;  // object, or array of objects
    bool on_screen = true;
    int answer = 0;
  };
  void add(Part part);
  std::vector<Part> parts_;
  int answer_ = 0;
};

}  // namespace admitone::app
