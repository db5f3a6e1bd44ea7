// One unit of work of unique holds against a real database, as the worker's role: the time of one
// command, and the CPU its backend spends on it; with --count UNITS what does not depend on the
// machine's speed: statements and WAL. Needs the ADMITONE_DATABASE_… variables of
// scripts/stack; makes a schema of its own and drops it.
#include <benchmark/benchmark.h>
#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>

#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/lane_store.hpp"
#include "postgres/migrator.hpp"
#include "postgres/queries.hpp"
#include "postgres/scratch.hpp"
#include "postgres/views.hpp"

namespace admitone::postgres {
namespace {

constexpr std::size_t kEvents = 10'000;
constexpr std::int32_t kLanes = 12;

class SystemClock final : public ports::Clock {
 public:
  [[nodiscard]] base::Timestamp now() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

[[noreturn]] void stop(const std::string& why) {
  std::cerr << "bench_statements: " << why << '\n';
  std::exit(1);
}

template <class T>
T must(base::Result<T> result) {
  if (!result) stop(result.error().message);
  return std::move(*result);
}

std::string url(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    stop(std::string(name) + " is not set: eval the lines of scripts/stack env");
  return value;
}

base::Uuid random_uuid(std::mt19937_64& dice) {
  base::Uuid id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(dice());
  return id;
}

// Nanoseconds of CPU that all PostgreSQL processes of this machine have used so far.
std::int64_t postgres_cpu() {
  std::int64_t total = 0;
  DIR* proc = opendir("/proc");
  while (const auto* entry = readdir(proc)) {
    const std::string folder = std::string("/proc/") + static_cast<const char*>(entry->d_name);
    std::string name;
    if (!std::getline(std::ifstream(folder + "/comm"), name) || name != "postgres") continue;
    std::int64_t nanoseconds = 0;
    if (std::ifstream(folder + "/schedstat") >> nanoseconds) total += nanoseconds;
  }
  closedir(proc);
  return total;
}

class Statements final : public ports::Meters {
 public:
  void add(ports::Counter counter, std::string_view, double n) override {
    if (counter == ports::Counter::database_statements) sent += n;
  }
  void set(ports::Gauge, std::string_view, double) override {}
  void observe(ports::Histogram, double) override {}
  double sent = 0;
};

class Database {
 public:
  Database() {
    settings_.url = url("ADMITONE_DATABASE_URL");
    settings_.schema = "test_bench_" + std::to_string(getpid());
    settings_.application_name = "admitone bench";
    owner_ = settings_;
    owner_.url = url("ADMITONE_DATABASE_OWNER_URL");
    MigratorOptions options;
    options.connection = owner_;
    must(Migrator(options).up());
  }
  ~Database() { static_cast<void>(drop_schema(owner_)); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] std::unique_ptr<LaneStore> store(ports::Meters* meters) const {
    LaneStoreOptions options;
    options.meters = meters;
    options.connection = settings_;
    return std::make_unique<LaneStore>(options, clock_);
  }

  // Of the whole server, so far.
  struct Wal {
    std::int64_t bytes = 0;
    std::int64_t full_page_images = 0;
  };
  [[nodiscard]] Wal wal() const {
    ViewSettings reader;
    reader.url = url("ADMITONE_DATABASE_READER_URL");
    reader.schema = settings_.schema;
    auto views = must(Views::open(reader));
    const auto row = must(views.query(queries::server_load())).rows.at(0);
    return {integer(row[1]), integer(row[3])};
  }

 private:
  SystemClock clock_;
  ConnectionSettings settings_;
  ConnectionSettings owner_;
};

// One owner of all lanes, and events to hold seats of.
class Bench {
 public:
  explicit Bench(const Database& database, ports::Meters* meters = nullptr)
      : store_(database.store(meters)) {
    tenant_.value = random_uuid(dice_);
    std::vector<base::TopicPartition> all;
    for (std::int32_t lane = 0; lane < kLanes; ++lane) all.push_back({0, lane});
    lanes_ = must(store_->take(all, "bench"));
    for (std::size_t from = 0; from < kEvents; from += 1000) add_events(from, from + 1000);
  }

  void unit(std::size_t holds) {
    ports::UnitQuery query;
    query.tenants = {tenant_};
    ports::UnitWrites writes;
    std::map<std::size_t, std::int64_t> seats;
    for (std::size_t i = 0; i < holds; ++i) {
      const auto lane = static_cast<std::size_t>(dice_() % kLanes);
      const auto event = (dice_() % (kEvents / kLanes)) * kLanes + lane;
      writes.rows.push_back(row(lane, event));
      writes.reservations.push_back({hold(lane, event), 0});
      seats[event] += 1;
      query.keys.push_back(writes.rows.back().key);
      query.reservations.push_back({tenant_, writes.reservations.back().reservation.id});
    }
    for (const auto& [event, held] : seats)
      writes.sections.push_back({{tenant_, events_[event]},
                                 static_cast<std::int32_t>(event % kLanes),
                                 "A",
                                 held,
                                 0,
                                 versions_[event]});
    const auto reads = must(store_->open(query));
    if (!reads.keys.empty()) stop("a random key was there already");
    commit(writes, reads.part);
    for (const auto& [event, held] : seats) versions_[event] += 1;
  }

 private:
  void add_events(std::size_t from, std::size_t to) {
    ports::UnitQuery query;
    query.tenants = {tenant_};
    const auto reads = must(store_->open(query));
    ports::UnitWrites writes;
    for (auto n = from; n < to; ++n) {
      domain::Event event;
      event.tenant = tenant_;
      event.id.value = random_uuid(dice_);
      event.lane = static_cast<std::int32_t>(n % kLanes);
      event.status = domain::EventStatus::on_sale;
      event.version = 1;
      event.venue_id = "hall";
      event.name = event.name_folded = event.slug = "concert-" + std::to_string(n);
      event.starts_at = now();
      event.ends_at = now();
      event.timezone = "Europe/Vienna";
      domain::Section section;
      section.section_id = section.name = "A";
      section.capacity = 1'000'000'000;
      section.price_minor = 2500;
      section.currency = "EUR";
      event.sections.push_back(section);
      events_.push_back(event.id);
      versions_.push_back(1);
      writes.events.push_back({std::move(event), 0});
    }
    commit(writes, reads.part);
  }

  void commit(ports::UnitWrites& writes, std::int32_t part) {
    writes.part = part;
    for (const auto& lane : lanes_)
      writes.lanes.push_back({lane.tp, lane.epoch, lane.unit, offset_,
                              out_seq_[static_cast<std::size_t>(lane.tp.partition)], now(), 0, 0,
                              false});
    const auto report = must(store_->commit(writes));
    if (report.end != ports::UnitEnd::committed) stop("a unit was refused");
    for (auto& lane : lanes_) lane.unit += 1;
  }

  ports::LedgerRow row(std::size_t lane, std::size_t event) {
    ports::LedgerRow row;
    row.key = {tenant_, base::KeyHash{random_uuid(dice_)}};
    row.lane = static_cast<std::int32_t>(lane);
    row.position = base::Position{0, row.lane, ++offset_};
    row.owns_key = true;
    row.type = domain::CommandType::reservation_create;
    row.command_id = "command-" + std::to_string(offset_);
    row.command_source = "/bench";
    row.idempotency_key = "key-" + std::to_string(offset_);
    row.event = events_[event];
    row.decided_at = now();
    row.completed_at = row.expires_at = row.outcome_time = now();
    row.out_seq = ++out_seq_[lane];
    row.outcome_id = base::OutcomeId{random_uuid(dice_)};
    row.outcome_type = domain::OutcomeType::reservation_held;
    row.code = domain::Code::reservation_held;
    row.outcome_value = std::string(400, 'x');
    return row;
  }

  domain::Reservation hold(std::size_t lane, std::size_t event) {
    domain::Reservation hold;
    hold.tenant = tenant_;
    hold.id.value = random_uuid(dice_);
    hold.event = events_[event];
    hold.lane = static_cast<std::int32_t>(lane);
    hold.version = hold.hold_version = 1;
    hold.customer_id = "customer-1234";
    hold.items.push_back({"A", 1, 2500});
    hold.currency = "EUR";
    hold.total_minor = 2500;
    hold.expires_at = now() + std::chrono::minutes(10);
    return hold;
  }

  base::Timestamp now() const { return clock_.now(); }

  SystemClock clock_;
  std::mt19937_64 dice_{1};
  std::unique_ptr<LaneStore> store_;
  std::vector<ports::TakenLane> lanes_;
  base::TenantId tenant_;
  std::vector<base::EventId> events_;
  std::vector<std::int64_t> versions_;
  std::int64_t offset_ = 0;
  std::array<std::int64_t, kLanes> out_seq_{};
};

void holds(benchmark::State& state) {
  static const Database database;
  static Bench bench(database);
  const auto batch = static_cast<std::size_t>(state.range(0));
  for (int i = 0; i < 3; ++i) bench.unit(batch);
  const auto before = postgres_cpu();
  for (auto _ : state) bench.unit(batch);
  const auto commands = static_cast<double>(state.iterations()) * static_cast<double>(batch);
  state.counters["postgres_us_per_command"] =
      static_cast<double>(postgres_cpu() - before) / 1000 / commands;
  state.SetItemsProcessed(static_cast<std::int64_t>(commands));
}
BENCHMARK(holds)
    ->Arg(100)
    ->Arg(500)
    ->Arg(1000)
    ->Arg(2000)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// The same units of work each time. Pages that were made since the last checkpoint are not logged
// whole, so begin with one.
int count(int units) {
  constexpr std::size_t kBatch = 1000;
  constexpr int kWarmUp = 5;
  const Database database;
  Statements statements;
  Bench bench(database, &statements);
  for (int i = 0; i < kWarmUp; ++i) bench.unit(kBatch);
  statements.sent = 0;
  const auto before = database.wal();
  for (int i = 0; i < units; ++i) bench.unit(kBatch);
  const auto after = database.wal();
  fmt::print(
      "{:.2f} statements a unit, {:.1f} bytes of WAL a command, {} full-page images\n",
      statements.sent / units,
      static_cast<double>(after.bytes - before.bytes) / (static_cast<double>(kBatch) * units),
      after.full_page_images - before.full_page_images);
  return 0;
}

}  // namespace
}  // namespace admitone::postgres

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--count")
    return admitone::postgres::count(std::max(1, std::atoi(argv[2])));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
