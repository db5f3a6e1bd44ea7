#include "app/operate/caches.hpp"

#include "app/system_clock.hpp"
#include "app/wiring.hpp"
#include "app/wiring_outside.hpp"
#include "base/ids.hpp"
#include "postgres/operator_actions.hpp"
#include "redis/venues.hpp"

namespace admitone::app {

void check_flush(const Means& means, const FlushAsked& asked) {
  if (!base::Uuid::parse(asked.tenant)) {
    throw VerbError(kUsage, "'" + asked.tenant + "' is no lower-case UUID");
  }
  check_reason(means, asked.reason);
}

Json flush_cache(const Means& means, const FlushAsked& asked) {
  check_flush(means, asked);
  const Settings& settings = means.settings;
  const SystemClock clock;
  const auto redis = redis_settings(settings);
  if (!redis) {
    throw VerbError(kNotMet, "redis.url is not set: nothing is kept outside of workers");
  }
  const base::TenantId tenant{base::Uuid::parse(asked.tenant).value()};
  const auto database = connection_settings(settings, settings.database.url, "operator");
  base::Uuid action;
  if (means.request && means.request->begun) {
    // An earlier run of this request has begun it; flushing twice is flushing once.
    action = base::Uuid::parse(means.request->begun->at("action_id").get<std::string>()).value();
  } else {
    postgres::OperatorAction begins{
        tenant, 0, means.who, "cache flush", "tenant " + asked.tenant, asked.reason};
    if (means.request) begins.request = {means.request->id, means.request->run, "{}"};
    action = must(postgres::begin_action(database, begins)).id;
  }
  const auto gone = redis::flush(*redis, clock, tenant);
  const std::string result = gone ? std::to_string(*gone) + " entries" : gone.error().message;
  must(postgres::end_action(database, tenant, action,
                            gone ? postgres::ActionEnd::applied : postgres::ActionEnd::refused,
                            result));
  if (!gone) {
    throw Unavailable(redis->address.name() + ": " + result);
  }
  return {{"tenant_id", asked.tenant}, {"entries", *gone}, {"action_id", action.str()}};
}

}  // namespace admitone::app
