#pragma once
// The public views as one reader sees them: a single read-only snapshot, however many queries.
// Used by: app (audit, inspect and the lists). Lifetime: one verb; the snapshot lasts as long.
// Threads: one. Blocking: every statement is bounded by `statement_timeout`, on the server and, a
// little later, here, for what lies between may fall silent; connecting by `connect_timeout`; both
// end when `interrupted` says so, between statements and while one is waited for. Errors: kind
// retry_call for a lost, full, slow or silent server, cancelled when interrupted, else permanent; a
// reader changes nothing, so the effect is always not_applied. After a statement that nobody waited
// for to the end there is nothing more to ask. Limits: streams hold kStreamRows rows in memory.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace admitone::postgres {

// A document, as the database wrote it.
struct JsonText {
  std::string text;
  bool operator==(const JsonText&) const = default;
};
// A value as SQL typed it: NULL, integers, booleans, documents; all else as text, instants in
// RFC 3339 (UTC, milliseconds).
using Cell = std::variant<std::monostate, std::int64_t, bool, std::string, JsonText>;
using CellRow = std::vector<Cell>;

struct CellTable {
  std::vector<std::string> columns;
  std::vector<CellRow> rows;
};

// A query by name, with its parameters as text; see postgres/queries.hpp.
struct ViewQuery {
  std::string sql;
  std::vector<std::optional<std::string>> parameters;
};

struct ViewSettings {
  std::string url;
  std::string url_file;  // read again for each connection; empty: `url`
  std::string schema;
  std::string application_name = "admitone reader";
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds statement_timeout{60'000};
  std::function<bool()> interrupted = [] { return false; };
};

class Views;

// The rows of one query, in order, fetched in batches. Usable while its Views live.
class ViewStream {
 public:
  static constexpr int kStreamRows = 2000;

  base::Result<std::optional<CellRow>> next();

 private:
  friend class Views;
  struct State;
  explicit ViewStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

class Views {
 public:
  // Connects and takes the snapshot.
  static base::Result<Views> open(const ViewSettings& settings);
  Views(Views&&) noexcept;
  Views& operator=(Views&&) noexcept;
  ~Views();

  // All rows at once: for what is small or limited.
  base::Result<CellTable> query(const ViewQuery& query);
  // Any number may be open at a time.
  base::Result<ViewStream> stream(const ViewQuery& query);
  // Ends the snapshot and takes a new one.
  base::Status refresh();

 private:
  friend struct ViewStream::State;
  struct Connection;
  explicit Views(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// Cells by kind. A NULL or another kind is the empty value.
std::int64_t integer(const Cell& cell);
bool boolean(const Cell& cell);
std::string text(const Cell& cell);
std::optional<std::string> optional_text(const Cell& cell);

}  // namespace admitone::postgres
