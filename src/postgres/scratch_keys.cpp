#include "postgres/scratch_keys.hpp"

#include <algorithm>
#include <cmath>
#include <pqxx/pqxx>

#include "base/log.hpp"
#include "domain/codes.hpp"
#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/scratch.hpp"

namespace admitone::postgres {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::int64_t kPage = 200'000;
constexpr std::chrono::hours kPatience{1};

// $1 to $2: which of them, in the order of time; $3: how many there are. The unique columns are
// hashes, as far apart as real ones.
constexpr const char* kInsert = R"(
insert into ledger
  (part, tenant_id, key_hash, lane, epoch, record_topic, record_partition, record_offset, verdict,
   owns_key, command_type, key_source, payload, command_id, command_source, idempotency_key,
   event_id, status, attempts, decided_at, completed_at, expires_at, out_seq, outcome_id,
   outcome_type, code, outcome_time, replayed, outcome_value)
select $4::int - greatest(0, ceil((k.age - $6::float8 / 2) / $6::float8))::int,
       $7::uuid, md5('hash ' || k.n)::uuid, k.lane, 1, 0::smallint, k.lane, k.number, $10::smallint,
       true, $11::smallint, $12::smallint, sha256(int8send(k.n)), 'earlier-' || k.n, $8, k.key,
       md5('event ' || k.n % 10000)::uuid, $13::smallint, 1, k.at, k.at,
       k.at + $5::float8 * interval '1 second', k.number, md5('outcome ' || k.n)::uuid,
       $14::smallint, $15::smallint, k.at, false,
       convert_to(replace($16, $17, k.key), 'UTF8')
from (select n, (n % $9::bigint)::int as lane, (n - $3::bigint) / $9::bigint as number,
             md5('key ' || n)::uuid::text as key, a.age,
             now() - a.age * interval '1 second' as at
      from generate_series($1::bigint, $2::bigint) n
      cross join lateral (select $5::float8 * (1 - (n - 0.5::float8) / $3::float8) as age) a) k)";

constexpr const char* kMakeParts = R"(
select make_ledger_part(n) from generate_series(2, $1::int + 2) n
where not exists (select from ledger_parts p where p.part = n) order by n)";

// When each part was closed; the current one began half of its length ago.
constexpr const char* kDateParts = R"(
update ledger_parts set closed_at = now() - ($1::int - part - 0.5) * $2::float8 * interval '1 second',
                        made_at = now() - ($1::int - part + 2.5) * $2::float8 * interval '1 second'
where part < $1::int)";

constexpr const char* kSetPart = R"(
update ledger_part set part = $1::int, started_at = now() - $2::float8 / 2 * interval '1 second')";

// Whole parts, as the housekeeper does, and from the current one what was not decided by a worker.
constexpr const char* kDrop = R"(
do $$
declare
  gone int;
  parent text;
begin
  for gone in select p.part from ledger_parts p, ledger_part c where p.part < c.part loop
    foreach parent in array array['ledger', 'origins', 'content_keys'] loop
      execute format('drop table %I', format('%s_%s', parent, to_char(gone, 'FM000000')));
    end loop;
    delete from ledger_parts where part = gone;
  end loop;
  delete from ledger where out_seq <= 0;
end $$)";

class Owner {
 public:
  explicit Owner(const ConnectionSettings& settings)
      : connection_(patient(settings), RoleKind::owner) {
    connection_.command("set admitone.maintenance = 'on'");
  }
  void command(const std::string& sql) { connection_.command(sql); }
  template <class... Values>
  pqxx::result exec(const char* sql, const Values&... values) {
    pqxx::nontransaction tx(connection_.session());
    return tx.exec_params(sql, values...);
  }

 private:
  static ConnectionSettings patient(ConnectionSettings settings) {
    must_be_scratch(settings.schema);
    settings.statement_timeout = kPatience;
    return settings;
  }
  Connection connection_;
};

template <class E>
int number(E value) {
  return static_cast<int>(value);
}

void fill(Owner& owner, const EarlierKeys& keys, int current,
          const std::function<bool(std::int64_t)>& go_on) {
  const double horizon = Seconds(keys.horizon).count();
  const double length = Seconds(keys.part_length).count();
  for (std::int64_t made = 0; made < keys.count;) {
    const auto to = std::min(made + kPage, keys.count);
    owner.exec(kInsert, made + 1, to, keys.count, current, horizon, length, keys.tenant.str(),
               keys.command_source, keys.lanes, number(domain::Verdict::applied),
               number(domain::CommandType::reservation_create),
               number(domain::KeySource::explicit_key), number(domain::CommandStatus::completed),
               number(domain::OutcomeType::reservation_held),
               number(domain::Code::reservation_held), keys.outcome_value, keys.idempotency_key);
    made = to;
    if (!go_on(made))
      throw Refused(base::ErrorKind::cancelled, "making earlier keys was interrupted");
  }
}

// The row versions and pages that a server in use has been through with.
void settle(Owner& owner) {
  const auto parts = owner.exec(
      "select i.inhrelid::regclass::text from pg_inherits i"
      " where i.inhparent = 'ledger'::regclass order by 1");
  for (const auto& part : parts) owner.command("vacuum (analyze) " + part[0].as<std::string>());
  try {
    owner.command("checkpoint");
  } catch (const Failure& refused) {
    if (refused.sqlstate != "42501") throw;
    base::logger("postgres")
        ->warn(
            "no checkpoint after the earlier keys (grant pg_checkpoint to the owner): the next "
            "one writes their pages, too");
  }
}

}  // namespace

base::Status make_earlier_keys(const ConnectionSettings& settings, const EarlierKeys& keys,
                               const std::function<bool(std::int64_t)>& go_on) {
  try {
    Owner owner(settings);
    const double length = Seconds(keys.part_length).count();
    // The oldest part reaches back to the horizon, or a little further.
    const double older = std::max(0.0, Seconds(keys.horizon).count() - length / 2);
    const int current = 1 + static_cast<int>(std::ceil(older / length));
    owner.exec(kMakeParts, current);
    fill(owner, keys, current, go_on);
    owner.exec(kDateParts, current, length);
    owner.exec(kSetPart, current, length);
    settle(owner);
    return {};
  } catch (...) {
    return translate_current("making earlier keys in " + settings.schema);
  }
}

base::Status drop_earlier_keys(const ConnectionSettings& settings) {
  try {
    Owner(settings).command(kDrop);
    return {};
  } catch (...) {
    return translate_current("dropping earlier keys in " + settings.schema);
  }
}

base::Result<LedgerSize> ledger_size(const ConnectionSettings& settings) {
  try {
    const auto size = Owner(settings).exec(
        "select coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint,"
        " coalesce(sum(pg_indexes_size(i.inhrelid)), 0)::bigint"
        " from pg_inherits i where i.inhparent = 'ledger'::regclass");
    return LedgerSize{size[0][0].as<std::int64_t>(), size[0][1].as<std::int64_t>()};
  } catch (...) {
    return translate_current("the size of the ledger in " + settings.schema);
  }
}

}  // namespace admitone::postgres
