#include "postgres/views.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "postgres/dial.hpp"
#include "postgres/errors.hpp"
#include "postgres/quoting.hpp"
#include "postgres/url.hpp"

namespace admitone::postgres {

namespace {

using std::chrono::milliseconds;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// How often whoever waits is asked whether to go on.
constexpr milliseconds kLook{100};
// How much longer than the server's own bound a statement is waited for.
constexpr milliseconds kGrace{3'000};

constexpr Oid kBool = 16;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kTimestamptz = 1184;
constexpr Oid kJsonb = 3802;

// The first line: the rest of a server's message is about the statement.
std::string first_line(const char* what) {
  const std::string_view text(what);
  return std::string(text.substr(0, text.find('\n')));
}

// What the room throws stops here.
template <class T, class F>
base::Result<T> guarded(F&& call) {
  using base::Effect;
  using base::ErrorKind;
  try {
    return call();
  } catch (const Refused& error) {
    return base::Error{error.kind, Effect::not_applied, error.what()};
  } catch (const Failure& error) {
    if (error.connection_lost) {
      return base::Error{ErrorKind::retry_call, Effect::not_applied,
                         "the database does not answer: " + first_line(error.what())};
    }
    // Out of connections or time, shutting down: it may answer later.
    const bool later = kind_of(error.sqlstate, false) != ErrorKind::permanent;
    return base::Error{later ? ErrorKind::retry_call : ErrorKind::permanent, Effect::not_applied,
                       "the database refused: " + first_line(error.what())};
  }
}

// "2026-11-21 11:48:00.5+00" with the session's settings; RFC 3339 outside.
// To the millisecond, always: instants of a column are equally wide and sort as text.
std::string rfc3339(std::string text) {
  if (!text.ends_with("+00")) return text;  // infinity
  std::replace(text.begin(), text.end(), ' ', 'T');
  text.erase(text.size() - 3);
  const auto point = text.find('.');
  std::string fraction = point == std::string::npos ? "" : text.substr(point + 1);
  fraction.resize(3, '0');
  return text.substr(0, point) + '.' + fraction + 'Z';
}

Cell cell_of(std::string_view value, Oid type) {
  switch (type) {
    case kBool:
      return value == "t";
    case kInt2:
    case kInt4:
    case kInt8: {
      std::int64_t number = 0;
      std::from_chars(value.data(), value.data() + value.size(), number);
      return number;
    }
    case kTimestamptz:
      return rfc3339(std::string(value));
    case kJsonb:
      return JsonText{std::string(value)};
    default:
      return std::string(value);
  }
}

std::vector<CellRow> rows_of(const PGresult* result) {
  std::vector<CellRow> rows;
  const int columns = PQnfields(result);
  rows.reserve(static_cast<std::size_t>(PQntuples(result)));
  for (int row = 0; row < PQntuples(result); ++row) {
    CellRow cells;
    cells.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        cells.emplace_back(std::monostate{});
        continue;
      }
      const auto size = static_cast<std::size_t>(PQgetlength(result, row, column));
      cells.push_back(cell_of({PQgetvalue(result, row, column), size}, PQftype(result, column)));
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

}  // namespace

struct Views::Connection {
  PGconn* const raw;
  ViewSettings settings;
  bool has_snapshot = false;
  int cursors = 0;

  explicit Connection(const ViewSettings& wanted)
      : raw(dial(current_url(wanted.url, wanted.url_file), wanted.application_name,
                 wanted.connect_timeout, "any")),
        settings(wanted) {
    // Notices are for people at a terminal.
    PQsetNoticeProcessor(
        raw, [](void*, const char*) {}, nullptr);
  }
  ~Connection() { PQfinish(raw); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void begin() {
    if (std::exchange(has_snapshot, false)) exec("rollback");
    exec("begin transaction isolation level repeatable read read only");
    has_snapshot = true;
    const auto set = [this](const char* name, const std::string& value) {
      exec("select set_config(" + literal(name) + ", " + literal(value) + ", true)");
    };
    set("search_path", quoted_identifier(settings.schema) + ", pg_catalog");
    set("statement_timeout", std::to_string(settings.statement_timeout.count()));
    // So that what nobody waits for any more ends on the server, too.
    set("client_connection_check_interval", "1000");
    set("timezone", "UTC");
    set("datestyle", "ISO");
    set("client_encoding", "UTF8");
  }

  Result run(const ViewQuery& query, const std::string& prefix = {}) {
    return exec(prefix + with_literals(query));
  }

  Result exec(const std::string& sql) {
    if (settings.interrupted()) throw Refused(base::ErrorKind::cancelled, "interrupted");
    if (PQsendQuery(raw, sql.c_str()) == 0) fail(nullptr);
    Result last(nullptr, &PQclear);
    for (;;) {
      while (PQisBusy(raw) != 0) await();
      PGresult* next = PQgetResult(raw);
      if (next == nullptr) break;
      last.reset(next);
    }
    const auto status = PQresultStatus(last.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(last.get());
    return last;
  }

  // For the next bytes of an answer.
  void await() {
    const bool is_bounded = settings.statement_timeout.count() > 0;
    pollfd socket{PQsocket(raw), POLLIN, 0};
    for (milliseconds waited{0}; poll(&socket, 1, static_cast<int>(kLook.count())) <= 0;
         waited += kLook) {
      if (settings.interrupted()) throw Refused(base::ErrorKind::cancelled, "interrupted");
      if (is_bounded && waited >= settings.statement_timeout + kGrace) {
        throw Failure({}, {}, true, "nothing came back in time");
      }
    }
    if (PQconsumeInput(raw) == 0) fail(nullptr);
  }

  [[noreturn]] void fail(const PGresult* result) const {
    const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* text =
        result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const bool lost = PQstatus(raw) != CONNECTION_OK || state == nullptr;
    throw Failure(state == nullptr ? "" : state, {}, lost,
                  text == nullptr ? PQerrorMessage(raw) : text);
  }

  // Quoted literals are the same for all statements; DECLARE takes no parameters.
  std::string literal(const std::string& value) const {
    // It would end there, and mean something else.
    if (value.find('\0') != std::string::npos)
      throw Refused(base::ErrorKind::permanent, "a text holds a NUL");
    const std::unique_ptr<char, decltype(&PQfreemem)> quoted(
        PQescapeLiteral(raw, value.c_str(), value.size()), &PQfreemem);
    if (!quoted) throw Refused(base::ErrorKind::permanent, "a text is no UTF-8");
    return quoted.get();
  }

  // One pass: what stands inside a literal is not looked at again.
  std::string with_literals(const ViewQuery& query) const {
    std::string sql;
    for (std::size_t i = 0; i < query.sql.size(); ++i) {
      if (query.sql[i] != '$') {
        sql += query.sql[i];
        continue;
      }
      const auto number = static_cast<std::size_t>(query.sql.at(++i) - '1');
      const auto& value = query.parameters.at(number);
      sql += value ? literal(*value) : "null";
    }
    return sql;
  }
};

struct ViewStream::State {
  Views::Connection* connection = nullptr;
  std::string cursor;
  std::vector<CellRow> rows;
  std::size_t at = 0;
  bool ended = false;

  void fetch() {
    const auto result =
        connection->exec("fetch " + std::to_string(kStreamRows) + " from " + cursor);
    rows = rows_of(result.get());
    at = 0;
    if (rows.size() < static_cast<std::size_t>(kStreamRows)) {
      ended = true;
      connection->exec("close " + cursor);
    }
  }
};

base::Result<std::optional<CellRow>> ViewStream::next() {
  using Answer = std::optional<CellRow>;
  return guarded<Answer>([this]() -> base::Result<Answer> {
    if (state_->at == state_->rows.size()) {
      if (state_->ended) return Answer{};
      state_->fetch();
      if (state_->rows.empty()) return Answer{};
    }
    return Answer{std::move(state_->rows[state_->at++])};
  });
}

Views::Views(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Views::Views(Views&&) noexcept = default;
Views& Views::operator=(Views&&) noexcept = default;
Views::~Views() = default;

base::Result<Views> Views::open(const ViewSettings& settings) {
  return guarded<Views>([&]() -> base::Result<Views> {
    auto connection = std::make_unique<Connection>(settings);
    if (PQstatus(connection->raw) != CONNECTION_OK) {
      const std::string said = first_line(PQerrorMessage(connection->raw));
      return base::Error{
          base::ErrorKind::retry_call, base::Effect::not_applied,
          "the database does not answer: " + said + "; " + advice_on(said, "database.reader_url")};
    }
    connection->begin();
    const auto missing = connection->exec("select to_regclass('outcome_log') is null");
    if (std::string_view(PQgetvalue(missing.get(), 0, 0)) == "t") {
      return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                         "the database has no schema '" + settings.schema +
                             "' with AdmitOne's views: run `admitone migrate up`, or correct "
                             "database.schema"};
    }
    return Views(std::move(connection));
  });
}

base::Result<CellTable> Views::query(const ViewQuery& query) {
  return guarded<CellTable>([&]() -> base::Result<CellTable> {
    const auto result = connection_->run(query);
    CellTable table;
    for (int i = 0; i < PQnfields(result.get()); ++i) {
      table.columns.emplace_back(PQfname(result.get(), i));
    }
    table.rows = rows_of(result.get());
    return table;
  });
}

base::Result<ViewStream> Views::stream(const ViewQuery& query) {
  return guarded<ViewStream>([&]() -> base::Result<ViewStream> {
    auto state = std::make_shared<ViewStream::State>();
    state->connection = connection_.get();
    state->cursor = "stream_" + std::to_string(++connection_->cursors);
    connection_->run(query, "declare " + state->cursor + " no scroll cursor for ");
    return ViewStream(std::move(state));
  });
}

base::Status Views::refresh() {
  const auto done = guarded<bool>([this]() -> base::Result<bool> {
    connection_->begin();
    return true;
  });
  if (!done) return done.error();
  return {};
}

std::int64_t integer(const Cell& cell) {
  const auto* value = std::get_if<std::int64_t>(&cell);
  return value == nullptr ? 0 : *value;
}

bool boolean(const Cell& cell) {
  const auto* value = std::get_if<bool>(&cell);
  return value != nullptr && *value;
}

std::string text(const Cell& cell) {
  const auto* value = std::get_if<std::string>(&cell);
  return value == nullptr ? std::string{} : *value;
}

std::optional<std::string> optional_text(const Cell& cell) {
  const auto* value = std::get_if<std::string>(&cell);
  if (value == nullptr) return std::nullopt;
  return *value;
}

}  // namespace admitone::postgres
