#include "simulation/pipeline/world.hpp"

#include <fmt/format.h>

#include "contract/keys.hpp"

namespace admitone::simulation {

Worker::Worker(FakeDatabase& database, FakeKafka& kafka, FakeClock& clock, const std::string& name,
               pipeline::EngineOptions options, saga::Services services, Stores other,
               ports::KeyHints* hints)
    : store(database),
      publisher_store(database),
      stores(std::move(other)),
      source(kafka),
      log(kafka, name),
      sender(kafka, clock),
      engine(std::move(options),
             {.stores = {stores.pipeline ? stores.pipeline.get() : &store},
              .publisher_store = stores.publisher ? *stores.publisher : publisher_store,
              .source = source,
              .log = log,
              .sender = sender,
              .meters = meters,
              .clock = clock,
              .release_limit = std::chrono::milliseconds{100},
              .services = services,
              .hints = hints}) {
  source.attach(engine);
}

void Worker::turn() {
  source.poll(std::chrono::milliseconds{0});
  engine.step();
}

World::World() {
  options.topic_names = {{0, "commands"}, {1, "partner"}};
  options.partitions = kPartitions;
  options.forward_secret = "a secret of thirty-two bytes....";
  options.group_id = "test";
  options.pipelines = 1;
  // Nobody runs beside us: there is nothing to wait for.
  options.hand_over_limit = std::chrono::milliseconds{0};
  options.transaction_rest = std::chrono::milliseconds{0};
}

std::unique_ptr<Worker> World::worker(const std::string& name) {
  return std::make_unique<Worker>(database, kafka, clock, name, options, services, make_stores(),
                                  hints);
}

std::int32_t World::lane_of(const std::string& event) const {
  return contract::partition_of(contract::Partitioner::murmur2, event, kPartitions);
}

base::Position World::send(const std::string& event, const Sent& sent,
                           std::optional<std::int32_t> partition, base::TopicId topic) {
  StoredRecord record;
  record.timestamp = clock.wall + broker_ahead;
  record.key = event;
  record.value = sent.data;
  record.headers = {{"ce_specversion", "1.0"},    {"ce_id", sent.id},
                    {"ce_source", "test"},        {"ce_type", sent.type},
                    {"ce_tenantid", sent.tenant}, {"content-type", "application/json"}};
  if (!sent.key.empty()) record.headers.push_back({"ce_idempotencykey", sent.key});
  if (!sent.expiry.empty()) record.headers.push_back({"ce_expirytime", sent.expiry});
  return kafka.append({topic, partition.value_or(lane_of(event))}, std::move(record));
}

void World::turn(Worker& worker, int rounds, base::Duration each) {
  for (int i = 0; i < rounds; ++i) {
    worker.turn();
    clock.pass(each);
    database.now = clock.wall + database_ahead;
    time_passed();
  }
}

std::vector<base::TopicPartition> World::all_lanes() {
  std::vector<base::TopicPartition> all;
  for (std::int32_t p = 0; p < kPartitions; ++p) all.push_back({0, p});
  return all;
}

std::vector<std::string> World::codes(std::int32_t lane) const {
  std::vector<std::string> all;
  if (!kafka.outcomes.contains(lane)) return all;
  for (const auto& record : kafka.outcomes.at(lane)) {
    bool replayed = false;
    for (const auto& header : record.headers)
      replayed = replayed || header.name == "ce_idempotencyreplayed";
    const auto& value = *record.value;
    const auto begin = value.find("\"code\":\"") + 8;
    all.push_back((replayed ? "=" : "") + value.substr(begin, value.find('"', begin) - begin));
  }
  return all;
}

Sent create_event(const std::string& event, int capacity, const std::string& key) {
  return {
      .type = "ticketing.event.create.v1",
      .data = fmt::format(
          R"({{"eventId":"{}","venueId":"v-1","name":"Show {}","startsAt":"2031-01-01T19:00:00Z",)"
          R"("endsAt":"2031-01-01T22:00:00Z","timezone":"Europe/Berlin","sections":[{{"sectionId":"a",)"
          R"("name":"A","capacity":{},"priceMinor":1000,"currency":"EUR"}}]}})",
          event, event, capacity),
      .key = key};
}

Sent hold(const std::string& event, int quantity, const std::string& key,
          const std::string& reservation) {
  const auto id = reservation.empty() ? "" : fmt::format(R"("reservationId":"{}",)", reservation);
  return {
      .type = "ticketing.reservation.create.v1",
      .data = fmt::format(
          R"({{{}"eventId":"{}","customerId":"cust-1","items":[{{"sectionId":"a","quantity":{}}}]}})",
          id, event, quantity),
      .key = key};
}

Sent confirm(const std::string& event, const std::string& reservation, const std::string& key) {
  return {
      .type = "ticketing.reservation.confirm.v1",
      .data = fmt::format(R"({{"eventId":"{}","reservationId":"{}","paymentReference":"pay-1"}})",
                          event, reservation),
      .key = key};
}

Sent cancel_event(const std::string& event, const std::string& key) {
  return {.type = "ticketing.event.cancel.v1",
          .data = fmt::format(R"({{"eventId":"{}","reason":"storm"}})", event),
          .key = key};
}

}  // namespace admitone::simulation
