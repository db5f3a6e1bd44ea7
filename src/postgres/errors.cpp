#include "postgres/errors.hpp"

#include <array>
#include <pqxx/pqxx>
#include <utility>

namespace admitone::postgres {
namespace {

using base::ErrorKind;

struct Rule {
  std::string_view prefix;  // of the SQLSTATE; the first that fits counts
  ErrorKind kind;
};

constexpr std::array kRules{
    Rule{"08", ErrorKind::retry_unit},     // connection exceptions
    Rule{"25006", ErrorKind::retry_unit},  // read-only: this server is not the primary any more
    Rule{"25P03", ErrorKind::retry_unit},  // idle in transaction for too long
    Rule{"25", ErrorKind::permanent},
    Rule{"40", ErrorKind::retry_unit},     // serialization, deadlock
    Rule{"53", ErrorKind::retry_unit},     // disk full, memory, too many connections
    Rule{"55P03", ErrorKind::retry_unit},  // lock time-out
    Rule{"55006", ErrorKind::retry_unit},  // object in use
    Rule{"57", ErrorKind::retry_unit},     // cancelled, shutdown, crash, starting up
    Rule{"58", ErrorKind::retry_unit},     // the server's disk
    Rule{"23505", ErrorKind::retry_unit},  // somebody was first: reload, decide again
    Rule{"28", ErrorKind::permanent},      // wrong role or password
    Rule{"3D", ErrorKind::permanent},      // no such database
};

struct Meaning {
  std::string_view constraint;
  domain::Code code;
};

constexpr std::array kMeanings{
    Meaning{"events_pkey", domain::Code::id_taken},
    Meaning{"events_name", domain::Code::duplicate_event},
    Meaning{"events_external_id", domain::Code::duplicate_event},
    Meaning{"events_slug", domain::Code::slug_taken},
    Meaning{"reservations_pkey", domain::Code::id_taken},
    Meaning{"sections_capacity", domain::Code::capacity_exhausted},
    Meaning{"sections_held", domain::Code::reservation_not_active},
    Meaning{"sections_sold", domain::Code::reservation_not_active},
};

// The first line, without what libpq adds for people at a terminal.
std::string one_line(std::string_view text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  return std::string(line);
}

base::Error error_of(ErrorKind kind, std::string_view doing, std::string_view state,
                     std::string_view message) {
  std::string text = "PostgreSQL, " + std::string(doing) + ": " + one_line(message);
  if (!state.empty()) text += " (SQLSTATE " + std::string(state) + ")";
  return {kind, base::Effect::not_applied, std::move(text)};
}

}  // namespace

ErrorKind kind_of(std::string_view sqlstate, bool connection_lost) {
  for (const auto& rule : kRules) {
    if (sqlstate.starts_with(rule.prefix)) return rule.kind;
  }
  if (sqlstate.empty() || connection_lost) return ErrorKind::retry_unit;
  return ErrorKind::permanent;
}

bool is_unique_violation(const Failure& failure) {
  return failure.sqlstate == "23505";
}

std::optional<domain::Code> code_of(std::string_view constraint) {
  for (const auto& meaning : kMeanings) {
    if (meaning.constraint == constraint) return meaning.code;
  }
  return std::nullopt;
}

std::string class_of_current() {
  std::string state;
  try {
    throw;
  } catch (const Failure& e) {
    state = e.sqlstate;
  } catch (const pqxx::sql_error& e) {
    state = e.sqlstate();
  } catch (...) {
    // No answer of the server's.
  }
  return state.empty() ? "connection" : state.substr(0, 2);
}

base::Error translate_current(std::string_view doing) {
  try {
    throw;
  } catch (const Failure& e) {
    return error_of(kind_of(e.sqlstate, e.connection_lost), doing, e.sqlstate, e.what());
  } catch (const Refused& e) {
    return {e.kind, base::Effect::not_applied, e.what()};
  } catch (const pqxx::in_doubt_error& e) {
    auto error = error_of(ErrorKind::retry_unit, doing, {}, e.what());
    error.effect = base::Effect::unknown;
    return error;
  } catch (const pqxx::statement_completion_unknown& e) {
    // Before its base class, which means the opposite: nothing happened.
    auto error = error_of(ErrorKind::retry_unit, doing, "40003", e.what());
    error.effect = base::Effect::unknown;
    return error;
  } catch (const pqxx::transaction_rollback& e) {
    return error_of(ErrorKind::retry_unit, doing, "40000", e.what());
  } catch (const pqxx::broken_connection& e) {
    return error_of(ErrorKind::retry_unit, doing, {}, e.what());
  } catch (const pqxx::sql_error& e) {
    return error_of(kind_of(e.sqlstate(), false), doing, e.sqlstate(), e.what());
  } catch (const std::exception& e) {
    return error_of(ErrorKind::permanent, doing, {}, e.what());
  }
}

}  // namespace admitone::postgres
