#pragma once
// What an id may be, and the story that ledger rows, outcomes and keys tell together.
// Used by: the verb `inspect`. Threads: pure functions, any.

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

// Rows of `more` that `rows` does not have yet, by the named columns.
void merge(postgres::CellTable& rows, const postgres::CellTable& more,
           const std::vector<std::string>& identity);

// Several things on one screen: named parts, each a document or rows.
class Screen {
 public:
  void document(std::string name, Json members);
  void table(std::string name, const postgres::CellTable& rows);
  // What the timeline says already: for programs, not for a screen.
  void details(std::string name, const postgres::CellTable& rows);
  void timeline(const std::vector<Moment>& moments);
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  // JSON: one object, a member per part.
  void print(std::ostream& out, OutputFormat format) const;

 private:
  struct Part {
    std::string name;
    Json content;  // object, or array of objects
    bool on_screen = true;
  };
  std::vector<Part> parts_;
};

}  // namespace admitone::app
