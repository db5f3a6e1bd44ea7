// The pure path of one command: bytes to a decided, numbered, rendered outcome, without servers.
// Counts allocations too. With --count BATCHES it measures no time and prints what bench/budget
// compares with its limits.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <new>
#include <random>

#include "contract/outcome.hpp"
#include "pipeline/unit_runner.hpp"

namespace {
std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* made = std::malloc(size)) return made;  // NOLINT
  throw std::bad_alloc();
}
void operator delete(void* made) noexcept {
  std::free(made);  // NOLINT
}
void operator delete(void* made, std::size_t) noexcept {
  std::free(made);  // NOLINT
}

namespace admitone::pipeline {
namespace {

constexpr std::size_t kBatch = 1000;
constexpr std::size_t kEvents = 10'000;
const std::string kTenant = "11111111-1111-4111-8111-111111111111";

std::string event_text(std::size_t n) {
  return fmt::format("0a000000-0000-4000-8000-{:012}", n);
}

base::Record record_of(std::int64_t offset, const std::string& key, const std::string& value,
                       const std::vector<base::Header>& headers) {
  base::Record out;
  out.position = {0, 0, offset};
  out.timestamp = base::from_unix_millis(1'800'000'000'000 + offset);
  std::size_t bytes = key.size() + value.size();
  for (const auto& header : headers) bytes += header.name.size() + header.value.size();
  out.storage = std::make_unique<char[]>(bytes);
  out.bytes = bytes;
  char* at = out.storage.get();
  const auto keep = [&](std::string_view text) {
    std::copy(text.begin(), text.end(), at);
    const std::string_view kept(at, text.size());
    at += text.size();
    return kept;
  };
  out.key = keep(key);
  out.value = keep(value);
  for (const auto& header : headers)
    out.headers.push_back({keep(header.name), keep(header.value), false});
  return out;
}

// As producers of performance.md, W1, send it.
base::Record hold(std::int64_t offset, std::mt19937_64& dice) {
  const auto event = event_text(dice() % kEvents);
  const auto id = fmt::format("0b{:06x}-0000-4000-8000-{:012}", dice() % 0xFFFFFF, offset);
  const auto value = fmt::format(
      R"({{"eventId":"{}","reservationId":"{}","customerId":"customer-{}","items":[{{"sectionId":"A","quantity":1}}],"holdSeconds":3600}})",
      event, id, offset % 1000);
  return record_of(offset, event, value,
                   {{"ce_id", fmt::format("bench-{}", offset)},
                    {"ce_source", "/bench"},
                    {"ce_specversion", "1.0"},
                    {"ce_type", "ticketing.reservation.create.v1"},
                    {"ce_tenantid", kTenant},
                    {"ce_idempotencykey", fmt::format("key-{}", offset)},
                    {"content-type", "application/json"}});
}

// A database that knows the events and nothing else, and takes everything.
class Store final : public ports::LaneStore {
 public:
  base::Result<ports::UnitReads> open(const ports::UnitQuery& query) override {
    ports::UnitReads reads;
    reads.part = 1;
    reads.database_now = base::from_unix_millis(1'800'000'000'000);
    for (const auto& key : query.events) {
      domain::Event event;
      event.tenant = key.tenant;
      event.id = key.event;
      event.status = domain::EventStatus::on_sale;
      event.version = event.row_version = 1;
      event.venue_id = "hall";
      event.name = event.name_folded = event.slug = "concert";
      event.timezone = "Europe/Vienna";
      event.starts_at = event.ends_at = base::from_unix_millis(1'900'000'000'000);
      for (const char* name : {"A", "B"}) {
        domain::Section section;
        section.section_id = section.name = name;
        section.capacity = 1'000'000'000;
        section.price_minor = 2500;
        section.currency = "EUR";
        section.row_version = 1;
        event.sections.push_back(section);
      }
      reads.events.push_back(std::move(event));
    }
    return reads;
  }
  base::Result<ports::UnitReport> commit(const ports::UnitWrites& writes,
                                         const Meanwhile&) override {
    benchmark::DoNotOptimize(writes.rows.data());
    return ports::UnitReport{};
  }
  base::Result<ports::UnitReads> more(const ports::UnitQuery&) override {
    return ports::UnitReads{};
  }
  base::Result<std::vector<ports::ClaimAnswer>> claims(
      const std::vector<ports::ClaimQuery>&) override {
    return std::vector<ports::ClaimAnswer>{};
  }
  void rollback() override {}
  base::Result<std::vector<ports::TakenLane>> take(std::span<const base::TopicPartition>,
                                                   const std::string&) override {
    return std::vector<ports::TakenLane>{};
  }
  base::Result<ports::LaneWork> load_work(base::TopicPartition) override {
    return ports::LaneWork{};
  }
  base::Result<std::vector<ports::UnpublishedOutcome>> load_unpublished(base::TopicPartition,
                                                                        std::int64_t, std::int32_t,
                                                                        std::int64_t) override {
    return std::vector<ports::UnpublishedOutcome>{};
  }
  base::Result<std::vector<ports::PendingDeadLetter>> load_dead_letters(
      base::TopicPartition) override {
    return std::vector<ports::PendingDeadLetter>{};
  }
  base::Result<std::vector<ports::DueHold>> due_holds(std::int32_t, base::Timestamp,
                                                      std::int32_t) override {
    return std::vector<ports::DueHold>{};
  }
  base::Status give_back(std::span<const ports::GivenLane>) override { return {}; }
  base::Result<std::vector<ports::Saga>> load_sagas(base::TopicPartition,
                                                    std::optional<base::SagaId>,
                                                    std::int32_t) override {
    return std::vector<ports::Saga>{};
  }
  base::Result<std::optional<ports::AuditedAction>> pending_action(base::TopicPartition,
                                                                   base::TenantId,
                                                                   base::Uuid) override {
    return std::optional<ports::AuditedAction>{};
  }
  base::Result<std::int32_t> count_transition(base::TopicPartition, std::int64_t, base::TenantId,
                                              base::SagaId) override {
    return 1;
  }
  base::Result<base::Timestamp> database_now() override { return base::Timestamp{}; }
  base::Result<std::int64_t> lane_epoch(base::TopicPartition) override { return 1; }
  base::Result<ports::Attempt> count_attempt(base::TopicPartition, std::int64_t,
                                             std::int64_t) override {
    return ports::Attempt{1, false};
  }
  base::Status note_timers(std::span<const ports::TimerRun>) override { return {}; }
  base::Status note_read(base::TopicPartition, std::int64_t, std::int64_t) override { return {}; }
};

class Source final : public ports::RecordSource {
 public:
  void start(base::TopicPartition, std::int64_t) override {}
  void pause(base::TopicPartition) override {}
  void resume(base::TopicPartition) override {}
  void ask_end(base::TopicPartition, base::Instant) override {}
  [[nodiscard]] std::optional<std::int64_t> log_end(base::TopicPartition) const override {
    return {};
  }
  void poll(std::chrono::milliseconds) override {}
  [[nodiscard]] bool in_group() const override { return true; }
  [[nodiscard]] std::size_t unannounced() const override { return 0; }
  void close(std::chrono::milliseconds) override {}
};

class Sender final : public ports::CommandSender {
 public:
  base::Status send(std::span<const ports::OutgoingRecord>) override { return {}; }
};

class Meters final : public ports::Meters {
 public:
  void add(ports::Counter, std::string_view, double) override {}
  void set(ports::Gauge, std::string_view, double) override {}
  void observe(ports::Histogram, double) override {}
};

class Clock final : public ports::Clock {
 public:
  [[nodiscard]] base::Timestamp now() const override {
    return base::from_unix_millis(1'800'000'000'000);
  }
  [[nodiscard]] base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

EngineOptions options() {
  EngineOptions out;
  out.topic_names = {{0, "ticketing.commands"}};
  out.partitions = 1;
  out.forward_secret = std::string(32, 's');
  out.group_id = "bench";
  return out;
}

struct Path {
  Path() : queue(std::make_shared<LaneQueue>(lane.tp, 1, source, wake, 1000, 1 << 20)) {
    lane.queue = queue;
  }
  std::vector<base::Record> records() {
    std::vector<base::Record> out;
    out.reserve(kBatch);
    for (std::size_t i = 0; i < kBatch; ++i) out.push_back(hold(next++, dice));
    return out;
  }
  void fill(std::vector<base::Record>&& records) {
    for (auto& record : records) lane.pending.push_back(prepare(std::move(record), opts));
  }
  // One unit of work; it takes what it may read events for.
  void run_unit() {
    LaneShare share;
    share.lane = &lane;
    share.items = lane.pending.size();
    std::vector<LaneShare> shares;
    shares.push_back(std::move(share));
    if (runner.run(shares).end != RunEnd::committed) std::abort();
  }
  void decide() {
    run_unit();
    if (!lane.pending.empty()) std::abort();
  }
  // Until all events are in memory.
  void warm_up() {
    for (int i = 0; i < 40; ++i) {
      fill(records());
      while (!lane.pending.empty()) run_unit();
    }
    last = {};
  }
  // What the publisher makes of it.
  void encode() {
    for (const auto& published : last.outcomes)
      contract::each_outcome_header(*published.outcome, 0, published.seq,
                                    [](std::string_view name, std::string_view value) {
                                      benchmark::DoNotOptimize(name.data());
                                      benchmark::DoNotOptimize(value.data());
                                    });
    if (last.outcomes.size() != kBatch) std::abort();
    last = {};
  }

  EngineOptions opts = options();
  std::mt19937_64 dice{1};
  std::int64_t next = 0;
  Source source;
  Wake wake;
  Lane lane{{0, 0}, opts};
  std::shared_ptr<LaneQueue> queue;
  Store store;
  Sender sender;
  Meters meters;
  Clock clock;
  Publication last;
  saga::Runner sagas{{}, {.services = {}, .random = dice}};
  SagaClock saga_clock;
  UnitRunner runner{opts,
                    {.store = store,
                     .sender = sender,
                     .meters = meters,
                     .clock = clock,
                     .sagas = sagas,
                     .saga_clock = saga_clock,
                     .publish = [this](Publication&& p) { last = std::move(p); },
                     .meanwhile = {}}};
};

enum class Stage { prepare, decide, encode };

void run(benchmark::State& state, Stage measured) {
  Path path;
  path.warm_up();
  std::size_t allocated = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto records = path.records();
    const auto stage = [&](Stage which, auto&& work) {
      const auto before = allocations;
      if (which == measured) state.ResumeTiming();
      work();
      if (which == measured) {
        state.PauseTiming();
        allocated += allocations - before;
      }
    };
    stage(Stage::prepare, [&] { path.fill(std::move(records)); });
    stage(Stage::decide, [&] { path.decide(); });
    stage(Stage::encode, [&] { path.encode(); });
    state.ResumeTiming();
  }
  const auto commands = static_cast<double>(state.iterations()) * kBatch;
  state.SetItemsProcessed(static_cast<std::int64_t>(commands));
  state.counters["allocations_per_command"] = static_cast<double>(allocated) / commands;
}
// Valgrind counts the instructions of this function alone (bench/budget).
[[gnu::noinline]] void whole_path(Path& path, std::vector<base::Record>&& records) {
  path.fill(std::move(records));
  path.decide();
  path.encode();
}

int count(int batches) {
  Path path;
  path.warm_up();
  std::size_t allocated = 0;
  for (int i = 0; i < batches; ++i) {
    auto records = path.records();
    const auto before = allocations;
    whole_path(path, std::move(records));
    allocated += allocations - before;
  }
  const auto commands = static_cast<std::size_t>(batches) * kBatch;
  fmt::print("{} commands, {:.1f} allocations each\n", commands,
             static_cast<double>(allocated) / static_cast<double>(commands));
  return 0;
}

BENCHMARK_CAPTURE(run, prepare, Stage::prepare)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, decide, Stage::decide)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(run, encode, Stage::encode)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace admitone::pipeline

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--count")
    return admitone::pipeline::count(std::atoi(argv[2]));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
