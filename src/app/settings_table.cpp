#include "app/settings_table.hpp"

#include <algorithm>

#include "app/settings_row.hpp"

namespace admitone::app {
namespace {

Table kafka_names() {
  return {
      ADMITONE_SETTING(kafka.bootstrap_servers,
                       "Brokers to begin with, HOST:PORT, comma separated."),
      ADMITONE_SETTING(kafka.group_id,
                       "Consumer group of all workers that share the command topics."),
      ADMITONE_SETTING(kafka.command_topics,
                       "Topics to read commands from. The first is the home topic; records of the "
                       "others are forwarded to it."),
      ADMITONE_SETTING(kafka.outcome_topic,
                       "Topic of the outcomes; as many partitions as the home topic."),
      ADMITONE_SETTING(kafka.dead_letter_topic, "Topic of what could not be processed."),
      ADMITONE_SETTING(
          kafka.partitioner,
          "How producers place records: murmur2 as Java does, consistent as librdkafka "
          "does, none to trust them. Pinned in the database."),
      ADMITONE_SETTING(kafka.topic_tenants,
                       "Tenants that a command topic is bound to; a topic that is not named takes "
                       "all tenants."),
      ADMITONE_SETTING(kafka.partitions, "Partitions of the topics `topics create` makes.", 1,
                       10'000, "partitions"),
      ADMITONE_SETTING(kafka.replication_factor, "Replicas of the topics `topics create` makes.", 1,
                       100, "replicas"),
      ADMITONE_SETTING(kafka.command_retention,
                       "How long the home topic keeps a command; no command topic may keep longer.",
                       60'000),
      ADMITONE_SETTING(kafka.outcome_retention,
                       "How long the outcome topic keeps an outcome; never shorter than "
                       "idempotency.completed_ttl.",
                       60'000),
      ADMITONE_SETTING(kafka.dead_letter_retention,
                       "How long the dead-letter topic keeps a dead letter.", 60'000),
      ADMITONE_SETTING(
          kafka.options,
          "Further librdkafka settings, by their own names. Those that would break the "
          "guarantees are refused."),
      ADMITONE_SETTING(kafka.option_files,
                       "Further librdkafka settings whose value is read from a file, for secrets "
                       "such as sasl.password."),
  };
}

Table kafka_limits() {
  return {
      ADMITONE_SETTING(kafka.session_timeout,
                       "After this long without a heartbeat the group gives a worker's lanes away.",
                       1'000, 300'000),
      ADMITONE_SETTING(kafka.heartbeat_interval, "How often a worker says that it is alive.", 100,
                       60'000),
      ADMITONE_SETTING(kafka.max_poll_interval,
                       "After this long without a poll a worker leaves the group.", 1'000),
      ADMITONE_SETTING(kafka.transaction_timeout,
                       "After this long the broker aborts an open Kafka transaction.", 1'000,
                       900'000),
      ADMITONE_SETTING(kafka.delivery_timeout,
                       "How long a record may take to be delivered before that counts as failed.",
                       100),
      ADMITONE_SETTING(kafka.init_timeout, "How long the making of a producer may take.", 100),
      ADMITONE_SETTING(kafka.request_timeout, "How long one request to a broker may take.", 100),
      ADMITONE_SETTING(kafka.max_record_bytes,
                       "Largest record that is sent or fetched; compared with the topics.", 65'536,
                       64 << 20, "bytes"),
  };
}

Table database_rows() {
  const std::int64_t min_wait = 100;
  return {
      ADMITONE_SETTING(database.url, "Connection of the worker's role.", .secret = true),
      ADMITONE_SETTING(database.owner_url, "Connection of the owner's role, for `migrate`.",
                       .secret = true),
      ADMITONE_SETTING(database.reader_url,
                       "Connection of the role admitone_reader, for the read verbs.",
                       .secret = true),
      ADMITONE_SETTING(database.schema, "Schema of all tables and views."),
      ADMITONE_SETTING(database.worker_role,
                       "Role that `migrate up` gives the worker's rights to."),
      ADMITONE_SETTING(database.connect_timeout, "How long connecting may take.", min_wait),
      ADMITONE_SETTING(database.statement_timeout, "How long one statement may take.", min_wait),
      ADMITONE_SETTING(database.lock_timeout, "How long one statement may wait for a lock.",
                       min_wait),
      ADMITONE_SETTING(database.idle_in_transaction_timeout,
                       "How long the server keeps a unit of work that sends nothing.", min_wait),
  };
}

Table worker_rows() {
  return {
      ADMITONE_SETTING(http.listen,
                       "HOST:PORT of health, metrics and the API; port 0 takes a free one; "
                       "empty is off."),
      ADMITONE_SETTING(http.admin_token_file,
                       "File with the token of the API that may change things; "
                       "without a token the API is off."),
      ADMITONE_SETTING(http.reader_token_file, "File with the token of the API that may read."),
      ADMITONE_SETTING(shutdown.grace, "From SIGTERM to the end of the process, at the most.",
                       1'000, 600'000),
      ADMITONE_SETTING(worker.start_patience,
                       "How long a worker that starts asks again for a database or a broker that "
                       "is away, or a database that is recovering."),
      ADMITONE_SETTING(worker.pipelines, "Threads that decide, each with its own connection.", 1,
                       64, "threads"),
      ADMITONE_SETTING(worker.batch_records, "Records in one unit of work, at the most.", 1,
                       100'000, "records"),
      ADMITONE_SETTING(worker.batch_bytes, "Bytes of records in one unit of work, at the most.",
                       1'024, 1 << 30, "bytes"),
      ADMITONE_SETTING(worker.lane_queue_records,
                       "Records that wait for one lane before its partition is paused.", 1,
                       1'000'000, "records"),
      ADMITONE_SETTING(worker.lane_queue_bytes,
                       "Bytes that wait for one lane before its partition is paused.", 1'024,
                       std::int64_t{1} << 32, "bytes"),
      ADMITONE_SETTING(worker.lane_unpublished,
                       "Outcomes of one lane that wait for publication before it decides no more.",
                       1, 1'000'000, "outcomes"),
      ADMITONE_SETTING(worker.lane_cached_events, "Events of one lane kept in memory.", 1,
                       1'000'000, "events"),
      ADMITONE_SETTING(worker.transaction_records,
                       "Outcomes in one Kafka transaction, at the most.", 1, 1'000'000, "outcomes"),
  };
}

Table rule_rows() {
  return {
      ADMITONE_SETTING(idempotency.completed_ttl,
                       "How long the key of a finished command is kept: the dedupe horizon.",
                       60'000),
      ADMITONE_SETTING(idempotency.failed_ttl, "How long the key of a failed command is kept.",
                       60'000),
      ADMITONE_SETTING(idempotency.in_progress,
                       "A duplicate of a running command waits for its answer (coalesce) or is "
                       "refused (reject)."),
      ADMITONE_SETTING(
          content_key.mode,
          "Recognise the same content without a key: off, observe (count only), percent "
          "of tenants, on."),
      ADMITONE_SETTING(content_key.percent, "Share of tenants in mode percent.", 0, 100, "percent"),
      ADMITONE_SETTING(content_key.window, "How far apart two copies may be.", 1, 86'400'000),
      ADMITONE_SETTING(content_key.tenants, "Mode of single tenants."),
      ADMITONE_SETTING(content_key.windows,
                       "Window of single command types, of tenants, or (tenant/type) of one type "
                       "of one tenant; the closest that fits counts."),
      ADMITONE_SETTING(reservations.default_hold, "Length of a hold that names none.", 1'000),
      ADMITONE_SETTING(reservations.max_hold, "Longest hold that may be asked for.", 1'000),
      ADMITONE_SETTING(dead_letter.max_attempts,
                       "Times a command may end the process or fail technically before it is dead.",
                       1, 100, "attempts"),
      ADMITONE_SETTING(dead_letter.max_age, "How long a dead letter may be redriven."),
      ADMITONE_SETTING(replay.window, "How far back a replay may be asked for beyond retention."),
      ADMITONE_SETTING(publish.mode,
                       "exactly_once, or at_least_once for consumers that deduplicate by ce_id."),
      ADMITONE_SETTING(timers.tick, "How often due holds are looked for.", 10, 3'600'000),
      ADMITONE_SETTING(timers.batch, "Expire commands sent together, at the most.", 1, 100'000,
                       "holds"),
      ADMITONE_SETTING(ledger.part_length, "Time that one part of the ledger covers.", 1'000),
      ADMITONE_SETTING(ledger.housekeeping_interval,
                       "How often parts of the ledger are made and dropped.", 100),
      ADMITONE_SETTING(ledger.filter_bytes,
                       "Memory for filters of closed parts of the ledger, 1.5 bytes a key: what "
                       "they do not have is not looked for. 0: no filters.",
                       0, std::int64_t{64} << 30, "bytes"),
  };
}

Table limit_rows() {
  return {
      ADMITONE_SETTING(log.level, "Least important line that is written."),
      ADMITONE_SETTING(log.format, "text, json (ECS names), or by whether stderr is a terminal."),
      ADMITONE_SETTING(limits.max_record_bytes, "Key, value and headers of a command together.",
                       1'024, 64 << 20, "bytes"),
      ADMITONE_SETTING(limits.max_value_bytes, "Value of a command.", 1'024, 64 << 20, "bytes"),
      ADMITONE_SETTING(limits.max_headers, "Headers of a command.", 1, 10'000, "headers"),
      ADMITONE_SETTING(limits.max_header_bytes, "Headers of a command together.", 256, 64 << 20,
                       "bytes"),
      ADMITONE_SETTING(limits.max_depth, "Nesting of a command's JSON.", 4, 128, "levels"),
      ADMITONE_SETTING(limits.max_elements, "Values in a command's JSON, containers included.", 16,
                       10'000'000, "values"),
      ADMITONE_SETTING(limits.max_string_bytes, "One string in a command's JSON.", 64, 64 << 20,
                       "bytes"),
  };
}

Table make_table() {
  Table table;
  for (Table part : {kafka_names(), kafka_security_rows(), kafka_limits(), database_rows(),
                     outside_rows(), saga_rows(), worker_rows(), rule_rows(), limit_rows()}) {
    table.insert(table.end(), part.begin(), part.end());
  }
  return table;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> previous(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> current(b.size() + 1);
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
    }
    previous = std::move(current);
  }
  return previous[b.size()];
}

}  // namespace

std::string Setting::environment() const {
  std::string out = "ADMITONE_" + key;
  for (char& c : out) {
    if (c == '.') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

const std::vector<Setting>& settings_table() {
  static const Table table = make_table();
  return table;
}

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : settings_table()) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

std::vector<std::string> setting_sections() {
  std::vector<std::string> out;
  for (const Setting& setting : settings_table()) {
    if (std::find(out.begin(), out.end(), setting.section()) == out.end()) {
      out.push_back(setting.section());
    }
  }
  return out;
}

std::string nearest_key(std::string_view key, const std::vector<std::string>& known) {
  std::string best;
  // Farther away than this it is no slip of the pen.
  std::size_t least = std::max<std::size_t>(3, key.size() / 4) + 1;
  for (const std::string& candidate : known) {
    // The beginning of a key is meant to be that key.
    const bool begun = candidate.size() > key.size() && candidate.starts_with(key);
    const std::size_t distance = begun ? 1 : edit_distance(key, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace admitone::app
