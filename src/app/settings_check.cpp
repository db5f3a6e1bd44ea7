#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <set>

#include "app/duration.hpp"
#include "app/settings.hpp"
#include "app/settings_check_outside.hpp"
#include "app/settings_table.hpp"
#include "app/window_name.hpp"
#include "base/assert.hpp"
#include "base/failpoint.hpp"
#include "contract/codes.hpp"
#include "kafka/settings.hpp"

namespace admitone::app {
namespace {

using Problems = std::vector<Problem>;

bool topic_name_ok(const std::string& name) {
  if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

bool identifier_ok(const std::string& name) {
  if (name.empty() || name.size() > 63 || std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
  });
}

void check_topics(const Settings& s, Problems& out) {
  if (s.kafka.command_topics.empty()) {
    out.push_back({"kafka.command_topics", "names no topic", "name the home topic first"});
  }
  std::set<std::string> seen;
  auto use = [&](const std::string& key, const std::string& name) {
    if (!topic_name_ok(name)) {
      out.push_back({key, "'" + name + "' is not a topic name", "use letters, digits, . _ -"});
    } else if (!seen.insert(name).second) {
      out.push_back({key, "'" + name + "' is used twice", "give each purpose a topic of its own"});
    }
  };
  for (const auto& topic : s.kafka.command_topics) use("kafka.command_topics", topic);
  use("kafka.outcome_topic", s.kafka.outcome_topic);
  use("kafka.dead_letter_topic", s.kafka.dead_letter_topic);
  for (const auto& [topic, tenants] : s.kafka.topic_tenants) {
    const auto& topics = s.kafka.command_topics;
    if (std::find(topics.begin(), topics.end(), topic) == topics.end()) {
      out.push_back({"kafka.topic_tenants", "'" + topic + "' is no command topic",
                     "add it to kafka.command_topics or take it out"});
    }
    for (const auto& tenant : tenants) {
      if (base::Uuid::parse(tenant)) continue;
      out.push_back({"kafka.topic_tenants", "'" + tenant + "' of topic '" + topic + "' is no UUID",
                     "write tenants as lower-case UUIDs"});
    }
  }
}

void check_options(const Settings& s, Problems& out) {
  auto refuse = [&](const std::string& key, const std::string& option) {
    const auto found = kafka::refused_options().find(option);
    if (found == kafka::refused_options().end()) return false;
    out.push_back({key, "'" + option + "' must not be set", "take it out: " + found->second});
    return true;
  };
  std::map<std::string, std::string> rest;
  for (const auto& [option, value] : s.kafka.options) {
    if (!refuse("kafka.options", option)) rest[option] = value;
  }
  if (const auto checked = kafka::check_options(rest); !checked) {
    out.push_back({"kafka.options", checked.error().message, "correct or remove it"});
  }
  for (const auto& [option, path] : s.kafka.option_files) {
    refuse("kafka.option_files", option);
    if (s.kafka.options.contains(option)) {
      out.push_back({"kafka.option_files", "'" + option + "' is in kafka.options too",
                     "keep one of the two"});
    }
    if (!std::ifstream(path)) {
      out.push_back({"kafka.option_files", "'" + path + "' for '" + option + "' cannot be read",
                     "check the path and its rights"});
    }
  }
}

// Law L18: nothing may come back after its key was forgotten.
void check_retention(const Settings& s, Problems& out) {
  if (base::failpoint::mutant("retention_unchecked")) return;
  const auto horizon = dedupe_horizon(s);
  const auto needed = needed_horizon(s);
  if (horizon < needed) {
    out.push_back(
        {"idempotency.completed_ttl",
         format_duration(horizon) + " is shorter than kafka.command_retention " +
             format_duration(s.kafka.command_retention) + " + dead_letter.max_age " +
             format_duration(s.dead_letter.max_age) + " + replay.window " +
             format_duration(s.replay.window) + " = " + format_duration(needed),
         "keep keys for at least " + format_duration(needed) + " or shorten one of the three"});
  }
  if (s.kafka.outcome_retention < horizon) {
    out.push_back({"kafka.outcome_retention",
                   format_duration(s.kafka.outcome_retention) +
                       " is shorter than idempotency.completed_ttl " + format_duration(horizon),
                   "keep outcomes for at least " + format_duration(horizon)});
  }
}

void at_most(Problems& out, const std::string& small, Settings::Ms a, const std::string& large,
             Settings::Ms b) {
  if (a <= b) return;
  out.push_back({small, format_duration(a) + " is longer than " + large + " " + format_duration(b),
                 "make it at most " + format_duration(b)});
}

void at_most(Problems& out, const std::string& small, std::int64_t a, const std::string& large,
             std::int64_t b) {
  if (a <= b) return;
  out.push_back({small, std::to_string(a) + " is more than " + large + " " + std::to_string(b),
                 "make it at most " + std::to_string(b)});
}

void check_times(const Settings& s, Problems& out) {
  at_most(out, "kafka.heartbeat_interval", s.kafka.heartbeat_interval * 3, "kafka.session_timeout",
          s.kafka.session_timeout);
  at_most(out, "kafka.session_timeout", s.kafka.session_timeout, "kafka.max_poll_interval",
          s.kafka.max_poll_interval);
  at_most(out, "kafka.request_timeout", s.kafka.request_timeout, "kafka.transaction_timeout",
          s.kafka.transaction_timeout);
  at_most(out, "kafka.delivery_timeout", s.kafka.delivery_timeout, "kafka.transaction_timeout",
          s.kafka.transaction_timeout);
  at_most(out, "database.lock_timeout", s.database.lock_timeout, "database.statement_timeout",
          s.database.statement_timeout);
  at_most(out, "reservations.default_hold", s.reservations.default_hold, "reservations.max_hold",
          s.reservations.max_hold);
  at_most(out, "ledger.part_length", s.ledger.part_length, "idempotency.completed_ttl",
          s.idempotency.completed_ttl);
  at_most(out, "ledger.housekeeping_interval", s.ledger.housekeeping_interval, "ledger.part_length",
          s.ledger.part_length);
  at_most(out, "idempotency.failed_ttl", s.idempotency.failed_ttl, "idempotency.completed_ttl",
          s.idempotency.completed_ttl);
}

void check_sizes(const Settings& s, Problems& out) {
  const auto number = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  at_most(out, "worker.batch_records", s.worker.batch_records, "worker.lane_queue_records",
          s.worker.lane_queue_records);
  at_most(out, "worker.batch_bytes", s.worker.batch_bytes, "worker.lane_queue_bytes",
          s.worker.lane_queue_bytes);
  at_most(out, "limits.max_record_bytes", number(s.limits.max_record_bytes), "worker.batch_bytes",
          s.worker.batch_bytes);
  at_most(out, "limits.max_record_bytes", number(s.limits.max_record_bytes),
          "kafka.max_record_bytes", s.kafka.max_record_bytes);
  at_most(out, "limits.max_value_bytes", number(s.limits.max_value_bytes),
          "limits.max_record_bytes", number(s.limits.max_record_bytes));
  at_most(out, "limits.max_header_bytes", number(s.limits.max_header_bytes),
          "limits.max_record_bytes", number(s.limits.max_record_bytes));
  at_most(out, "limits.max_string_bytes", number(s.limits.max_string_bytes),
          "limits.max_value_bytes", number(s.limits.max_value_bytes));
}

void check_content_key(const Settings& s, Problems& out) {
  const auto& choices = find_setting("content_key.mode")->choices;
  for (const auto& [tenant, mode] : s.content_key.tenants) {
    if (std::find(choices.begin(), choices.end(), mode) == choices.end()) {
      out.push_back({"content_key.tenants", "'" + mode + "' for '" + tenant + "' is no mode",
                     "use off, observe, percent or on"});
    }
    if (!base::Uuid::parse(tenant)) {
      out.push_back({"content_key.tenants", "'" + tenant + "' is no UUID",
                     "write tenants as lower-case UUIDs"});
    }
  }
  const auto* one_for_all = find_setting("content_key.window");
  for (const auto& [name, window] : s.content_key.windows) {
    if (!window_of(name)) {
      out.push_back({"content_key.windows",
                     "'" + name + "' is neither a command type nor a tenant nor TENANT/TYPE",
                     "write for example ticketing.reservation.create.v1"});
    }
    const auto length = parse_duration(window);
    if (!length || length->count() < one_for_all->min || length->count() > one_for_all->max) {
      out.push_back({"content_key.windows",
                     "'" + window + "' for '" + name + "' is no duration between " +
                         format_duration(Settings::Ms{one_for_all->min}) + " and " +
                         format_duration(Settings::Ms{one_for_all->max}),
                     "write for example 100ms"});
    }
  }
}

void check_http(const Settings& s, Problems& out) {
  if (!s.http.listen.empty()) {
    const auto colon = s.http.listen.rfind(':');
    int port = -1;
    if (colon != std::string::npos) {
      const char* end = s.http.listen.data() + s.http.listen.size();
      const auto [stop, error] = std::from_chars(s.http.listen.data() + colon + 1, end, port);
      if (error != std::errc{} || stop != end) port = -1;
    }
    if (port < 0 || port > 65535) {
      out.push_back({"http.listen", "'" + s.http.listen + "' is not HOST:PORT",
                     "write for example 0.0.0.0:8080"});
    }
  }
  for (const auto& [key, path] : {std::pair{"http.admin_token_file", s.http.admin_token_file},
                                  std::pair{"http.reader_token_file", s.http.reader_token_file}}) {
    if (!path.empty() && !std::ifstream(path)) {
      out.push_back({key, "'" + path + "' cannot be read", "check the path and its rights"});
    }
  }
}

void check_names(const Settings& s, Problems& out) {
  if (!identifier_ok(s.database.schema)) {
    out.push_back({"database.schema", "'" + s.database.schema + "' is no plain name",
                   "use lower-case letters, digits and _"});
  }
  if (!identifier_ok(s.database.worker_role)) {
    out.push_back({"database.worker_role", "'" + s.database.worker_role + "' is no plain name",
                   "use lower-case letters, digits and _"});
  }
  if (s.kafka.group_id.empty()) {
    out.push_back({"kafka.group_id", "is empty", "name the group of the workers"});
  }
}

}  // namespace

Settings::Ms dedupe_horizon(const Settings& settings) {
  return settings.idempotency.completed_ttl;
}

Settings::Ms needed_horizon(const Settings& settings) {
  return settings.kafka.command_retention + settings.dead_letter.max_age + settings.replay.window;
}

std::vector<Problem> check_settings(const Settings& settings) {
  Problems out;
  check_names(settings, out);
  check_topics(settings, out);
  check_options(settings, out);
  check_kafka_security(settings, out);
  check_retention(settings, out);
  check_times(settings, out);
  check_sizes(settings, out);
  check_content_key(settings, out);
  check_outside(settings, out);
  check_http(settings, out);
  return out;
}

std::string Problem::line() const {
  const Setting* setting = find_setting(key);
  const std::string variable = setting == nullptr ? "" : setting->environment();
  const bool told = variable.empty() || fix.find(variable) != std::string::npos;
  return key + ": " + what + "; " + fix + (told ? "" : " (" + variable + ")");
}

std::vector<Problem> require_settings(const Settings& settings,
                                      const std::vector<std::string>& keys) {
  Problems out;
  for (const std::string& key : keys) {
    const Setting* setting = find_setting(key);
    ADMITONE_ASSERT(setting != nullptr);
    if (!setting->read(settings).scalar.empty()) continue;
    out.push_back(
        {key, "is not set",
         "set " + setting->environment() + " or '" + key + "' in the file given with --config"});
  }
  return out;
}

}  // namespace admitone::app
