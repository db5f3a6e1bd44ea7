// What the server says and what the house makes of it, as a table (audit DB8).

#include "postgres/errors.hpp"

#include <gtest/gtest.h>

#include <pqxx/pqxx>

namespace admitone::postgres {
namespace {

using base::Effect;
using base::ErrorKind;

struct StateCase {
  const char* sqlstate;
  bool lost;
  ErrorKind kind;
};

TEST(Errors, AreClassedBySqlstate) {
  constexpr StateCase kCases[] = {
      {"", true, ErrorKind::retry_unit},        // the server did not answer
      {"", false, ErrorKind::retry_unit},       // libpq gave up by itself
      {"08006", true, ErrorKind::retry_unit},   // connection_failure
      {"25006", false, ErrorKind::retry_unit},  // read_only_sql_transaction: a fail-over
      {"25P02", false, ErrorKind::permanent},   // in_failed_sql_transaction: our mistake
      {"25P03", true, ErrorKind::retry_unit},   // idle_in_transaction_session_timeout
      {"28P01", true, ErrorKind::permanent},    // invalid_password
      {"3D000", true, ErrorKind::permanent},    // invalid_catalog_name
      {"22021", false, ErrorKind::permanent},   // character_not_in_repertoire
      {"23505", false, ErrorKind::retry_unit},  // unique_violation
      {"23514", false, ErrorKind::permanent},   // check_violation
      {"40001", false, ErrorKind::retry_unit},  // serialization_failure
      {"40P01", false, ErrorKind::retry_unit},  // deadlock_detected
      {"42501", false, ErrorKind::permanent},   // insufficient_privilege
      {"42P01", false, ErrorKind::permanent},   // undefined_table
      {"53100", false, ErrorKind::retry_unit},  // disk_full
      {"53300", true, ErrorKind::retry_unit},   // too_many_connections
      {"55P03", false, ErrorKind::retry_unit},  // lock_not_available
      {"57014", false, ErrorKind::retry_unit},  // query_canceled
      {"57P01", true, ErrorKind::retry_unit},   // admin_shutdown
      {"57P03", true, ErrorKind::retry_unit},   // cannot_connect_now
      {"58030", false, ErrorKind::retry_unit},  // io_error
      {"XX000", false, ErrorKind::permanent},   // internal_error
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(kind_of(one.sqlstate, one.lost), one.kind) << one.sqlstate;
  }
}

TEST(Errors, GiveAViolatedConstraintItsCode) {
  using domain::Code;
  EXPECT_EQ(code_of("events_name"), Code::duplicate_event);
  EXPECT_EQ(code_of("events_external_id"), Code::duplicate_event);
  EXPECT_EQ(code_of("events_slug"), Code::slug_taken);
  EXPECT_EQ(code_of("events_pkey"), Code::id_taken);
  EXPECT_EQ(code_of("reservations_pkey"), Code::id_taken);
  EXPECT_EQ(code_of("sections_capacity"), Code::capacity_exhausted);
  EXPECT_EQ(code_of("parked_pkey"), std::nullopt);
}

template <class E>
base::Error translated(const E& exception) {
  try {
    throw exception;
  } catch (...) {
    return translate_current("testing");
  }
}

TEST(Errors, TellDoubtFromRefusal) {
  EXPECT_EQ(translated(pqxx::in_doubt_error("?")).effect, Effect::unknown);
  // Derives from a class that says the opposite.
  EXPECT_EQ(translated(pqxx::statement_completion_unknown("?")).effect, Effect::unknown);
  EXPECT_EQ(translated(pqxx::serialization_failure("!")).effect, Effect::not_applied);
  EXPECT_EQ(translated(pqxx::serialization_failure("!")).kind, ErrorKind::retry_unit);
  EXPECT_EQ(translated(pqxx::deadlock_detected("!")).kind, ErrorKind::retry_unit);
  EXPECT_EQ(translated(pqxx::broken_connection("!")).kind, ErrorKind::retry_unit);
  EXPECT_EQ(translated(pqxx::sql_error("!", "select", "42501")).kind, ErrorKind::permanent);
  EXPECT_EQ(translated(std::runtime_error("!")).kind, ErrorKind::permanent);
}

TEST(Errors, SayOneLineWithTheState) {
  const auto error = translated(Failure("57P01", "", true, "terminating connection\nDETAIL: x"));
  EXPECT_EQ(error.message, "PostgreSQL, testing: terminating connection (SQLSTATE 57P01)");
  EXPECT_EQ(error.kind, ErrorKind::retry_unit);
  EXPECT_EQ(error.effect, Effect::not_applied);
}

TEST(Errors, AreCountedByTheClassOfTheirSqlstate) {
  const auto counted_as = [](const auto& error) {
    try {
      throw error;
    } catch (...) {
      return class_of_current();
    }
  };
  EXPECT_EQ(counted_as(Failure("40P01", {}, false, "deadlock detected")), "40");
  EXPECT_EQ(counted_as(Failure({}, {}, true, "no answer")), "connection");
  EXPECT_EQ(counted_as(pqxx::broken_connection("gone")), "connection");
}

}  // namespace
}  // namespace admitone::postgres
