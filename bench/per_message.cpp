// What a team would write first, and tune: a worker with one PostgreSQL transaction per command, on
// AdmitOne's own tables. Eight threads, each with a consumer of its own partitions, a connection
// with prepared statements, and one idempotent producer for all; offsets are committed after the
// outcomes are delivered. It decodes, hashes and renders with the `contract` room, so what differs
// is the way it uses the servers. At least once: a crash repeats outcomes, and nothing fences an
// old owner.
//
// Started by `admitone bench --reference per-message`, which counts what it did. Understands
// event.create and reservation.create only. Settings: the ADMITONE_… variables of the worker.
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"

namespace {

using namespace std::chrono_literals;
namespace base = admitone::base;
namespace contract = admitone::contract;
namespace domain = admitone::domain;

constexpr int kThreads = 8;
constexpr auto kAcknowledgeEvery = 200ms;
constexpr int kDeliveryLimit = 30'000;

std::atomic<bool> stopping{false};
std::atomic<int> ready{0};

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

struct Destroy {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using Client = std::unique_ptr<rd_kafka_t, Destroy>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy>;

Client make_client(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  std::array<char, 512> why{};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) !=
        RD_KAFKA_CONF_OK) {
      throw std::runtime_error(why.data());
    }
  }
  rd_kafka_t* made = rd_kafka_new(type, conf, why.data(), why.size());
  if (made == nullptr) throw std::runtime_error(why.data());
  return Client(made);
}

// Points into the message.
base::Record record_of(const rd_kafka_message_t& message) {
  base::Record record;
  record.position = {0, message.partition, message.offset};
  record.key = std::string_view(static_cast<const char*>(message.key), message.key_len);
  record.value = std::string_view(static_cast<const char*>(message.payload), message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.push_back({name, {static_cast<const char*>(value), size}, value == nullptr});
  }
  return record;
}

std::string uuid_text(const base::Uuid& id) {
  return id.str();
}

template <std::size_t N>
std::string hex(const std::array<std::uint8_t, N>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\\x";
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

std::string hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

class Database {
 public:
  Database() : connection_(setting("ADMITONE_DATABASE_URL")) {
    {
      pqxx::nontransaction tx(connection_);
      tx.exec("set search_path = " + connection_.quote_name(setting("ADMITONE_DATABASE_SCHEMA")));
      tx.exec("set synchronous_commit = on");
      // As AdmitOne does: the tables are empty when the statements are planned.
      tx.exec("set plan_cache_mode = force_generic_plan");
      tx.exec("set enable_seqscan = off");
      tx.exec("set enable_bitmapscan = off");
      part_ = tx.exec1("select part from ledger_part")[0].as<int>();
    }
    connection_.prepare("event",
                        "insert into events (starts_at, ends_at, created_at, version, row_version, "
                        "lane, status, tenant_id, event_id, venue_id, name, name_folded, slug, "
                        "timezone, created_by) values ('2035-06-01', '2035-06-02', now(), 1, 1, "
                        "$1, 2, $2, $3, $4, $5, lower($5), $5, 'Europe/Berlin', $6)");
    connection_.prepare("section",
                        "insert into sections (capacity, price_minor, lane, ordinal, tenant_id, "
                        "event_id, section_id, name, currency) values ($1, $2, $3, $4, $5, $6, $7, "
                        "$7, $8)");
    connection_.prepare("hold",
                        "update sections set held = held + $4, row_version = row_version + 1 "
                        "where tenant_id = $1 and event_id = $2 and section_id = $3 "
                        "and capacity - held - sold >= $4 returning price_minor, currency");
    connection_.prepare(
        "reservation",
        "insert into reservations (version, hold_version, expires_at, total_minor, lane, status, "
        "tenant_id, reservation_id, event_id, customer_id, currency, items, created_by) values "
        "(1, 1, now() + make_interval(secs => $1::bigint), $2, $3, 1, $4, $5, $6, $7, $8, $9, "
        "$10)");
    connection_.prepare(
        "ledger",
        "insert into ledger (part, lane, epoch, record_offset, out_seq, decided_at, completed_at, "
        "expires_at, outcome_time, record_partition, attempts, record_topic, verdict, "
        "command_type, key_source, status, outcome_type, code, owns_key, replayed, tenant_id, "
        "key_hash, event_id, outcome_id, payload, command_id, command_source, idempotency_key, "
        "outcome_value) values ($1, $2, 0, $3, $4, now(), now(), now() + interval '7 days', now(), "
        "$2, 1, 0, 1, $5, 1, 2, $6, $7, true, false, $8, $9, $10, $11, $12, $13, $14, $15, $16) "
        "on conflict do nothing");
  }

  // False: the command was done before.
  bool create_event(const contract::DecodedCommand& command, const domain::CreateEvent& event,
                    const contract::OutcomeRecord& outcome, const base::Position& position) {
    pqxx::work tx(connection_);
    use_tenant(tx, command.envelope.tenant);
    const auto tenant = uuid_text(command.envelope.tenant.value);
    const auto id = uuid_text(command.event.value);
    if (!insert_ledger(tx, command, outcome, position)) return false;
    tx.exec_prepared("event", position.partition, tenant, id, event.venue_id, event.name,
                     hex(command.payload));
    int ordinal = 0;
    for (const auto& section : event.sections) {
      tx.exec_prepared("section", section.capacity, section.price_minor, position.partition,
                       ordinal++, tenant, id, section.section_id, section.currency);
    }
    tx.commit();
    return true;
  }

  // Seats, hold and ledger row in one transaction; `render` makes the outcome from the price.
  template <class Render>
  bool hold(const contract::DecodedCommand& command, domain::Reservation& reservation,
            std::int64_t hold_seconds, const base::Position& position, const Render& render) {
    pqxx::work tx(connection_);
    use_tenant(tx, command.envelope.tenant);
    const auto tenant = uuid_text(command.envelope.tenant.value);
    const auto id = uuid_text(command.event.value);
    std::string items;
    for (auto& item : reservation.items) {
      const auto taken = tx.exec_prepared("hold", tenant, id, item.section_id, item.quantity);
      if (taken.empty()) throw std::runtime_error("sold out: the reference has no such input");
      item.price_minor = taken[0][0].as<std::int64_t>();
      reservation.currency = taken[0][1].as<std::string>();
      reservation.total_minor += item.quantity * item.price_minor;
      items += (items.empty() ? "" : ",") + std::string("[\"") + item.section_id + "\"," +
               std::to_string(item.quantity) + "," + std::to_string(item.price_minor) + "]";
    }
    tx.exec_prepared("reservation", hold_seconds, reservation.total_minor, position.partition,
                     tenant, uuid_text(reservation.id.value), id, reservation.customer_id,
                     reservation.currency, "[" + items + "]", hex(command.payload));
    if (!insert_ledger(tx, command, render(), position)) return false;
    tx.commit();
    return true;
  }

 private:
  // The policies let through what belongs to the tenants named here; told again when it changes.
  void use_tenant(pqxx::work& tx, const base::TenantId& tenant) {
    if (tenant_ == tenant) return;
    tx.exec_params("select set_config('admitone.tenants', $1, false)", uuid_text(tenant.value));
    tenant_ = tenant;
  }

  bool insert_ledger(pqxx::work& tx, const contract::DecodedCommand& command,
                     const contract::OutcomeRecord& outcome, const base::Position& position) {
    const auto done = tx.exec_prepared(
        "ledger", part_, position.partition, position.offset, position.offset + 1,
        static_cast<int>(domain::type_of(command.command)), static_cast<int>(outcome.type),
        static_cast<int>(outcome.code), uuid_text(command.envelope.tenant.value),
        uuid_text(command.key.value), uuid_text(command.event.value), uuid_text(outcome.id.value),
        hex(command.payload), command.envelope.id, command.envelope.source,
        command.envelope.idempotency_key, hex(outcome.value));
    return done.affected_rows() == 1;
  }

  pqxx::connection connection_;
  base::TenantId tenant_;
  int part_ = 0;
};

class Worker {
 public:
  // The `number`th of kThreads.
  Worker(int number, int partitions, rd_kafka_t* producer)
      : home_(setting("ADMITONE_KAFKA_COMMAND_TOPICS")),
        outcomes_(setting("ADMITONE_KAFKA_OUTCOME_TOPIC")),
        consumer_(make_client(RD_KAFKA_CONSUMER,
                              {{"bootstrap.servers", setting("ADMITONE_KAFKA_BOOTSTRAP_SERVERS")},
                               {"group.id", setting("ADMITONE_KAFKA_GROUP_ID")},
                               {"enable.auto.commit", "false"},
                               {"enable.auto.offset.store", "false"},
                               {"auto.offset.reset", "earliest"}})),
        producer_(producer) {
    rd_kafka_poll_set_consumer(consumer_.get());
    // No group protocol: who comes and goes would have records delivered twice.
    const Partitions mine(rd_kafka_topic_partition_list_new(1));
    for (int partition = number; partition < partitions; partition += kThreads) {
      rd_kafka_topic_partition_list_add(mine.get(), home_.c_str(), partition)->offset =
          RD_KAFKA_OFFSET_STORED;
    }
    const auto code = rd_kafka_assign(consumer_.get(), mine.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(code));
  }

  void run() {
    auto acknowledged = std::chrono::steady_clock::now();
    while (!stopping) {
      const Message message(rd_kafka_consumer_poll(consumer_.get(), 50));
      if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        handle(*message);
        next_[message->partition] = message->offset + 1;
      }
      const auto now = std::chrono::steady_clock::now();
      if (now - acknowledged < kAcknowledgeEvery) continue;
      acknowledged = now;
      acknowledge();
    }
    acknowledge();
    rd_kafka_consumer_close(consumer_.get());
  }

 private:
  void handle(const rd_kafka_message_t& message) {
    const auto record = record_of(message);
    const auto decoded = contract::decode(record, {});
    const auto* command = std::get_if<contract::DecodedCommand>(&decoded.body);
    if (command == nullptr) throw std::runtime_error("a record that is no command");
    contract::OutcomeRecord outcome;
    outcome.tenant = command->envelope.tenant;
    outcome.event = command->event;
    outcome.time = std::chrono::floor<base::Duration>(std::chrono::system_clock::now());
    outcome.origin = contract::position_text(home_, message.partition, message.offset);
    outcome.command_id = command->envelope.id;
    outcome.idempotency_key = command->envelope.idempotency_key;
    domain::Decision decision;
    decision.status = domain::CommandStatus::completed;
    bool fresh = false;
    if (const auto* create = std::get_if<domain::CreateEvent>(&command->command)) {
      domain::View view;
      view.tenant = outcome.tenant;
      view.payload = command->payload;
      view.now = outcome.time;
      view.lane = message.partition;
      decision = domain::decide(command->command, view, {});
      name(outcome, decision, *command);
      outcome.value =
          contract::render_outcome(command->envelope, decision, &*decision.event, nullptr);
      fresh = database_.create_event(*command, *create, outcome, record.position);
    } else if (const auto* wanted = std::get_if<domain::CreateReservation>(&command->command)) {
      decision.code = domain::Code::reservation_held;
      decision.type = domain::OutcomeType::reservation_held;
      decision.shows_reservation = true;
      name(outcome, decision, *command);
      const auto seconds = wanted->hold_seconds.value_or(600);
      auto reservation = reservation_of(*command, *wanted, message.partition);
      reservation.expires_at = outcome.time + std::chrono::seconds(seconds);
      fresh = database_.hold(
          *command, reservation, seconds, record.position, [&]() -> const contract::OutcomeRecord& {
            outcome.value =
                contract::render_outcome(command->envelope, decision, nullptr, &reservation);
            return outcome;
          });
    }
    if (!fresh) throw std::runtime_error("a command that was done before: not in this reference");
    publish(outcome, message.partition, message.offset + 1);
  }

  static void name(contract::OutcomeRecord& outcome, const domain::Decision& decision,
                   const contract::DecodedCommand& command) {
    outcome.type = decision.type;
    outcome.code = decision.code;
    outcome.id = contract::outcome_id(outcome.origin, decision.type, command.event.str());
  }

  static domain::Reservation reservation_of(const contract::DecodedCommand& command,
                                            const domain::CreateReservation& wanted,
                                            std::int32_t lane) {
    domain::Reservation made;
    made.tenant = command.envelope.tenant;
    made.id = wanted.reservation;
    made.event = command.event;
    made.lane = lane;
    made.version = made.hold_version = 1;
    made.customer_id = wanted.customer_id;
    for (const auto& item : wanted.items) {
      made.items.push_back({item.section_id, item.quantity, 0});
    }
    return made;
  }

  void publish(const contract::OutcomeRecord& outcome, std::int32_t lane, std::int64_t seq) {
    rd_kafka_headers_t* headers = rd_kafka_headers_new(16);
    for (const auto& header : contract::outcome_headers(outcome, lane, seq)) {
      rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()),
                          header.value.data(), static_cast<ssize_t>(header.value.size()));
    }
    const std::string key = outcome.event->str();
    const auto code = rd_kafka_producev(
        producer_, RD_KAFKA_V_TOPIC(outcomes_.c_str()), RD_KAFKA_V_PARTITION(lane),
        RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(outcome.value.data()), outcome.value.size()),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(code));
    rd_kafka_poll(producer_, 0);
  }

  // What is delivered may be acknowledged.
  void acknowledge() {
    if (next_.empty()) return;
    if (rd_kafka_flush(producer_, kDeliveryLimit) != RD_KAFKA_RESP_ERR_NO_ERROR) {
      throw std::runtime_error("outcomes are not delivered");
    }
    const Partitions positions(rd_kafka_topic_partition_list_new(static_cast<int>(next_.size())));
    for (const auto& [partition, offset] : next_) {
      rd_kafka_topic_partition_list_add(positions.get(), home_.c_str(), partition)->offset = offset;
    }
    rd_kafka_commit(consumer_.get(), positions.get(), stopping ? 0 : 1);
    next_.clear();
  }

  std::string home_;
  std::string outcomes_;
  Database database_;
  Client consumer_;
  rd_kafka_t* producer_;  // shared
  std::map<std::int32_t, std::int64_t> next_;
};

Client make_producer() {
  return make_client(RD_KAFKA_PRODUCER,
                     {{"bootstrap.servers", setting("ADMITONE_KAFKA_BOOTSTRAP_SERVERS")},
                      {"enable.idempotence", "true"},
                      {"linger.ms", "5"},
                      {"compression.type", "lz4"}});
}

void work(int number, int partitions, rd_kafka_t* producer) {
  try {
    Worker worker(number, partitions, producer);
    ++ready;
    worker.run();
  } catch (const std::exception& error) {
    std::cerr << "bench_per_message: " << error.what() << '\n';
    std::_Exit(1);
  }
}

}  // namespace

int main() {
  // The threads inherit the mask; this one takes the signal.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const int partitions = std::atoi(setting("ADMITONE_KAFKA_PARTITIONS").c_str());
  const Client producer = make_producer();
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i, partitions, producer.get());
  bool told = false;
  const timespec glance{0, 5'000'000};
  while (sigtimedwait(&ends, nullptr, &glance) < 0) {
    if (told || ready != kThreads) continue;
    told = true;
    std::cout << "ready\n" << std::flush;
  }
  stopping = true;
  return 0;
}
