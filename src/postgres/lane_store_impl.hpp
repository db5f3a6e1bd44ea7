#pragma once
// What a lane store is made of: its connection, and the unit that is open on it.
// Used by: lane_store.cpp (units of work) and lane_calls.cpp (what is asked of lanes outside of
// one).

#include <string_view>
#include <utility>
#include <vector>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/lane_store.hpp"
#include "postgres/unit_reads.hpp"

namespace admitone::postgres {

struct LaneStore::Impl {
  Impl(LaneStoreOptions o, const ports::Clock& c) : options(std::move(o)), clock(c) {}

  LaneStoreOptions options;
  const ports::Clock& clock;
  std::unique_ptr<Connection> connection;
  Connection::Backend lost_backend;  // of the connection before, until it is known to be gone
  bool unit_open = false;
  ReadParts parts;  // of the unit that is open
  std::vector<base::TenantId> tenants;

  Connection& connected();

  // Our abandoned session would keep its locks until the server notices.
  void end_lost_backend();

  void forget_connection();

  void roll_back();

  // While the failure is being handled.
  void count_retry(const base::Error& error) const;

  void count_statements() const;

  // Runs `work`; on any failure no unit is left open.
  template <class T, class Work>
  base::Result<T> guarded(std::string_view doing, Work work) {
    try {
      auto result = work();
      count_statements();
      return result;
    } catch (...) {
      auto error = translate_current(doing);
      // The statements are fixed: a right or a table that is missing is for the operator to mend.
      // It is never the fault of the record that met it, which would be given up for it.
      const auto state = class_of_current();
      const bool of_the_schema = state == "42" || state == "0A" || state == "XX";
      if (of_the_schema) error.kind = base::ErrorKind::retry_unit;
      count_retry(error);
      roll_back();
      count_statements();
      // Mended meanwhile, its types and statements may have other numbers than this session knows.
      if (of_the_schema) forget_connection();
      if (connection && !connection->alive()) forget_connection();
      return error;
    }
  }

  [[nodiscard]] Params tenants_param() const;

  void set_tenants();

  ports::UnitReads open(const ports::UnitQuery& query);

  void widen_tenants(const std::vector<base::TenantId>& more);

  base::Result<ports::UnitReport> commit(const ports::UnitWrites& writes,
                                         const Meanwhile& meanwhile);
  base::Result<ports::UnitReport> end_with_commit(const ports::UnitWrites& writes,
                                                  ports::UnitReport report);
  base::Result<ports::UnitReport> settle(const ports::UnitWrites& writes);
};

}  // namespace admitone::postgres
