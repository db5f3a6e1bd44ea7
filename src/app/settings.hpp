#pragma once
// Everything an operator can set, as typed values. Each setting is declared once: its type and
// default are the member below, its key, text and limits one row of settings_table.cpp. From those
// come the YAML file, the environment variables, `config print|schema` and docs/configuration.md.
// Used by: every verb. Lifetime: loaded once per process, then read-only. Threads: any, after
// loading.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "contract/decode.hpp"

namespace admitone::app {

enum class Partitioner { murmur2, consistent, none };
enum class SecurityProtocol { plaintext, ssl, sasl_plaintext, sasl_ssl };
enum class SaslMechanism { plain, scram_sha_256, scram_sha_512, oauthbearer };
enum class PublishMode { exactly_once, at_least_once };
enum class InProgress { coalesce, reject };
enum class ContentKeyMode { off, observe, percent, on };
enum class LogLevel { trace, debug, info, warn, error };
enum class LogFormat { automatic, text, json };
enum class TokenAlgorithm { hs256, rs256 };
enum class Registry { memo, anchor };
enum class Commitment { confirmed, finalized };

struct Settings {
  using Ms = std::chrono::milliseconds;

  struct Kafka {
    std::string bootstrap_servers;
    std::string group_id = "admitone";
    std::vector<std::string> command_topics{"ticketing.commands"};  // the first is home
    std::string outcome_topic = "ticketing.outcomes";
    std::string dead_letter_topic = "ticketing.dead-letters";
    Partitioner partitioner = Partitioner::murmur2;
    std::map<std::string, std::vector<std::string>> topic_tenants;
    std::int64_t partitions = 12;
    std::int64_t replication_factor = 1;
    Ms command_retention = std::chrono::hours{24 * 3};
    Ms outcome_retention = std::chrono::hours{24 * 14};
    Ms dead_letter_retention = std::chrono::hours{24 * 14};
    Ms session_timeout = std::chrono::seconds{8};
    Ms heartbeat_interval = std::chrono::seconds{1};
    Ms max_poll_interval = std::chrono::seconds{120};
    Ms transaction_timeout = std::chrono::seconds{12};
    Ms delivery_timeout = std::chrono::seconds{10};
    Ms init_timeout = std::chrono::seconds{30};
    Ms request_timeout = std::chrono::seconds{10};
    std::int64_t max_record_bytes = 1'048'576;
    std::map<std::string, std::string> options;
    std::map<std::string, std::string> option_files;
    SecurityProtocol security_protocol = SecurityProtocol::plaintext;
    SaslMechanism sasl_mechanism = SaslMechanism::scram_sha_512;
    std::string sasl_username;
    std::string sasl_password;
    std::string oauth_token_file;
    std::string oauth_token_url;
    std::string oauth_client_id;
    std::string oauth_client_secret;
    std::string oauth_scope;
    std::string ca_file;
    std::string client_certificate_file;
    std::string client_key;  // PEM
    std::string client_key_password;
    bool verify_host_name = true;
  } kafka;

  struct Database {
    std::string url;
    std::string owner_url;
    std::string reader_url;
    std::string schema = "admitone";
    std::string worker_role = "admitone_worker";
    Ms connect_timeout = std::chrono::seconds{5};
    Ms statement_timeout = std::chrono::seconds{10};
    Ms lock_timeout = std::chrono::seconds{2};
    Ms idle_in_transaction_timeout = std::chrono::seconds{15};
  } database;

  struct Redis {
    std::string url;
    std::string password;
    std::string ca_file;
    std::string prefix = "admitone";
    Ms key_ttl = std::chrono::hours{24};
  } redis;

  struct Venue {
    bool enabled = false;
    std::string url;
    bool allow_insecure = false;
    Ms call_timeout = std::chrono::seconds{5};
    TokenAlgorithm token_algorithm = TokenAlgorithm::hs256;
    std::string token_key;
    std::string token_key_id;
    std::string token_issuer = "admitone";
    std::string token_audience = "venue";
    Ms token_lifetime = std::chrono::minutes{5};
    Ms cache_ttl = std::chrono::minutes{5};
    std::int64_t cache_entries = 10'000;
  } venue;

  struct Chain {
    bool enabled = false;
  } chain;

  struct Solana {
    std::string rpc_url;  // several, separated by commas
    bool allow_insecure = false;
    std::string genesis_hash;
    std::string wallet_file;
    Registry registry = Registry::memo;
    std::string memo_program_id = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
    std::string program_id;
    std::string idl_file;
    std::int64_t account_bytes = 512;
    Commitment commitment = Commitment::finalized;
    Ms call_timeout = std::chrono::seconds{10};
  } solana;

  struct Saga {
    Ms deadline = std::chrono::minutes{15};
    Ms attempt_timeout = std::chrono::seconds{30};
    Ms arrival_margin = std::chrono::minutes{2};
    Ms landing = std::chrono::minutes{1};
    std::int64_t quick_tries = 3;
    Ms quick_from = std::chrono::milliseconds{500};
    Ms quick_to = std::chrono::seconds{5};
    Ms sleep_from = std::chrono::seconds{30};
    Ms sleep_to = std::chrono::minutes{5};
    Ms step_objective = std::chrono::minutes{1};
    Ms chain_objective = std::chrono::minutes{2};
    std::int64_t in_memory = 8'192;
    std::int64_t tenant_in_memory = 4'096;
    std::int64_t parked = 8'192;
    std::int64_t calls = 4'096;
    std::int64_t venue_calls = 128;
    std::int64_t chain_calls = 2'048;
    std::int64_t tenant_calls = 2'048;
    std::int64_t connections = 256;
    std::int64_t service_connections = 64;
    std::string ca_file;
  } saga;

  struct Http {
    std::string listen;
    std::string admin_token_file;
    std::string reader_token_file;
  } http;

  struct Shutdown {
    Ms grace = std::chrono::seconds{25};
  } shutdown;

  struct Worker {
    Ms start_patience = std::chrono::seconds{60};
    std::int64_t pipelines = 2;
    std::int64_t batch_records = 2000;
    std::int64_t batch_bytes = 4 << 20;
    std::int64_t lane_queue_records = 2000;
    std::int64_t lane_queue_bytes = 8 << 20;
    std::int64_t lane_unpublished = 20'000;
    std::int64_t lane_cached_events = 20'000;
    std::int64_t transaction_records = 20'000;
  } worker;

  struct Idempotency {
    Ms completed_ttl = std::chrono::hours{24 * 7};
    Ms failed_ttl = std::chrono::hours{24};
    InProgress in_progress = InProgress::coalesce;
  } idempotency;

  struct ContentKey {
    ContentKeyMode mode = ContentKeyMode::on;
    std::int64_t percent = 0;
    Ms window = std::chrono::milliseconds{100};
    std::map<std::string, std::string> tenants;  // tenant → mode
    std::map<std::string, std::string> windows;  // TENANT/TYPE, TENANT or TYPE → window
  } content_key;

  struct Reservations {
    Ms default_hold = std::chrono::minutes{10};
    Ms max_hold = std::chrono::hours{24};
  } reservations;

  struct DeadLetter {
    std::int64_t max_attempts = 5;
    Ms max_age = std::chrono::hours{24 * 3};
  } dead_letter;

  struct Replay {
    Ms window = std::chrono::hours{24};
  } replay;

  struct Publish {
    PublishMode mode = PublishMode::exactly_once;
  } publish;

  struct Timers {
    Ms tick = std::chrono::seconds{1};
    std::int64_t batch = 500;
  } timers;

  struct Ledger {
    Ms part_length = std::chrono::hours{24};
    Ms housekeeping_interval = std::chrono::minutes{1};
    std::int64_t filter_bytes = 256 << 20;
  } ledger;

  struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
  } log;

  contract::Limits limits;

  // Keys of secrets that were read from files, and the files: they are read again later.
  std::map<std::string, std::string> secret_files;
};

using Environment = std::map<std::string, std::string>;

// Where values come from, weakest last.
struct SettingSources {
  std::vector<std::pair<std::string, std::string>> flags;  // key → text; `--set` and its shorthands
  Environment environment;
  std::string file;  // empty: none
};

struct Loaded {
  Settings settings;
  std::map<std::string, std::string> origins;  // key → "flag", "environment X", "file P", "default"
  std::vector<std::string> errors;             // one line each; settings are usable only when empty
  std::vector<std::string> error_keys;         // index-aligned: whose value it is; empty: of none
};

// Reads and merges all sources; reads the named files (YAML, secrets) and nothing else.
Loaded load_settings(const SettingSources& sources);

// What is wrong between settings, or missing for a purpose.
struct Problem {
  std::string key;
  std::string what;
  std::string fix;
  [[nodiscard]] std::string line() const;  // names the variable, too
};

// Every rule that needs no server. Empty: fine.
std::vector<Problem> check_settings(const Settings& settings);
// What only a process with the worker's own files and rights can know: reads the wallet, the IDL,
// the venue's key. Blocking: small files.
std::vector<Problem> check_secrets(const Settings& settings);
// What can be read or forged on the way to a server that is not on this machine. Nothing is refused
// for it: told by the worker, `config check` and `doctor`.
std::vector<Problem> insecure_settings(const Settings& settings);
// Each of solana.rpc_url.
std::vector<std::string> rpc_urls(const Settings& settings);
// The named settings must not be empty; for verbs that need only some of them.
std::vector<Problem> require_settings(const Settings& settings,
                                      const std::vector<std::string>& keys);

// How long a repeat of a command is recognised for certain (guarantees L18).
Settings::Ms dedupe_horizon(const Settings& settings);
// The shortest horizon that covers everything a record can be late by.
Settings::Ms needed_horizon(const Settings& settings);

}  // namespace admitone::app
