#include "app/api/service.hpp"

#include <algorithm>

#include "app/wiring.hpp"

namespace admitone::app {
namespace {

Means means_of(const Settings& settings) {
  Means means{settings};
  means.views = view_settings(settings);
  means.views.application_name = "admitone api reader";
  means.views.statement_timeout = settings.database.statement_timeout;
  means.kafka = [&settings](const std::string& purpose) {
    return must(kafka_client(settings, "api " + purpose));
  };
  return means;
}

Api::Options options_of(const Settings& settings, const std::string& admin_token) {
  return {admin_token, settings.database.schema, [&settings] { return means_of(settings); },
          all_routes()};
}

}  // namespace

// As long as keys of completed commands.
ApiService::ApiService(const Settings& settings, const std::string& admin_token,
                       const ports::Clock& clock)
    : answers_(
          connection_settings(settings, settings.database.url, "api"),
          std::chrono::duration_cast<std::chrono::seconds>(settings.idempotency.completed_ttl)),
      api_(options_of(settings, admin_token), answers_, clock) {}

}  // namespace admitone::app
