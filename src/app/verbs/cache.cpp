#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "app/wiring_outside.hpp"
#include "base/ids.hpp"
#include "postgres/operator_actions.hpp"
#include "redis/venues.hpp"

namespace admitone::app {
namespace {

class CacheFlush : public Verb {
 public:
  VerbInfo info() const override {
    return {"cache flush",
            "Operate",
            "Take away what Redis keeps of one tenant; what workers have in memory ends by itself, "
            "after venue.cache_ttl",
            {"admitone cache flush --tenant 4c6f7cbf-58db-457f-9dbe-69e0ae9bb859 --reason 'venue "
             "was closed'"},
            {{kNotMet, "no Redis is named: there is nothing that could be flushed"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("--tenant", tenant_, "Id of the tenant")->required();
    app.add_option("--reason", reason_, "Why; kept in the audit row (view operator_log)");
  }

  int run(Context& context) override {
    const auto id = base::Uuid::parse(tenant_);
    if (!id) throw VerbError(kUsage, "'" + tenant_ + "' is no lower-case UUID");
    if (reason_.empty() || reason_.size() > 2'000) {
      throw VerbError(kUsage, "--reason wants a text of up to 2000 bytes");
    }
    const Settings& settings = context.settings({"database.url"});
    const auto redis = redis_settings(settings);
    if (!redis) {
      throw VerbError(kNotMet, "redis.url is not set: nothing is kept outside of workers");
    }
    const base::TenantId tenant{*id};
    const auto database = connection_settings(settings, settings.database.url, "operator");
    const auto begun =
        must(postgres::begin_action(database, {tenant, 0, operator_name(context.environment),
                                               "cache flush", "tenant " + tenant_, reason_}));
    const auto gone = redis::flush(*redis, clock_, tenant);
    const std::string result = gone ? std::to_string(*gone) + " entries" : gone.error().message;
    must(postgres::end_action(database, tenant, begun.id,
                              gone ? postgres::ActionEnd::applied : postgres::ActionEnd::refused,
                              result));
    if (!gone) throw VerbError(kFailed, redis->address.name() + ": " + result);
    context.print(Json{{"tenant_id", tenant_}, {"entries", *gone}, {"action_id", begun.id.str()}});
    return kOk;
  }

 private:
  SystemClock clock_;
  std::string tenant_;
  std::string reason_ = "not given";
};

}  // namespace

std::unique_ptr<Verb> make_cache_flush() {
  return std::make_unique<CacheFlush>();
}

}  // namespace admitone::app
