#pragma once
// Whole workers on fakes, single-threaded, with a virtual clock: for tests of the engine.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/engine.hpp"
#include "simulation/pipeline/fake_database.hpp"
#include "simulation/pipeline/fake_kafka.hpp"

namespace admitone::simulation {

inline constexpr std::int32_t kPartitions = 4;
inline const std::string kTenant = "7f1d0000-0000-4000-8000-000000000001";

// A command as JSON `data`, with what its envelope says.
struct Sent {
  std::string type;
  std::string data;
  std::string key;  // idempotency key; empty: none
  std::string id = "c-1";
  std::string expiry = "";
  std::string tenant = kTenant;
};

// Instead of the fake ones.
struct Stores {
  std::unique_ptr<ports::LaneStore> pipeline;
  std::unique_ptr<ports::LaneStore> publisher;
};

// One worker: an engine stepped by hand.
struct Worker {
  Worker(FakeDatabase& database, FakeKafka& kafka, FakeClock& clock, const std::string& name,
         pipeline::EngineOptions options, saga::Services services = {}, Stores stores = {},
         ports::KeyHints* hints = nullptr);
  // A round of everything that would be a thread.
  void turn();
  FakeStore store;
  FakeStore publisher_store;
  Stores stores;
  FakeSource source;
  FakeLog log;
  FakeSender sender;
  FakeMeters meters;
  pipeline::Engine engine;
};

class World {
 public:
  World();
  std::unique_ptr<Worker> worker(const std::string& name);
  pipeline::EngineOptions options;
  FakeDatabase database;
  base::Duration database_ahead{};  // its clock, of everybody's
  base::Duration broker_ahead{};    // for what is sent
  FakeKafka kafka;
  FakeClock clock;
  saga::Services services;
  ports::KeyHints* hints = nullptr;
  std::function<void()> time_passed = [] {};  // to everything else
  std::function<Stores()> make_stores = [] { return Stores{}; };

  // Appends to the partition that murmur2 gives the event (or to `partition`).
  base::Position send(const std::string& event, const Sent& sent,
                      std::optional<std::int32_t> partition = {}, base::TopicId topic = 0);
  [[nodiscard]] std::int32_t lane_of(const std::string& event) const;
  void turn(Worker& worker, int rounds = 40, base::Duration each = std::chrono::milliseconds{50});
  static std::vector<base::TopicPartition> all_lanes();
  // Codes of a lane's outcomes in the log, in order; replays are prefixed with "=".
  [[nodiscard]] std::vector<std::string> codes(std::int32_t lane) const;
};

// Commands about an event with one section "a".
Sent create_event(const std::string& event, int capacity, const std::string& key);
Sent hold(const std::string& event, int quantity, const std::string& key,
          const std::string& reservation = "");
Sent confirm(const std::string& event, const std::string& reservation, const std::string& key);
Sent cancel_event(const std::string& event, const std::string& key);

}  // namespace admitone::simulation
