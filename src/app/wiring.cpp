#include "app/wiring.hpp"

#include <algorithm>

#include "app/duration.hpp"
#include "app/secret_file.hpp"
#include "app/window_name.hpp"
#include "app/wiring_kafka.hpp"
#include "app/wiring_outside.hpp"
#include "base/assert.hpp"
#include "contract/codes.hpp"

namespace admitone::app {
namespace {

contract::Partitioner partitioner_of(Partitioner partitioner) {
  switch (partitioner) {
    case Partitioner::murmur2:
      return contract::Partitioner::murmur2;
    case Partitioner::consistent:
      return contract::Partitioner::consistent;
    case Partitioner::none:
      return contract::Partitioner::none;
  }
  return contract::Partitioner::none;
}

using Mode = pipeline::ContentKeyOptions::Mode;

// The names were checked by check_settings.
Mode mode_of(const std::string& name) {
  if (name == "off") return Mode::off;
  if (name == "observe") return Mode::observe;
  return name == "percent" ? Mode::percent : Mode::on;
}

Mode mode_of(ContentKeyMode mode) {
  switch (mode) {
    case ContentKeyMode::off:
      return Mode::off;
    case ContentKeyMode::observe:
      return Mode::observe;
    case ContentKeyMode::percent:
      return Mode::percent;
    case ContentKeyMode::on:
      return Mode::on;
  }
  return Mode::on;
}

pipeline::ContentKeyOptions content_key_options(const Settings& settings) {
  pipeline::ContentKeyOptions out;
  out.mode = mode_of(settings.content_key.mode);
  out.percent = static_cast<int>(settings.content_key.percent);
  out.window = settings.content_key.window;
  for (const auto& [tenant, mode] : settings.content_key.tenants) {
    if (const auto id = base::Uuid::parse(tenant)) {
      out.tenant_mode[base::TenantId{*id}] = mode_of(mode);
    }
  }
  for (const auto& [name, window] : settings.content_key.windows) {
    const auto parsed = parse_duration(window);
    const auto of = window_of(name);
    if (of && parsed) out.windows[*of] = *parsed;
  }
  return out;
}

std::int32_t small(std::int64_t number) {
  return static_cast<std::int32_t>(number);
}
std::size_t size(std::int64_t number) {
  return static_cast<std::size_t>(number);
}

std::int64_t whole_seconds(Settings::Ms duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// Where the connection was read, to be read again for the next session.
std::string url_file(const Settings& settings, const std::string& url) {
  const auto& database = settings.database;
  for (const auto& [key, value] : {std::pair{"database.url", &database.url},
                                   std::pair{"database.owner_url", &database.owner_url},
                                   std::pair{"database.reader_url", &database.reader_url}}) {
    const auto found = settings.secret_files.find(key);
    if (*value == url && found != settings.secret_files.end()) return found->second;
  }
  return {};
}

// A secret as its file has it now, for what is made long after the settings were loaded.
std::string newest(const Settings& settings, const std::string& key, const std::string& loaded) {
  const auto file = settings.secret_files.find(key);
  if (file == settings.secret_files.end()) return loaded;
  const auto now = read_secret(file->second);
  return now && !now->empty() ? *now : loaded;
}

// Room that reasons and positions take in a dead letter beside the record itself.
constexpr std::size_t kDeadLetterHeaders = 64 * 1024;
// Room that an outcome takes beside the event it shows: headers, and what is said of the command.
constexpr std::size_t kOutcomeRest = 32 * 1024;

}  // namespace

base::Result<kafka::ClientSettings> kafka_client(const Settings& settings,
                                                 const std::string& purpose) {
  kafka::ClientSettings out;
  out.bootstrap_servers = settings.kafka.bootstrap_servers;
  out.client_id = "admitone-" + purpose;
  out.security = kafka_security(settings);
  out.security.password = newest(settings, "kafka.sasl_password", out.security.password);
  out.options = settings.kafka.options;
  out.socket_timeout = settings.kafka.request_timeout;
  out.max_record_bytes = small(settings.kafka.max_record_bytes);
  for (const auto& [option, path] : settings.kafka.option_files) {
    auto value = read_secret(path);
    if (!value) {
      return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                         "kafka.option_files: '" + path + "' for '" + option +
                             "' is missing, empty, unreadable or over 64 KiB; check the path and "
                             "its rights"};
    }
    out.options[option] = std::move(*value);
  }
  return out;
}

kafka::OutputTopics output_topics(const Settings& settings) {
  return {settings.kafka.outcome_topic, settings.kafka.dead_letter_topic,
          settings.kafka.command_topics.front()};
}

kafka::TopicPlan topic_plan(const Settings& settings) {
  kafka::TopicPlan plan;
  plan.command_topics = settings.kafka.command_topics;
  plan.outcome_topic = settings.kafka.outcome_topic;
  plan.dead_letter_topic = settings.kafka.dead_letter_topic;
  plan.partitions = small(settings.kafka.partitions);
  plan.replication = small(settings.kafka.replication_factor);
  plan.max_record_bytes = small(settings.kafka.max_record_bytes);
  plan.command_retention = settings.kafka.command_retention;
  plan.dead_letter_age = settings.dead_letter.max_age;
  plan.replay_window = settings.replay.window;
  plan.horizon = dedupe_horizon(settings);
  plan.outcome_retention = settings.kafka.outcome_retention;
  plan.dead_letter_retention = settings.kafka.dead_letter_retention;
  return plan;
}

kafka::ConsumerSettings consumer_settings(const Settings& settings,
                                          const kafka::TopicNames& names) {
  kafka::ConsumerSettings out;
  out.group_id = settings.kafka.group_id;
  out.topics = names;
  out.home_topic = settings.kafka.command_topics.front();
  out.session_timeout = settings.kafka.session_timeout;
  out.heartbeat_interval = settings.kafka.heartbeat_interval;
  out.max_poll_interval = settings.kafka.max_poll_interval;
  return out;
}

kafka::PublisherSettings publisher_settings(const Settings& settings,
                                            const kafka::TopicNames& names,
                                            const std::string& transactional_id) {
  kafka::PublisherSettings out;
  out.transactional_id = transactional_id;
  out.group_id = settings.kafka.group_id;
  out.topics = output_topics(settings);
  out.command_topics = names;
  out.transaction_timeout = settings.kafka.transaction_timeout;
  out.init_limit = settings.kafka.init_timeout;
  // Shorter than the request's own limit: our answer must come first.
  out.call_limit = settings.kafka.request_timeout * 8 / 10;
  out.delivery_limit = settings.kafka.delivery_timeout;
  return out;
}

postgres::ConnectionSettings connection_settings(const Settings& settings, const std::string& url,
                                                 const std::string& purpose) {
  postgres::ConnectionSettings out;
  out.url = url;
  out.url_file = url_file(settings, url);
  out.schema = settings.database.schema;
  out.application_name = "admitone " + purpose;
  out.connect_timeout = settings.database.connect_timeout;
  out.statement_timeout = settings.database.statement_timeout;
  out.lock_timeout = settings.database.lock_timeout;
  out.idle_in_transaction_timeout = settings.database.idle_in_transaction_timeout;
  // What a unit of work sends together may take longer than any one of its statements; the rest is
  // for the way.
  out.answer_limit = 2 * out.statement_timeout + std::chrono::seconds{5};
  return out;
}

postgres::MigratorOptions migrator_options(const Settings& settings) {
  postgres::MigratorOptions out;
  out.connection = connection_settings(settings, settings.database.owner_url, "migrate");
  out.worker_role = settings.database.worker_role;
  return out;
}

postgres::HousekeeperOptions housekeeper_options(const Settings& settings,
                                                 postgres::Patience* patience) {
  postgres::HousekeeperOptions out;
  out.connection = connection_settings(settings, settings.database.url, "housekeeper");
  out.connection.patience = patience;
  out.part_length = settings.ledger.part_length;
  out.horizon = dedupe_horizon(settings);
  out.interval = settings.ledger.housekeeping_interval;
  out.answers_kept = settings.idempotency.completed_ttl;
  return out;
}

postgres::FilterKeeperOptions filter_keeper_options(const Settings& settings,
                                                    postgres::Patience& patience) {
  postgres::FilterKeeperOptions out;
  out.connection = connection_settings(settings, settings.database.url, "filters");
  out.connection.patience = &patience;
  out.most_bytes = settings.ledger.filter_bytes;
  return out;
}

pipeline::EngineOptions engine_options(const Settings& settings, const Deployment& deployment) {
  pipeline::EngineOptions out;
  out.home_topic = deployment.topic_ids.at(settings.kafka.command_topics.front());
  for (const auto& [name, id] : deployment.topic_ids) out.topic_names[id] = name;
  out.partitions = deployment.partitions;
  out.partitioner = partitioner_of(settings.kafka.partitioner);
  out.forward_secret = deployment.forward_secret;
  for (const auto& [topic, tenants] : settings.kafka.topic_tenants) {
    auto& allowed = out.topic_tenants[deployment.topic_ids.at(topic)];
    for (const auto& tenant : tenants) {
      if (const auto id = base::Uuid::parse(tenant)) allowed.insert(base::TenantId{*id});
    }
  }
  out.group_id = settings.kafka.group_id;
  out.dead_letter_topic = settings.kafka.dead_letter_topic;
  out.limits = settings.limits;
  out.rules = {whole_seconds(settings.reservations.default_hold),
               whole_seconds(settings.reservations.max_hold)};
  out.content_key = content_key_options(settings);
  out.in_progress = settings.idempotency.in_progress == InProgress::reject
                        ? pipeline::InProgress::reject
                        : pipeline::InProgress::coalesce;
  out.completed_ttl = settings.idempotency.completed_ttl;
  out.failed_ttl = settings.idempotency.failed_ttl;
  out.horizon = dedupe_horizon(settings);
  out.max_attempts = static_cast<int>(settings.dead_letter.max_attempts);
  out.dead_letter_value_bytes = size(settings.kafka.max_record_bytes) - kDeadLetterHeaders / 2;
  out.event_bytes = size(settings.kafka.max_record_bytes) - kOutcomeRest;
  out.pipelines = size(settings.worker.pipelines);
  out.batch_records = size(settings.worker.batch_records);
  out.batch_bytes = size(settings.worker.batch_bytes);
  out.lane_queue_records = size(settings.worker.lane_queue_records);
  out.lane_queue_bytes = size(settings.worker.lane_queue_bytes);
  out.unpublished_per_lane = size(settings.worker.lane_unpublished);
  out.cached_events_per_lane = size(settings.worker.lane_cached_events);
  out.transaction_records = size(settings.worker.transaction_records);
  out.tick = settings.timers.tick;
  out.timers_per_send = size(settings.timers.batch);
  out.saga_switches = saga_switches(settings);
  out.saga_limits = saga_limits(settings);
  return out;
}

}  // namespace admitone::app
