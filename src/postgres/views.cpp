#include "postgres/views.hpp"

#include <algorithm>
#include <pqxx/pqxx>
#include <utility>

#include "postgres/errors.hpp"
#include "postgres/url.hpp"

namespace admitone::postgres {

namespace {

constexpr pqxx::oid kBool = 16;
constexpr pqxx::oid kInt8 = 20;
constexpr pqxx::oid kInt2 = 21;
constexpr pqxx::oid kInt4 = 23;
constexpr pqxx::oid kTimestamptz = 1184;
constexpr pqxx::oid kJsonb = 3802;

// The first line: the rest of a server's message is about the statement.
std::string first_line(const char* what) {
  const std::string_view text(what);
  return std::string(text.substr(0, text.find('\n')));
}

// Exceptions of the vendor stop here.
template <class T, class F>
base::Result<T> guarded(F&& call) {
  using base::Effect;
  using base::ErrorKind;
  try {
    return call();
  } catch (const Refused& error) {
    return base::Error{error.kind, Effect::not_applied, error.what()};
  } catch (const pqxx::broken_connection& error) {
    return base::Error{ErrorKind::retry_call, Effect::not_applied,
                       "the database does not answer: " + first_line(error.what())};
  } catch (const std::exception& error) {
    return base::Error{ErrorKind::permanent, Effect::not_applied,
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

Cell cell_of(const pqxx::field& field, pqxx::oid type) {
  if (field.is_null()) return std::monostate{};
  switch (type) {
    case kBool:
      return field.as<bool>();
    case kInt2:
    case kInt4:
    case kInt8:
      return field.as<std::int64_t>();
    case kTimestamptz:
      return rfc3339(field.c_str());
    case kJsonb:
      return JsonText{std::string(field.c_str(), field.size())};
    default:
      return std::string(field.c_str(), field.size());
  }
}

std::vector<CellRow> rows_of(const pqxx::result& result) {
  std::vector<CellRow> rows;
  rows.reserve(static_cast<std::size_t>(result.size()));
  std::vector<pqxx::oid> types;
  for (pqxx::row_size_type i = 0; i < result.columns(); ++i) types.push_back(result.column_type(i));
  for (const auto& row : result) {
    CellRow cells;
    cells.reserve(types.size());
    for (const auto& field : row) cells.push_back(cell_of(field, types[cells.size()]));
    rows.push_back(std::move(cells));
  }
  return rows;
}

}  // namespace

struct Views::Connection {
  pqxx::connection connection;
  // Its transaction is opened by a statement of its own: the classes for it differ between the
  // vendor's versions.
  std::optional<pqxx::nontransaction> snapshot;
  ViewSettings settings;
  int cursors = 0;

  explicit Connection(const ViewSettings& wanted) : connection(wanted.url), settings(wanted) {}

  void begin() {
    if (snapshot) snapshot->exec("rollback");
    snapshot.reset();
    snapshot.emplace(connection);
    snapshot->exec("begin transaction isolation level repeatable read read only");
    const auto set = [this](const char* name, const std::string& value) {
      snapshot->exec_params("select set_config($1, $2, true)", name, value);
    };
    set("application_name", settings.application_name);
    set("search_path", connection.quote_name(settings.schema) + ", pg_catalog");
    set("statement_timeout", std::to_string(settings.statement_timeout.count()));
    set("timezone", "UTC");
    set("datestyle", "ISO");
  }

  pqxx::result run(const ViewQuery& query, const std::string& prefix = {}) {
    return snapshot->exec(prefix + with_literals(query));
  }

  // DECLARE takes no parameters; quoted literals are the same for both. One pass: what stands
  // inside a literal is not looked at again.
  std::string with_literals(const ViewQuery& query) {
    std::string sql;
    for (std::size_t i = 0; i < query.sql.size(); ++i) {
      if (query.sql[i] != '$') {
        sql += query.sql[i];
        continue;
      }
      const auto number = static_cast<std::size_t>(query.sql.at(++i) - '1');
      const auto& value = query.parameters.at(number);
      sql += value ? connection.quote(*value) : "null";
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
        connection->snapshot->exec("fetch " + std::to_string(kStreamRows) + " from " + cursor);
    rows = rows_of(result);
    at = 0;
    if (rows.size() < static_cast<std::size_t>(kStreamRows)) {
      ended = true;
      connection->snapshot->exec0("close " + cursor);
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
    check_url(settings.url);
    ViewSettings bounded = settings;
    const auto seconds = std::max<std::int64_t>(1, settings.connect_timeout.count() / 1000);
    const bool is_url = settings.url.find("://") != std::string::npos;
    const bool has_query = settings.url.find('?') != std::string::npos;
    if (settings.url.find("connect_timeout") == std::string::npos) {
      bounded.url += is_url ? (has_query ? "&" : "?") : " ";
      bounded.url += "connect_timeout=" + std::to_string(seconds);
    }
    std::unique_ptr<Connection> connection;
    try {
      connection = std::make_unique<Connection>(bounded);
    } catch (const pqxx::broken_connection& error) {
      return base::Error{base::ErrorKind::retry_call, base::Effect::not_applied,
                         "the database does not answer: " + first_line(error.what()) +
                             "; is the server up, and is database.reader_url right?"};
    }
    connection->begin();
    if (connection->snapshot->exec1("select to_regclass('outcome_log') is null")[0].as<bool>()) {
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
    const pqxx::result result = connection_->run(query);
    CellTable table;
    for (pqxx::row_size_type i = 0; i < result.columns(); ++i) {
      table.columns.emplace_back(result.column_name(i));
    }
    table.rows = rows_of(result);
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
