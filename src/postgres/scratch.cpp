#include "postgres/scratch.hpp"

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/quoting.hpp"

namespace admitone::postgres {

base::Status drop_schema(const ConnectionSettings& settings) {
  try {
    const auto begins = [&](const char* prefix) { return settings.schema.starts_with(prefix); };
    if (!begins("demo_") && !begins("bench_") && !begins("test_")) {
      throw Refused(base::ErrorKind::permanent,
                    "the schema " + settings.schema + " was not made to be thrown away");
    }
    Connection connection(settings, RoleKind::owner);
    connection.command("drop schema if exists " + quoted_identifier(settings.schema) + " cascade");
    return {};
  } catch (...) {
    return translate_current("dropping the schema " + settings.schema);
  }
}

}  // namespace admitone::postgres
