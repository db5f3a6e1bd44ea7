#include "kafka/conf.hpp"

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "kafka/credentials.hpp"
#include "kafka/notes.hpp"
#include "kafka/traffic.hpp"

namespace admitone::kafka {
namespace {

void log_line(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  // kafka.options holds producer and consumer settings together; each client ignores the other's.
  if (std::string_view(facility) == "CONFWARN") return;
  // Only of a client without an owner to tell it to (error_line).
  if (std::string_view(facility) == "FAIL" || std::string_view(facility) == "ERROR") {
    note_complaint(client, text);
  }
  static const auto log = base::logger("kafka");
  const auto severity = level <= 3   ? spdlog::level::err
                        : level == 4 ? spdlog::level::warn
                        : level <= 6 ? spdlog::level::info
                                     : spdlog::level::debug;
  log->log(severity, "{} {}: {}", rd_kafka_name(client), facility, text);
}

void error_line(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  note_complaint(client, reason);
  static_cast<ClientEvents*>(opaque)->on_error(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void delivery_line(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  static_cast<ClientEvents*>(opaque)->on_delivery(*message);
}

void rebalance_line(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                    void* opaque) {
  static_cast<ClientEvents*>(opaque)->on_rebalance(code, *list);
}

// OpenSSL has judged; this only keeps its reason, which librdkafka does not pass on.
int certificate_line(rd_kafka_t* client, const char* broker, std::int32_t, int* x509_error, int,
                     const char*, std::size_t, char* why, std::size_t size, void*) {
  if (*x509_error == X509_V_OK) return 1;
  const std::string reason =
      fmt::format("certificate of {}: {}", broker, X509_verify_cert_error_string(*x509_error));
  note_complaint(client, reason);
  reason.copy(why, size - 1);
  why[std::min(reason.size(), size - 1)] = '\0';
  return 0;
}

// On librdkafka's background thread.
void token_wanted(rd_kafka_t* client, const char*, void*) {
  const auto notes = notes_of(client);
  if (!notes.token) return;
  const auto token = notes.token();
  const auto given = token ? give(client, *token) : base::Status(token.error());
  if (given) return;
  note_complaint(client, given.error().message);
  rd_kafka_oauthbearer_set_token_failure(client, given.error().message.c_str());
}

rd_kafka_resp_err_t request_sent(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api_key,
                                 std::int16_t, std::int32_t, std::size_t, void* traffic) {
  static_cast<Traffic*>(traffic)->sent(api_key);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t watch_requests(rd_kafka_t* client, const rd_kafka_conf_t*, void* traffic, char*,
                                   std::size_t) {
  return rd_kafka_interceptor_add_on_request_sent(client, "traffic", request_sent, traffic);
}

}  // namespace

Conf::Conf(const ClientSettings& settings, std::string role)
    : settings_(settings), role_(std::move(role)), conf_(rd_kafka_conf_new()) {
  rd_kafka_conf_set_log_cb(conf_.get(), log_line);
  set("bootstrap.servers", settings.bootstrap_servers);
  set("client.id", settings.client_id + "-" + role_);
  set("socket.timeout.ms", settings.socket_timeout);
  set("reconnect.backoff.max.ms", Milliseconds(500));
  set("message.max.bytes", std::int64_t{settings.max_record_bytes} + kHeaderRoom);
  // librdkafka's own statistics would pile up in a client that is seldom polled.
  if (settings.traffic == nullptr) return;
  rd_kafka_conf_interceptor_add_on_new(conf_.get(), "traffic", watch_requests, settings.traffic);
}

Conf& Conf::set(const char* name, const std::string& value) {
  char why[256];
  if (rd_kafka_conf_set(conf_.get(), name, value.c_str(), why, sizeof(why)) != RD_KAFKA_CONF_OK &&
      refused_.empty()) {
    refused_ = fmt::format("Kafka client '{}': {}", role_, why);
  }
  ours_ += fmt::format(" {}={}", name, value);
  return *this;
}

Conf& Conf::opaque(ClientEvents& events) {
  rd_kafka_conf_set_opaque(conf_.get(), &events);
  return *this;
}

Conf& Conf::report_errors(ClientEvents& events) {
  rd_kafka_conf_set_error_cb(conf_.get(), error_line);
  return opaque(events);
}

Conf& Conf::report_deliveries(ClientEvents& events) {
  rd_kafka_conf_set_dr_msg_cb(conf_.get(), delivery_line);
  return opaque(events);
}

Conf& Conf::report_rebalances(ClientEvents& events) {
  rd_kafka_conf_set_rebalance_cb(conf_.get(), rebalance_line);
  return opaque(events);
}

Conf& Conf::consuming(const std::string& group, const char* isolation) {
  set("group.id", group);
  const char* by_itself = base::failpoint::mutant("auto_commit") ? "true" : "false";
  set("enable.auto.commit", by_itself);
  set("enable.auto.offset.store", by_itself);
  set("auto.offset.reset", "error");
  set("isolation.level", isolation);
  set("enable.partition.eof", "true");
  set("allow.auto.create.topics", "false");
  set("check.crcs", "true");
  return *this;
}

Conf& Conf::producing(Milliseconds linger) {
  // The broker measures a request against its limit for one record and refuses it whole.
  constexpr std::int64_t kUsual = 1'000'000;
  set("acks", "all");
  set("linger.ms", linger);
  set("batch.size", std::min<std::int64_t>(kUsual, settings_.max_record_bytes));
  set("compression.type", "lz4");
  set("partitioner", "murmur2_random");
  set("queue.buffering.max.messages", std::int64_t{1'000'000});
  set("queue.buffering.max.kbytes", std::int64_t{524'288});
  return *this;
}

base::Result<Client> Conf::make(rd_kafka_type_t type) {
  if (auto library = check_library(); !library) return library.error();
  if (auto options = check_options(settings_.options); !options) return options.error();
  const auto permanent = [](std::string text) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied, std::move(text)};
  };
  if (auto known = check_security(settings_.security); !known) return known.error();
  if (!refused_.empty()) return permanent(refused_);
  for (const auto& options : {options_of(settings_.security), settings_.options}) {
    for (const auto& [name, value] : options) {
      char ignored[8];
      rd_kafka_conf_set(conf_.get(), name.c_str(), value.c_str(), ignored, sizeof(ignored));
    }
  }
  rd_kafka_conf_set_ssl_cert_verify_cb(conf_.get(), certificate_line);
  const auto& security = settings_.security;
  // Most clients are seldom polled: tokens are fetched on librdkafka's background thread.
  const bool tokens = with_sasl(security) && security.mechanism == Mechanism::oauthbearer;
  if (tokens) rd_kafka_conf_enable_sasl_queue(conf_.get(), 1);
  if (tokens && security.token) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf_.get(), token_wanted);
  }
  char why[512];
  rd_kafka_t* made = rd_kafka_new(type, conf_.get(), why, sizeof(why));
  if (made == nullptr) {
    const char* advice = "";
    if (with_tls(security)) {
      advice =
          "; check kafka.ca_file, kafka.client_certificate_file, kafka.client_key_file and "
          "kafka.client_key_password";
    }
    return permanent(fmt::format("Kafka client '{}' cannot be made: {}{}", role_, why, advice));
  }
  static_cast<void>(conf_.release());  // owned by the client now
  Client client(made);
  keep_notes(made, {.token = security.token, .credentials = security.credentials});
  if (security.credentials) security.credentials->joined(made);
  if (tokens) {
    // Before that nobody asks for a token, so the notes are there.
    const CallError refused(rd_kafka_sasl_background_callbacks_enable(made));
    if (refused) return permanent(rd_kafka_error_string(refused.get()));
  }
  base::logger("kafka")->debug("client {}:{}, {}{}", role_, ours_, describe(security),
                               shown_options());
  return client;
}

// Of kafka.options and the secrets only that they are there (law L22).
std::string Conf::shown_options() const {
  if (base::failpoint::mutant("secrets_logged")) {
    std::string out;
    for (const auto& options : {options_of(settings_.security), settings_.options}) {
      for (const auto& [name, value] : options) out += fmt::format(" {}={}", name, value);
    }
    return out;
  }
  return settings_.options.empty() ? "" : " and kafka.options";
}

base::Error error_of(rd_kafka_resp_err_t code, const std::string& what, base::Effect effect) {
  static constexpr std::array kHopeless{
      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
      RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
      RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
      RD_KAFKA_RESP_ERR_INVALID_CONFIG,
      RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
      RD_KAFKA_RESP_ERR_INVALID_PARTITIONS,
      RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
      RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION,
      RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE,
      RD_KAFKA_RESP_ERR__INVALID_ARG,
  };
  const bool hopeless = std::find(kHopeless.begin(), kHopeless.end(), code) != kHopeless.end();
  return {hopeless ? base::ErrorKind::permanent : base::ErrorKind::retry_call, effect,
          fmt::format("{}: {} ({})", what, rd_kafka_err2str(code), rd_kafka_err2name(code))};
}

base::Error call_error(rd_kafka_t* client, rd_kafka_resp_err_t code, const std::string& what) {
  static constexpr std::array kNobody{
      RD_KAFKA_RESP_ERR__TRANSPORT,       RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
      RD_KAFKA_RESP_ERR__RESOLVE,         RD_KAFKA_RESP_ERR__SSL,
      RD_KAFKA_RESP_ERR__AUTHENTICATION,  RD_KAFKA_RESP_ERR__TIMED_OUT,
      RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
  };
  auto error = error_of(code, what);
  if (std::find(kNobody.begin(), kNobody.end(), code) == kNobody.end()) return error;
  char servers[512] = "";
  std::size_t size = sizeof(servers);
  if (rd_kafka_conf_get(rd_kafka_conf(client), "bootstrap.servers", servers, &size) !=
      RD_KAFKA_CONF_OK) {
    return error;
  }
  const std::string complaint = notes_of(client).complaint;
  std::string advice = advice_on(complaint);
  if (advice.empty()) advice = "check kafka.bootstrap_servers and kafka.security_protocol";
  // A broker may have had a word in it.
  error.message += fmt::format("; no answer from {}: {}{}{}", servers, base::field(complaint),
                               complaint.empty() ? "" : "; ", advice);
  return error;
}

PartitionList make_list(int size) {
  return PartitionList(rd_kafka_topic_partition_list_new(size));
}

}  // namespace admitone::kafka
