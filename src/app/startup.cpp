#include "app/startup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "app/settings_table.hpp"
#include "base/log.hpp"
#include "kafka/admin.hpp"
#include "kafka/probe.hpp"
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
    if (library() && database() && topics() && pins()) ends();
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
      return fail(reached.error().message);
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
    next_offsets_ = std::move(joined->next_offsets);
    return true;
  }

  // A log that ends before what was consumed of it is not the log that was consumed. The database
  // was asked first, so a log that grows cannot be mistaken for a short one.
  bool ends() {
    const auto probe = kafka::Probe::create(client_, settings_.kafka.group_id);
    if (!probe) return fail(probe.error().message);
    bool good = true;
    for (const auto& name : settings_.kafka.command_topics) {
      const auto topic = out_.deployment.topic_ids.at(name);
      for (const auto& [tp, next] : next_offsets_) {
        if (tp.topic != topic) continue;
        const auto marks =
            (*probe)->watermarks({name, tp.partition}, settings_.kafka.request_timeout);
        if (!marks) return fail(marks.error().message);
        if (marks->high >= next) continue;
        good = fail(fmt::format(
            "{}/{} ends at offset {} but the database has consumed it up to {}: the topic was "
            "re-created or truncated; restore it, or give the new topic another name in "
            "kafka.command_topics, or start with an empty database.schema",
            name, tp.partition, marks->high, next));
      }
    }
    return good;
  }

  const Settings& settings_;
  const std::function<bool(std::chrono::milliseconds)>& wait_;
  kafka::ClientSettings client_;
  std::map<base::TopicPartition, std::int64_t> next_offsets_;
  StartUp out_;
};

}  // namespace

StartUp check_start(const Settings& settings,
                    const std::function<bool(std::chrono::milliseconds)>& wait) {
  return StartCheck(settings, wait).run();
}

}  // namespace admitone::app
