#include "pipeline/unit_runner.hpp"

#include <algorithm>
#include <exception>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "contract/codes.hpp"

namespace admitone::pipeline {
namespace {

using base::failpoint::hit;
using base::failpoint::mutant;

constexpr std::chrono::milliseconds kSetAside{500};

double seconds(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string label_of(std::optional<domain::CommandType> type, domain::CommandStatus status) {
  std::string label(type ? contract::type_name(*type) : std::string_view("unknown"));
  return label.append("/").append(contract::name_of(status));
}

std::vector<base::SagaId> ids_of(const LaneShare& share) {
  std::vector<base::SagaId> ids;
  ids.reserve(share.transitions.size());
  for (const auto& transition : share.transitions) ids.push_back(transition.saga.id);
  return ids;
}

void hit_of_sagas(const ports::UnitWrites& writes, const std::vector<LaneEffects>& effects) {
  if (writes.sagas.empty()) return;
  const auto any = [&](const auto& what) { return std::ranges::any_of(effects, what); };
  if (any([](const LaneEffects& fx) { return !fx.begun.empty(); })) hit("saga.began");
  if (any([](const LaneEffects& fx) { return fx.concluded; })) hit("saga.decided");
  hit("saga.written");
}

}  // namespace

UnitRunner::UnitRunner(const EngineOptions& options, World world)
    : options_(options), world_(std::move(world)), known_keys_(options.known_keys) {}

saga::Now UnitRunner::saga_now() const {
  return *world_.saga_clock.now(world_.clock.steady());  // (A unit is open, or was.)
}

bool UnitRunner::unproven(const std::vector<LaneEffects>& effects) {
  const auto any = [&](bool LaneEffects::*what) {
    return std::any_of(effects.begin(), effects.end(), [&](const auto& fx) { return fx.*what; });
  };
  const bool keys = any(&LaneEffects::unproven_keys);
  const bool reservations = any(&LaneEffects::unproven_reservations);
  if (keys) trust_in_keys_.disappointed();
  if (reservations) trust_in_reservations_.disappointed();
  return keys || reservations;
}

void UnitRunner::remember(const ports::UnitWrites& writes) {
  for (const auto& row : writes.rows) known_keys_.add(row.key);
  if (world_.hints != nullptr) {
    std::vector<ports::KeyHint> hints;
    for (const auto& row : writes.rows)
      if (row.owns_key) hints.push_back({row.key, row.payload, writes.part});
    if (!hints.empty()) world_.hints->remember(std::move(hints));
  }
  trust_in_keys_.unit_done();
  trust_in_reservations_.unit_done();
}

RunReport UnitRunner::failed(const base::Error& error) {
  world_.store.rollback();
  if (error.kind == base::ErrorKind::permanent) return {RunEnd::undecidable, {}, error.message};
  world_.meters.add(ports::Counter::units, "retried", 1);
  return {RunEnd::later, {}, error.message};
}

// Whatever ails the database about an operator's change: it is no worse than what else there is to
// decide, and the other lanes have nothing to do with it. This one has no part in the unit.
void UnitRunner::set_aside(LaneShare& share, const base::Error& why) {
  base::logger("pipeline")
      ->warn("lane {} waits: what an operator changes cannot be read: {}", share.lane->tp.partition,
             why.message);
  world_.meters.add(ports::Counter::units, "retried", 1);
  world_.sagas.rolled_back(ids_of(share));
  share.lane->not_before = world_.clock.steady() + kSetAside;
  LaneShare nothing;
  nothing.lane = share.lane;
  share = std::move(nothing);
}

RunReport UnitRunner::run(std::vector<LaneShare>& shares) {
  std::size_t left = shares.size();
  for (auto& share : shares) {
    const auto asked = change_sagas(share);
    if (asked.ok()) continue;
    set_aside(share, asked.error());
    --left;
  }
  if (left == 0) return {RunEnd::set_aside, {}, {}};
  recall(shares);
  // Each time that there is none, one kind of look-up more is not left out.
  for (;;) {
    auto report = attempt(shares);
    if (!report) continue;
    if (report->end != RunEnd::committed)
      for (const auto& share : shares) world_.sagas.rolled_back(ids_of(share));
    return std::move(*report);
  }
}

std::optional<RunReport> UnitRunner::attempt(std::vector<LaneShare>& shares) {
  const auto began = world_.clock.steady();
  Overlay overlay;
  ports::UnitWrites writes;
  std::vector<LaneEffects> effects;
  std::vector<ports::OutgoingRecord> forwards;
  std::size_t records = 0;
  std::optional<base::TopicPartition> deciding;
  const SagaRoom saga_room = [this](const auto& tenant) { return world_.sagas.room(tenant); };
  try {
    unreadable_.reset();
    if (auto read_all = read(shares, overlay); !read_all) {
      auto report = failed(read_all.error());
      report.cause = unreadable_;
      return report;
    }
    auto claims = ask_claims(shares, overlay);
    if (!claims) return failed(claims.error());
    refuse_changes(shares, overlay, *claims);
    writes.part = overlay.part();
    for (auto& share : shares) {
      auto& lane = *share.lane;
      deciding = lane.tp;
      auto& fx = effects.emplace_back();
      fx.lane = &lane;
      fx.next_offset = lane.next_offset;
      fx.out_seq = lane.out_seq;
      fx.lane_time = lane.lane_time;
      fx.park_order = lane.park_order;
      fx.parked = lane.parked;
      fx.draining = lane.draining;
      Decider decider(options_, overlay, *claims, saga_room, writes, fx);
      decider.run(share);
      share.taken = fx.items;
      records += share.taken;
      std::move(decider.forwards.begin(), decider.forwards.end(), std::back_inserter(forwards));
    }
  } catch (const std::exception& error) {
    world_.store.rollback();
    return RunReport{RunEnd::undecidable, {}, error.what(), deciding};
  }
  if (unproven(effects)) {
    world_.store.rollback();
    return std::nullopt;
  }
  overlay.write(writes);

  if (!forwards.empty()) {
    if (auto sent = world_.sender.send(forwards); !sent) return failed(sent.error());
    world_.meters.add(ports::Counter::forwards, "", static_cast<double>(forwards.size()));
    for (auto& share : shares)
      for (std::size_t i = 0; i < share.taken; ++i) share.lane->pending[i].forward_sent = true;
    hit("unit.forwarded");
  }
  if (mutant("acknowledge_before_commit"))
    for (const auto& fx : effects)
      world_.publish(Publication{fx.lane->tp, fx.lane->tag(), {}, {}, fx.next_offset});
  if (mutant("saga_told_too_early")) tell_sagas(shares, effects);
  for (const auto& fx : effects) fx.lane->in_unit = fx.items;
  auto report = commit(overlay, writes, effects);
  for (const auto& fx : effects) fx.lane->in_unit = 0;
  if (report.end == RunEnd::committed) {
    remember(writes);
    apply(overlay, effects, records);
    tell_sagas(shares, effects);
    world_.meters.observe(ports::Histogram::unit_seconds,
                          std::chrono::duration<double>(world_.clock.steady() - began).count());
  } else if (mutant("identity_sequence")) {
    for (auto& fx : effects) fx.lane->out_seq = fx.out_seq;
  }
  return report;
}

RunReport UnitRunner::commit(Overlay& overlay, ports::UnitWrites& writes,
                             std::vector<LaneEffects>& effects) {
  hit("unit.decided");
  auto ended = world_.store.commit(writes, world_.meanwhile);
  if (!ended) return failed(ended.error());
  if (ended->was_in_doubt) world_.meters.add(ports::Counter::units, "in_doubt", 1);
  switch (ended->end) {
    case ports::UnitEnd::committed:
      hit("unit.committed");
      hit_of_sagas(writes, effects);
      world_.meters.add(ports::Counter::units, "committed", 1);
      return {RunEnd::committed, {}, {}};
    case ports::UnitEnd::fenced:
      world_.meters.add(ports::Counter::units, "fenced", 1);
      world_.meters.add(ports::Counter::epoch_fences, "",
                        static_cast<double>(ended->fenced.size()));
      return {RunEnd::fenced, ended->fenced, "another worker has taken the lane"};
    case ports::UnitEnd::key_taken:
      world_.meters.add(ports::Counter::units, "key_taken", 1);
      // Perhaps one that was not looked for.
      trust_in_keys_.disappointed();
      trust_in_reservations_.disappointed();
      overlay.forget();
      return {RunEnd::again, {}, "a key, an id or a name was taken by another lane meanwhile"};
    case ports::UnitEnd::stale:
      world_.meters.add(ports::Counter::units, "stale", 1);
      overlay.forget();
      return {RunEnd::again, {}, "a row was not at the version that was decided on"};
  }
  return {};
}

void UnitRunner::move_on(Lane& lane, LaneEffects& fx) {
  lane.unit += 1;
  lane.next_offset = fx.next_offset;
  lane.out_seq = fx.out_seq;
  lane.lane_time = fx.lane_time;
  lane.park_order = fx.park_order;
  lane.parked = std::move(fx.parked);
  lane.draining = std::move(fx.draining);
  for (const auto& [event, saga] : fx.sagas) lane.set_saga(event, saga);
  lane.written_published_seq = lane.published_seq;
  lane.written_closed = lane.predecessors_closed;
  lane.dead_letters_sent.clear();
  for (const auto& timer : fx.timers_back) lane.timers_sent.erase(timer);
}

// Everything is durable: now calls may go out.
void UnitRunner::tell_sagas(const std::vector<LaneShare>& shares,
                            std::vector<LaneEffects>& effects) {
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const auto& share = shares[i];
    const auto ids = ids_of(share);
    const std::span all(ids);
    if (share.written < ids.size()) world_.sagas.rolled_back(all.subspan(share.written));
    if (share.written > 0) world_.sagas.committed(all.first(share.written), saga_now());
    for (auto& saga : effects[i].begun)
      world_.sagas.adopt(std::move(saga), saga::Runner::From::this_owner, saga_now());
    for (const auto& id : effects[i].drained) world_.sagas.drained(id, saga_now());
    effects[i].begun.clear();
    effects[i].drained.clear();
  }
}

void UnitRunner::apply(Overlay& overlay, std::vector<LaneEffects>& effects, std::size_t records) {
  overlay.remember();
  const auto wall = world_.clock.now();
  for (auto& fx : effects) {
    auto& lane = *fx.lane;
    move_on(lane, fx);
    for (std::size_t i = 0; i < fx.items; ++i) {
      const auto& item = lane.pending[i];
      world_.meters.observe(ports::Histogram::decision_seconds,
                            seconds(wall - item.record.timestamp));
      if (item.kind == Item::Kind::change) tell_of_change(item);
    }
    lane.pending.erase(lane.pending.begin(),
                       lane.pending.begin() + static_cast<std::ptrdiff_t>(fx.items));
    lane.tell_oldest();
    for (const auto& due : fx.expired)
      world_.meters.observe(ports::Histogram::timer_lateness_seconds, seconds(wall - due));
    if (!fx.expired.empty()) {
      const auto n = static_cast<std::int64_t>(fx.expired.size());
      world_.meters.add(ports::Counter::timers, "released", static_cast<double>(n));
      lane.timer.released += n;
      lane.timer.told = false;
    }
    for (const auto& [verdict, n] : fx.verdicts)
      world_.meters.add(ports::Counter::records, verdict, n);
    for (const auto& [code, n] : fx.codes) world_.meters.add(ports::Counter::outcomes, code, n);
    for (const auto& [what, n] : fx.commands)
      world_.meters.add(ports::Counter::commands, label_of(what.first, what.second), n);
    for (const auto& [layer, n] : fx.duplicates)
      world_.meters.add(ports::Counter::duplicates, layer, n);
    for (const auto& [mode, n] : fx.content_duplicates)
      world_.meters.add(ports::Counter::content_duplicates, mode, n);
    for (const auto& letter : fx.publication.dead_letters)
      world_.meters.add(ports::Counter::dead_letters, letter.facts.reason, 1);
    fx.publication.of_full_unit =
        fx.full_unit && (!lane.pending.empty() || lane.queue->records() > 0);
    world_.publish(std::move(fx.publication));
  }
  if (records > 0)
    world_.meters.observe(ports::Histogram::batch_records, static_cast<double>(records));
}

}  // namespace admitone::pipeline
