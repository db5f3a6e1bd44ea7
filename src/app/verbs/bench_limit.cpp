#include "app/verbs/bench_limit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <variant>

#include "app/verbs/bench_run.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "base/assert.hpp"
#include "contract/outcome.hpp"
#include "postgres/lane_store.hpp"
#include "postgres/queries.hpp"

namespace admitone::app::bench {

namespace {

constexpr base::TopicId kTopic = 0;
constexpr std::chrono::hours kKept{24 * 7};

base::Record view_of(const ports::OutgoingRecord& from) {
  base::Record record;
  record.key = *from.key;
  record.value = *from.value;
  for (const auto& header : from.headers) {
    record.headers.push_back({header.name, header.value, header.null});
  }
  record.bytes = record.key->size() + record.value->size();
  return record;
}

}  // namespace

LimitPlan::LimitPlan(LimitOptions options)
    : options_(std::move(options)),
      lanes_(static_cast<std::size_t>(options_.partitions)),
      shares_(options_.pipelines) {
  for (std::int32_t i = 0; i < options_.partitions; ++i) {
    shares_[static_cast<std::size_t>(i) % shares_.size()].lanes.push_back(i);
  }
}

std::vector<LimitShare> LimitPlan::make(Input& input) {
  ports::OutgoingRecord record;
  std::int64_t made = 0;
  while (input.next(record)) {
    if (made++ == input.event_creations()) {
      for (std::int32_t i = 0; i < options_.partitions; ++i) flush(i);
    }
    add(record, contract::partition_of(options_.partitioner, *record.key, options_.partitions));
  }
  for (std::int32_t i = 0; i < options_.partitions; ++i) flush(i);
  return std::move(shares_);
}

void LimitPlan::add(const ports::OutgoingRecord& record, std::int32_t partition) {
  const auto decoded = contract::decode(view_of(record), {});
  const auto& command = std::get<contract::DecodedCommand>(decoded.body);
  Lane& lane = lanes_[static_cast<std::size_t>(partition)];
  tenant_ = command.envelope.tenant;
  domain::View view;
  const auto found = lane.events.find(command.event);
  if (found != lane.events.end()) view.event = &found->second;
  view.tenant = tenant_;
  view.payload = command.payload;
  view.now = options_.now;
  view.lane = partition;
  auto decision = domain::decide(command.command, view, {});
  ADMITONE_ASSERT(decision.status == domain::CommandStatus::completed);

  ports::LedgerRow row;
  row.key = {tenant_, command.key};
  row.lane = partition;
  row.position = base::Position{kTopic, partition, lane.next_offset++};
  row.owns_key = true;
  row.type = domain::type_of(command.command);
  row.key_source = command.key_source;
  row.payload = command.payload;
  row.command_id = command.envelope.id;
  row.command_source = command.envelope.source;
  row.idempotency_key = command.envelope.idempotency_key;
  row.event = command.event;
  row.decided_at = options_.now;
  row.completed_at = options_.now;
  row.expires_at = options_.now + kKept;
  row.out_seq = ++lane.out_seq;
  row.outcome_type = decision.type;
  row.code = decision.code;
  row.outcome_time = options_.now;
  row.outcome_id =
      contract::outcome_id(contract::position_text(options_.topic, partition, row.position->offset),
                           decision.type, command.event.str());
  row.outcome_value = contract::render_outcome(
      command.envelope, decision, decision.event ? &*decision.event : nullptr,
      decision.reservation ? &*decision.reservation : nullptr);
  lane.writes.rows.push_back(std::move(row));
  for (const auto& delta : decision.deltas) {
    lane.held[{command.event, delta.section}] += delta.held;
    lane.events.at(command.event).sections[delta.section].held += delta.held;
  }
  if (decision.event) {
    lane.writes.events.push_back({*decision.event, 0});
    lane.events.emplace(command.event, *decision.event);
  }
  if (lane.writes.rows.size() >= options_.batch) flush(partition);
}

void LimitPlan::flush(std::int32_t partition) {
  Lane& lane = lanes_[static_cast<std::size_t>(partition)];
  if (lane.writes.rows.empty()) return;
  for (const auto& [section, held] : lane.held) {
    const auto& [event, index] = section;
    // A section begins at version 1 and goes up by one with every unit that touches it.
    std::int64_t& version = lane.versions.try_emplace(section, 1).first->second;
    lane.writes.sections.push_back({{tenant_, event},
                                    partition,
                                    lane.events.at(event).sections[index].section_id,
                                    held,
                                    0,
                                    version++});
  }
  ports::LaneAdvance advance;
  advance.tp = {kTopic, partition};
  advance.next_offset = lane.next_offset;
  advance.out_seq = lane.out_seq;
  advance.lane_time = options_.now;
  lane.writes.lanes.push_back(advance);
  auto& share = shares_[static_cast<std::size_t>(partition) % shares_.size()];
  auto& units = lane.writes.events.empty() ? share.holds : share.events;
  units.push_back({partition, std::exchange(lane.writes, {})});
  lane.held.clear();
}

namespace {

// One pipeline: its connection and what it knows of its lanes.
class Writer {
 public:
  Writer(const Settings& settings, const ports::Clock& clock, const LimitShare& share)
      : store_({connection_settings(settings, settings.database.url, "bench limit")}, clock) {
    std::vector<base::TopicPartition> lanes;
    for (const auto lane : share.lanes) lanes.push_back({kTopic, lane});
    for (auto& taken : must(store_.take(lanes, "bench"))) {
      lanes_[taken.tp.partition] = std::move(taken);
    }
  }

  // Stops at the first trouble, which `failure` then tells.
  void write(std::vector<LimitUnit>& units, const std::function<bool()>& stop) {
    for (auto& unit : units) {
      if (failure_ || stop()) return;
      ports::TakenLane& lane = lanes_.at(unit.lane);
      ports::UnitQuery query;
      query.lane_hint = unit.lane;
      query.tenants = {unit.writes.rows.front().key.tenant};
      const auto opened = store_.open(query);
      if (!opened) return fail(opened.error().message);
      unit.writes.part = opened->part;
      unit.writes.lanes.front().epoch = lane.epoch;
      unit.writes.lanes.front().unit = lane.unit;
      const auto report = store_.commit(unit.writes);
      if (!report) return fail(report.error().message);
      if (report->end != ports::UnitEnd::committed) return fail("a unit of work was turned away");
      ++lane.unit;
    }
  }
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }

 private:
  void fail(const std::string& what) { failure_ = what; }

  postgres::LaneStore store_;
  std::map<std::int32_t, ports::TakenLane> lanes_;
  std::optional<std::string> failure_;
};

}  // namespace

Figures Run::limit(Input& input, std::int64_t batch) {
  const Settings& settings = stage_.settings();
  LimitOptions options;
  options.partitions = static_cast<std::int32_t>(plan_.partitions);
  options.pipelines = static_cast<std::size_t>(settings.worker.pipelines);
  options.batch = static_cast<std::size_t>(batch);
  options.topic = settings.kafka.command_topics.front();
  options.now = clock_.now();
  context_.err << "  making the rows\n" << std::flush;
  auto shares = LimitPlan(options).make(input);
  std::vector<std::unique_ptr<Writer>> writers;
  std::int64_t units = 0;
  for (const auto& share : shares) {
    writers.push_back(std::make_unique<Writer>(settings, clock_, share));
    units += static_cast<std::int64_t>(share.holds.size());
  }
  const auto write = [&](std::vector<LimitUnit> LimitShare::*which) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < writers.size(); ++i) {
      threads.emplace_back([&, i] { writers[i]->write(shares[i].*which, context_.interrupted); });
    }
    threads.clear();  // joins
    if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
    for (const auto& writer : writers) {
      if (writer->failure()) throw VerbError(kFailed, "limit: " + *writer->failure());
    }
  };
  write(&LimitShare::events);
  const auto server_before = server_load();
  const Usage before = usage();
  const auto began = clock_.steady();
  write(&LimitShare::holds);
  const auto ended = clock_.steady();
  const Usage after = usage();
  const std::int64_t holds = input.records() - input.event_creations();
  Figures figures = finish({holds, holds, 0, 0}, before, after, server_before);
  check_rows(holds, input.records());
  figures.cpu.workers = figures.cpu.bench;
  figures.cpu.bench = 0;
  figures.cpu.broker.reset();
  figures.kafka_transactions.reset();
  figures.units = static_cast<double>(units);
  figures.mean_batch =
      static_cast<double>(holds) / static_cast<double>(std::max<std::int64_t>(1, units));
  figures.audited = holds;
  figures.seconds = std::chrono::duration<double>(ended - began).count();
  return figures;
}

void Run::check_rows(std::int64_t holds, std::int64_t rows) {
  postgres::ViewSettings reader;
  reader.url = stage_.settings().database.reader_url;
  reader.schema = stage_.settings().database.schema;
  auto views = must(postgres::Views::open(reader));
  const auto progress = ask(views, postgres::queries::progress());
  const auto sections = ask(views, postgres::queries::sections_by_event());
  std::int64_t held = 0;
  for (std::size_t i = 0; i < sections.rows.size(); ++i) {
    held += cell(sections, i, "held").get<std::int64_t>();
  }
  const std::int64_t written = postgres::integer(progress.rows.at(0)[0]);
  if (held == holds && written == rows) return;
  throw VerbError(kNotMet, fmt::format("{}: {} seats are held and {} records have a row, not {} "
                                       "and {}, so it has no figure",
                                       plan_.workload, held, written, holds, rows));
}

}  // namespace admitone::app::bench
