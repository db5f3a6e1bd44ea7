#include "postgres/timer_notes.hpp"

#include "postgres/wire.hpp"

namespace admitone::postgres {
namespace {

constexpr Statement kNoteTimers{"lanes_note_timers", R"(
insert into lane_timers as t
  (partition, epoch, last_run_at, last_result, next_run_at, failures, released, decided_until)
select n.partition, n.epoch, clock_timestamp(), n.result,
       clock_timestamp() + n.next_in * interval '1 microsecond', n.failures, n.released,
       n.decided_until
from unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::int[], $6::bigint[],
            $7::timestamptz[])
       n (partition, epoch, result, next_in, failures, released, decided_until)
where exists (select from partition_progress p
              where p.topic = 0 and p.partition = n.partition and p.epoch = n.epoch)
on conflict (partition) do update
set epoch = excluded.epoch, last_run_at = excluded.last_run_at,
    last_result = excluded.last_result, next_run_at = excluded.next_run_at,
    failures = excluded.failures, released = t.released + excluded.released,
    decided_until = greatest(t.decided_until, excluded.decided_until)
where t.epoch <= excluded.epoch)"};

}  // namespace

void note_timer_runs(Connection& connection, std::span<const ports::TimerRun> runs) {
  using R = ports::TimerRun;
  Params p;
  p.array(runs, [](const R& r) { return r.lane; });
  p.array(runs, [](const R& r) { return r.epoch; });
  p.array(runs, [](const R& r) { return std::string_view(r.result); });
  p.array(runs, [](const R& r) { return static_cast<std::int64_t>(r.next_in.count()); });
  p.array(runs, [](const R& r) { return r.failures; });
  p.array(runs, [](const R& r) { return r.released; });
  p.array(runs, [](const R& r) { return r.decided_until; });
  connection.run(kNoteTimers, p);
}

}  // namespace admitone::postgres
