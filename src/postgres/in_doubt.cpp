#include "postgres/in_doubt.hpp"

#include <map>

namespace admitone::postgres {
namespace {

using ports::UnitEnd;
using ports::UnitReport;

constexpr Statement kTruth{"unit_truth", R"(
select p.topic, p.partition, p.epoch, p.unit
from partition_progress p
join unnest($1::smallint[], $2::int[]) q (topic, partition)
  on q.topic = p.topic and q.partition = p.partition
order by p.topic, p.partition for update of p)"};

struct Truth {
  std::int64_t epoch = 0;
  std::int64_t unit = 0;
};

std::map<base::TopicPartition, Truth> read_truth(Connection& connection,
                                                 const ports::UnitWrites& writes) {
  connection.command("begin");
  Params p;
  p.array(writes.lanes, [](const ports::LaneAdvance& l) { return l.tp.topic; });
  p.array(writes.lanes, [](const ports::LaneAdvance& l) { return l.tp.partition; });
  const Rows rows = connection.run(kTruth, p);
  std::map<base::TopicPartition, Truth> truth;
  for (int i = 0; i < rows.size(); ++i) {
    Row row = rows[i];
    base::TopicPartition tp;
    tp.topic = row.next<std::int16_t>();
    tp.partition = row.next<std::int32_t>();
    auto& one = truth[tp];
    one.epoch = row.next<std::int64_t>();
    one.unit = row.next<std::int64_t>();
  }
  connection.command("rollback");
  return truth;
}

}  // namespace

// A unit is all or nothing: one lane that is still ours tells for all. When none is, it does not
// matter any more: the new owners go by what the ledger says.
base::Result<UnitReport> what_became_of(Connection& connection, const ports::UnitWrites& writes) {
  const auto truth = read_truth(connection, writes);
  UnitReport report;
  report.was_in_doubt = true;
  bool committed = false;
  for (const auto& lane : writes.lanes) {
    const auto found = truth.find(lane.tp);
    if (found == truth.end() || found->second.epoch != lane.epoch) {
      report.fenced.push_back(lane.tp);
    } else if (found->second.unit == lane.unit + 1) {
      committed = true;
    }
  }
  if (committed) {
    report.end = UnitEnd::committed;
    report.fenced.clear();
    return report;
  }
  if (!report.fenced.empty()) {
    report.end = UnitEnd::fenced;
    return report;
  }
  return base::Error{
      base::ErrorKind::retry_unit, base::Effect::not_applied,
      "PostgreSQL, committing: the connection was lost and the unit was rolled back"};
}

}  // namespace admitone::postgres
