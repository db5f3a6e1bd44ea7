#include "postgres/scratch.hpp"

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/quoting.hpp"

namespace admitone::postgres {

namespace {

constexpr const char* kLift = R"(
do $$
declare
  target regclass;
begin
  for target in
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relrowsecurity
  loop
    execute format('alter table %s disable row level security', target);
  end loop;
end $$)";

}  // namespace

void must_be_scratch(const std::string& schema) {
  const auto begins = [&](const char* prefix) { return schema.starts_with(prefix); };
  if (begins("demo_") || begins("bench_") || begins("test_")) return;
  throw Refused(base::ErrorKind::permanent,
                "the schema " + schema + " was not made to be thrown away");
}

base::Status lift_row_security(const ConnectionSettings& settings) {
  try {
    must_be_scratch(settings.schema);
    Connection(settings, RoleKind::owner).command(kLift);
    return {};
  } catch (...) {
    return translate_current("lifting row level security in " + settings.schema);
  }
}

base::Status drop_schema(const ConnectionSettings& settings) {
  try {
    must_be_scratch(settings.schema);
    Connection connection(settings, RoleKind::owner);
    connection.command("drop schema if exists " + quoted_identifier(settings.schema) + " cascade");
    return {};
  } catch (...) {
    return translate_current("dropping the schema " + settings.schema);
  }
}

}  // namespace admitone::postgres
