#include "postgres/chain.hpp"

#include <utility>

#include "base/assert.hpp"

namespace admitone::postgres {

Chain::Chain(Connection& connection) : connection_(connection) {
  if (PQenterPipelineMode(connection_.raw_) == 0) connection_.fail(nullptr);
}

Chain::~Chain() {
  if (!open_) return;
  for (auto& one : sent_) one.check = {};
  auto end = ports::UnitEnd::committed;
  const Patience::Wait wait(*connection_.watched_);
  close();
  PQclear(collect(end));
}

void Chain::sent(int accepted, Sent what) {
  if (accepted == 1) {
    sent_.push_back(std::move(what));
  } else {
    refused_ = true;
  }
}

void Chain::send(const Statement& statement, const Params& params, Check check) {
  ADMITONE_ASSERT(open_);
  // (What is sent may find the way full: the server takes it only when it works on it.)
  const Patience::Wait wait(*connection_.watched_);
  if (connection_.prepared_.emplace(statement.name).second) {
    connection_.sent_.statements += 1;
    sent(PQsendPrepare(connection_.raw_, statement.name, statement.sql, 0, nullptr),
         {statement.name, {}});
  }
  const Connection::Values values(params);
  connection_.sent_.statements += 1;
  sent(PQsendQueryPrepared(connection_.raw_, statement.name, params.size(), values.data(),
                           values.lengths(), values.formats(), 1),
       {nullptr, std::move(check)});
}

void Chain::expect(const Statement& statement, const Params& params, std::size_t rows,
                   ports::UnitEnd otherwise) {
  send(statement, params, [rows, otherwise](const Rows& result) {
    return result.affected() == static_cast<std::int64_t>(rows) ? ports::UnitEnd::committed
                                                                : otherwise;
  });
}

wire::RowType Chain::row_type(const char* name) const {
  return connection_.row_types_.at(name);
}

ports::UnitEnd Chain::end(const ports::LaneStore::Meanwhile& meanwhile) {
  ADMITONE_ASSERT(open_);
  connection_.sent_.round_trips += 1;
  auto end = ports::UnitEnd::committed;
  const Patience::Wait wait(*connection_.watched_);
  close();
  try {
    if (meanwhile) meanwhile();
  } catch (...) {
    PQclear(collect(end));
    throw;
  }
  PGresult* failed = collect(end);
  const bool all = !refused_ && failed == nullptr && connection_.alive();
  if (end == ports::UnitEnd::committed && !all) connection_.fail(failed);
  PQclear(failed);
  return end;
}

void Chain::close() {
  open_ = false;
  if (PQpipelineSync(connection_.raw_) == 0) refused_ = true;
}

PGresult* Chain::collect(ports::UnitEnd& end) {
  auto* const raw = connection_.raw_;
  PGresult* failed = nullptr;
  for (const auto& one : sent_) {
    PGresult* result = PQgetResult(raw);
    const auto status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      const Rows rows(result);
      if (one.check && failed == nullptr && end == ports::UnitEnd::committed) end = one.check(rows);
    } else {
      if (one.prepares != nullptr) connection_.prepared_.erase(one.prepares);
      if (failed == nullptr) {
        failed = result;
      } else {
        PQclear(result);
      }
    }
    // Each has its end.
    while (connection_.alive() && result != nullptr && (result = PQgetResult(raw)) != nullptr)
      PQclear(result);
    if (!connection_.alive()) return failed;
  }
  PQclear(PQgetResult(raw));  // of the synchronisation
  PQexitPipelineMode(raw);
  return failed;
}

}  // namespace admitone::postgres
