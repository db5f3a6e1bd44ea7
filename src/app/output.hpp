#pragma once
// What verbs print on stdout: rows as an aligned table, as one JSON array, or as JSON lines; and
// single documents. Everything else a verb says goes to stderr. Threads: one at a time.

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace admitone::app {

using Json = nlohmann::ordered_json;

enum class OutputFormat { table, json, jsonl };

// Column names are also the JSON member names (snake_case). A null cell shows as "-".
class Rows {
 public:
  explicit Rows(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  // One cell per column.
  void add(std::vector<Json> cells);
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  // An array of objects.
  [[nodiscard]] Json json() const;
  // `table`: numbers to the right, a header line in capitals, control characters as \xNN; nothing
  // else is cut or wrapped.
  void print(std::ostream& out, OutputFormat format) const;

 private:
  void print_table(std::ostream& out) const;
  [[nodiscard]] Json object(const std::vector<Json>& cells) const;

  std::vector<std::string> columns_;
  std::vector<std::vector<Json>> rows_;
};

// A document: as JSON in both JSON formats; as "name  value" lines in a table.
void print_document(std::ostream& out, OutputFormat format, const Json& document);

// A cell or member as a person reads it.
std::string cell_text(const Json& value);

}  // namespace admitone::app
