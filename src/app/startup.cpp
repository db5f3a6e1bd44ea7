#include "app/startup.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "app/settings_table.hpp"
#include "app/start_ends.hpp"
#include "app/system_clock.hpp"
#include "base/log.hpp"
#include "kafka/admin.hpp"
#include "kafka/probe.hpp"
#include "postgres/directory.hpp"
#include "postgres/migrator.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;

// Between one try and the next; the last one from then on.
constexpr std::array<std::chrono::milliseconds, 5> kPauses{1s, 2s, 4s, 8s, 10s};

class StartCheck {
 public:
  StartCheck(const Settings& settings, const std::function<bool(std::chrono::milliseconds)>& wait)
      : settings_(settings), wait_(wait) {}

  // All of it again while a server may only be away for a moment, whichever question that met.
  StartUp run() {
    const auto until = clock_.steady() + settings_.worker.start_patience;
    for (std::size_t tries = 0;; ++tries) {
      if (library() && database() && topics() && pins()) ends();
      const auto pause = kPauses.at(std::min(tries, kPauses.size() - 1));
      if (!passes_ || clock_.steady() + pause > until) return std::move(out_);
      base::logger("app")->warn("{}; trying again in {} s", out_.problems.back(),
                                pause.count() / 1000);
      out_ = {};
      out_.interrupted = wait_(pause);
      if (out_.interrupted) return std::move(out_);
      passes_ = false;
    }
  }

 private:
  bool fail(const std::string& line) {
    out_.problems.push_back(line);
    return false;
  }
  // What a server answered, or that it did not.
  bool fail(const base::Error& error) {
    passes_ = error.kind != base::ErrorKind::permanent;
    return fail(error.message);
  }

  bool library() {
    if (const auto checked = kafka::check_library(); !checked) return fail(checked.error());
    auto client = kafka_client(settings_, "start");
    if (!client) return fail(client.error());
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
    const auto schema = postgres::check_schema(connection(), postgres::RoleKind::worker);
    if (!schema) return fail(schema.error());
    return schema->problem.empty() || fail(schema->problem);
  }

  bool topics() {
    const auto admin = kafka::Admin::create(client_);
    if (!admin) return fail(admin.error());
    if (const auto reached = (*admin)->reach(settings_.kafka.request_timeout); !reached) {
      return fail(reached.error());
    }
    const auto plan = topic_plan(settings_);
    const auto facts = (*admin)->describe(kafka::names_of(plan), settings_.kafka.request_timeout);
    if (!facts) return fail(facts.error());
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
    if (!joined) return fail(joined.error());
    for (std::size_t i = 0; i < names.size(); ++i) {
      out_.deployment.topic_ids[names[i]] = joined->topics.at(i);
    }
    out_.deployment.forward_secret = std::move(joined->forward_secret);
    next_offsets_ = std::move(joined->next_offsets);
    return true;
  }

  // The database was asked first, so a log that grows cannot be mistaken for a short one.
  bool ends() {
    const auto probe = kafka::Probe::create(client_, settings_.kafka.group_id);
    if (!probe) return fail(probe.error());
    std::vector<Consumed> consumed;
    for (const auto& name : settings_.kafka.command_topics) {
      const auto topic = out_.deployment.topic_ids.at(name);
      for (const auto& [tp, next] : next_offsets_)
        if (tp.topic == topic) consumed.push_back({{name, tp.partition}, next});
    }
    const auto found = compare_ends(
        consumed,
        [&probe](const auto& partition, auto limit) {
          return (*probe)->watermarks(partition, limit);
        },
        settings_.kafka.request_timeout);
    if (found.refused) return fail(*found.refused);
    if (!found.warning.empty()) out_.warnings.push_back(found.warning);
    bool good = true;
    for (const auto& problem : found.problems) good = fail(problem);
    return good;
  }

  const Settings& settings_;
  const std::function<bool(std::chrono::milliseconds)>& wait_;
  const SystemClock clock_{};
  kafka::ClientSettings client_;
  std::map<base::TopicPartition, std::int64_t> next_offsets_;
  StartUp out_;
  bool passes_ = false;  // what failed last may be right a moment later
};

}  // namespace

StartUp check_start(const Settings& settings,
                    const std::function<bool(std::chrono::milliseconds)>& wait) {
  return StartCheck(settings, wait).run();
}

}  // namespace admitone::app
