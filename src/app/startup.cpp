#include "app/startup.hpp"

#include <algorithm>
#include <array>

#include "app/settings_table.hpp"
#include "base/log.hpp"
#include "kafka/admin.hpp"
#include "postgres/directory.hpp"
#include "postgres/migrator.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;

// Between one try and the next; the last try is not followed by a wait.
constexpr std::array<std::chrono::milliseconds, 5> kPauses{1s, 2s, 4s, 8s, 10s};

class StartCheck {
 public:
  StartCheck(const Settings& settings, const std::function<bool(std::chrono::milliseconds)>& wait)
      : settings_(settings), wait_(wait) {}

  StartUp run() {
    if (library() && database() && topics()) pins();
    return std::move(out_);
  }

 private:
  bool fail(const std::string& line) {
    out_.problems.push_back(line);
    return false;
  }

  bool library() {
    if (const auto checked = kafka::check_library(); !checked) return fail(checked.error().message);
    auto client = kafka_client(settings_, "start");
    if (!client) return fail(client.error().message);
    client_ = std::move(*client);
    if (const auto checked = kafka::check_options(client_.options); !checked) {
      return fail("kafka.options: " + checked.error().message);
    }
    return true;
  }

  [[nodiscard]] postgres::ConnectionSettings connection() const {
    return connection_settings(settings_, settings_.database.url, "start");
  }

  bool database() {
    for (const auto pause : kPauses) {
      const auto schema = postgres::check_schema(connection(), postgres::RoleKind::worker);
      if (schema) return schema->problem.empty() || fail(schema->problem);
      const bool again =
          schema.error().kind != base::ErrorKind::permanent && pause != kPauses.back();
      if (!again) return fail(schema.error().message);
      base::logger("app")->warn("{}; trying again in {} s", schema.error().message,
                                pause.count() / 1000);
      if (wait_(pause)) {
        out_.interrupted = true;
        return false;
      }
    }
    return false;
  }

  bool topics() {
    const auto admin = kafka::Admin::create(client_);
    if (!admin) return fail(admin.error().message);
    if (const auto reached = (*admin)->reach(settings_.kafka.request_timeout); !reached) {
      return fail("kafka.bootstrap_servers: nobody answers at " +
                  settings_.kafka.bootstrap_servers + " (" + reached.error().message +
                  "); check the addresses, and TLS and SASL in kafka.options");
    }
    const auto plan = topic_plan(settings_);
    const auto facts = (*admin)->describe(kafka::names_of(plan), settings_.kafka.request_timeout);
    if (!facts) return fail(facts.error().message);
    bool good = true;
    for (const auto& finding : kafka::compare(plan, *facts)) {
      if (finding.level == kafka::Finding::Level::ok) continue;
      const std::string line = finding.what + (finding.fix.empty() ? "" : "; " + finding.fix);
      if (finding.level == kafka::Finding::Level::warn) {
        out_.warnings.push_back(line);
      } else {
        good = fail(line);
      }
    }
    out_.deployment.partitions = facts->front().partitions;
    return good;
  }

  bool pins() {
    const auto& names = settings_.kafka.command_topics;
    postgres::Pins pins;
    pins.partitioner = find_setting("kafka.partitioner")->read(settings_).scalar;
    pins.partition_count = out_.deployment.partitions;
    pins.command_topics = names;
    auto joined = postgres::join_installation(connection(), pins);
    if (!joined) return fail(joined.error().message);
    for (std::size_t i = 0; i < names.size(); ++i) {
      out_.deployment.topic_ids[names[i]] = joined->topics.at(i);
    }
    out_.deployment.forward_secret = std::move(joined->forward_secret);
    return true;
  }

  const Settings& settings_;
  const std::function<bool(std::chrono::milliseconds)>& wait_;
  kafka::ClientSettings client_;
  StartUp out_;
};

}  // namespace

StartUp check_start(const Settings& settings,
                    const std::function<bool(std::chrono::milliseconds)>& wait) {
  return StartCheck(settings, wait).run();
}

}  // namespace admitone::app
