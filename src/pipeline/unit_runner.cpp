#include "pipeline/unit_runner.hpp"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace admitone::pipeline {
namespace {

using base::failpoint::hit;
using base::failpoint::mutant;

// Stored answers above this are read when it is known how many are needed.
constexpr std::int64_t kLargeValue = 8 * 1024;

double seconds(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void add_command(ports::UnitQuery& query, const Item& item, Lane& lane,
                 std::set<ports::EventKey>& events) {
  const auto tenant = item.tenant();
  (item.unseen_key ? query.new_keys : query.keys).push_back(item.owned_key());
  if (item.command.content_key) query.content_keys.push_back({tenant, *item.command.content_key});
  const ports::EventKey event{tenant, item.command.event};
  if (lane.events.find(event) == nullptr) events.insert(event);
  const auto reservation = domain::reservation_of(item.command.command);
  if (reservation && !item.unseen_reservation) query.reservations.push_back({tenant, *reservation});
}

template <class T>
void unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

void finish(ports::UnitQuery& query) {
  unique(query.tenants);
  unique(query.keys);
  unique(query.new_keys);
  unique(query.origins);
  unique(query.content_keys);
  unique(query.reservations);
  unique(query.copies_of);
}

}  // namespace

UnitRunner::UnitRunner(const EngineOptions& options, ports::LaneStore& store,
                       ports::CommandSender& sender, ports::Meters& meters,
                       const ports::Clock& clock, std::function<void(Publication&&)> publish)
    : options_(options),
      store_(store),
      sender_(sender),
      meters_(meters),
      clock_(clock),
      publish_(std::move(publish)),
      known_keys_(options.known_keys) {}

void UnitRunner::choose_look_ups(Item& item) const {
  const bool makes = std::holds_alternative<domain::CreateReservation>(item.command.command);
  item.unseen_key = trust_in_keys_.any() && !known_keys_.may_know(item.owned_key());
  item.unseen_reservation = item.unseen_key && makes && trust_in_reservations_.any();
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
  trust_in_keys_.unit_done();
  trust_in_reservations_.unit_done();
}

// Ends the batch before it would read more events than a unit may hold, as large as they were of
// late.
ports::UnitQuery UnitRunner::first_query(std::vector<LaneShare>& shares) const {
  const auto most_events = std::max<std::size_t>(1, options_.unit_bytes * 4 / event_weight_);
  ports::UnitQuery query;
  std::set<ports::EventKey> events;
  for (auto& share : shares) {
    query.lane_hint = share.lane->tp.partition;
    for (std::size_t i = 0; i < share.items; ++i) {
      auto& item = share.lane->pending[i];
      if (events.size() >= most_events) {
        share.items = i;
        break;
      }
      query.tenants.push_back(item.tenant());
      if (item.forwarded_in) query.origins.push_back(item.origin_key());
      if (item.kind != Item::Kind::command) continue;
      choose_look_ups(item);
      add_command(query, item, *share.lane, events);
    }
    const auto continued = [&](const ports::EventKey& event, std::int32_t parked) {
      query.tenants.push_back(event.tenant);
      query.parked.push_back({event, parked});
      if (share.lane->events.find(event) == nullptr) events.insert(event);
    };
    for (const auto& event : share.draining) {
      continued(event, 1);
      query.drains.push_back({event, share.lane->draining.at(event), options_.continuation_rows});
    }
    for (const auto& event : share.releasing)
      continued(event, share.alone ? 1 : options_.continuation_rows);
  }
  query.events.assign(events.begin(), events.end());
  query.value_limit = kLargeValue;
  query.record_bytes = record_bytes();
  finish(query);
  return query;
}

// Copies are read by the unit that answers: not while reservations of a cancelled event are left.
bool UnitRunner::ends(const LaneShare& share, const ports::EventKey& event,
                      const Overlay& overlay) const {
  if (std::find(share.draining.begin(), share.draining.end(), event) == share.draining.end())
    return true;
  const auto left = std::count_if(
      overlay.drains.begin(), overlay.drains.end(),
      [&](const auto& one) { return one.tenant == event.tenant && one.event == event.event; });
  return left < options_.continuation_rows;
}

base::Status UnitRunner::prepare_parked(std::vector<LaneShare>& shares, const Overlay& overlay,
                                        ports::UnitQuery& more) const {
  std::set<ports::EventKey> events;
  for (auto& share : shares) {
    share.parked.clear();
    share.copies.clear();
    for (const auto& row : overlay.parked) {
      if (row.lane != share.lane->tp.partition) continue;
      auto record = contract::unpack_record(row.packed);
      if (!record && share.gave_up_after == 0)
        return base::Error{
            base::ErrorKind::permanent, base::Effect::not_applied,
            fmt::format("parked command {} of lane {} cannot be read", row.order, row.lane)};
      Unparked parked{row, record ? prepare(std::move(*record), options_) : Item{}};
      if (share.gave_up_after > 0 && parked.item.envelope() != nullptr)
        give_up(parked.item, share.gave_up_after,
                fmt::format("crashed or failed {} times", share.gave_up_after));
      more.tenants.push_back(row.row.tenant);
      if (ends(share, row.event, overlay)) more.copies_of.push_back(row.row);
      more.keys.push_back(row.row);
      if (parked.item.kind == Item::Kind::command)
        add_command(more, parked.item, *share.lane, events);
      share.parked.push_back(std::move(parked));
    }
  }
  more.events.assign(events.begin(), events.end());
  return {};
}

// First what the batch names, then what that leads to: owners of content keys, parked commands'
// needs, copies.
base::Result<bool> UnitRunner::read(std::vector<LaneShare>& shares, Overlay& overlay) {
  auto query = first_query(shares);
  auto first = store_.open(query);
  if (!first) return first.error();
  weigh(first->events);
  ports::UnitQuery more;
  for (const auto& content : first->content_keys) more.keys.push_back(content.owner);
  overlay.load(std::move(*first));
  if (auto prepared = prepare_parked(shares, overlay, more); !prepared) return prepared.error();
  if (!more.keys.empty() || !more.copies_of.empty()) {
    more.tenants.insert(more.tenants.end(), query.tenants.begin(), query.tenants.end());
    finish(more);
    more.copies = options_.continuation_rows + 1;  // one more tells whether these are all
    more.value_limit = kLargeValue;
    more.record_bytes = record_bytes();
    auto second = store_.more(more);
    if (!second) return second.error();
    overlay.load(std::move(*second));
    const bool page =
        overlay.copies_left_out || overlay.copies.size() >= static_cast<std::size_t>(more.copies);
    for (auto& share : shares) {
      share.more_copies = page;
      take_copies(share, overlay);
    }
  }
  if (auto values = read_values(shares, overlay); !values) return values.error();
  return true;
}

// Each copy is answered with what may be as large as its event.
void UnitRunner::take_copies(LaneShare& share, Overlay& overlay) const {
  std::size_t bytes = 0;
  for (const auto& row : overlay.copies) {
    if (row.lane != share.lane->tp.partition) continue;
    if (bytes >= options_.unit_bytes) {
      share.more_copies = true;
      return;
    }
    const auto* event = overlay.event(*share.lane, row.event);
    bytes += row.packed.size() + (event != nullptr ? weight_of(*event) : 0);
    if (auto record = contract::unpack_record(row.packed))
      share.copies.push_back({row, prepare(std::move(*record), options_)});
  }
}

// Large answers that may be given again, in the order in which they are needed, as many as a unit
// may hold: it ends before the first command that needs one more.
base::Status UnitRunner::read_values(const std::vector<LaneShare>& shares, Overlay& overlay) {
  if (!overlay.values_left_out) return {};
  ports::UnitQuery query;
  std::set<ports::LedgerKey> wanted;
  std::size_t bytes = 0;
  const auto want = [&](const ports::LedgerKey& key) {
    const auto* known = overlay.key(key);
    if (known == nullptr || known->left_out == 0 || bytes >= options_.unit_bytes) return;
    if (!wanted.insert(known->stored_at).second) return;
    bytes += static_cast<std::size_t>(known->left_out);
    query.values.push_back({known->stored_at, known->stored_part, {}});
  };
  const auto want_for = [&](const Item& item) {
    if (item.kind != Item::Kind::command) return;
    want(item.owned_key());
    if (!item.command.content_key) return;
    const ports::LedgerKey content{item.tenant(), *item.command.content_key};
    if (const auto* first = overlay.content_key(content)) want(first->owner);
  };
  for (const auto& share : shares) {
    for (const auto& parked : share.parked) want(parked.row.row);
    for (std::size_t i = 0; i < share.items; ++i) want_for(share.lane->pending[i]);
  }
  auto read = store_.more(query);
  if (!read) return read.error();
  overlay.load(std::move(*read));
  return {};
}

void UnitRunner::weigh(const std::vector<domain::Event>& events) {
  if (events.empty()) return;
  std::size_t sum = 0;
  for (const auto& event : events) sum += weight_of(event);
  event_weight_ = std::max(sum / events.size(), event_weight_ / 2);
}

base::Result<Claims> UnitRunner::ask_claims(const std::vector<LaneShare>& shares,
                                            Overlay& overlay) {
  std::vector<ports::ClaimQuery> queries;
  struct Asked {
    const Item* item;
    bool suffixed;
  };
  std::vector<Asked> asked;
  Claims claims;
  const auto ask = [&](Lane& lane, const Item& item) {
    if (item.kind != Item::Kind::command || !may_claim(item)) return;
    const auto query = claim_query(item, overlay.event(lane, {item.tenant(), item.command.event}));
    if (!query) return;
    queries.push_back(*query);
    asked.push_back({&item, false});
    claims[&item].asked = *query;
    if (const auto suffixed = suffix_query(item, *query)) {
      queries.push_back(*suffixed);
      asked.push_back({&item, true});
    }
  };
  for (const auto& share : shares) {
    for (std::size_t i = 0; i < share.items; ++i) ask(*share.lane, share.lane->pending[i]);
    for (const auto& parked : share.parked) ask(*share.lane, parked.item);
    for (const auto& copy : share.copies) ask(*share.lane, copy.item);
  }
  if (queries.empty()) return claims;
  auto answers = store_.claims(queries);
  if (!answers) return answers.error();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& answer = (*answers)[i];
    if (asked[i].suffixed) {
      claims[asked[i].item].answer.same_suffixed_slug = answer.same_slug;
    } else {
      claims[asked[i].item].answer = answer;
    }
  }
  return claims;
}

RunReport UnitRunner::failed(const base::Error& error) {
  store_.rollback();
  if (error.kind == base::ErrorKind::permanent) return {RunEnd::undecidable, {}, error.message};
  meters_.add(ports::Counter::units, "retried", 1);
  return {RunEnd::later, {}, error.message};
}

RunReport UnitRunner::run(std::vector<LaneShare>& shares) {
  // Each time that there is none, one kind of look-up more is not left out.
  for (;;)
    if (auto report = attempt(shares)) return std::move(*report);
}

std::optional<RunReport> UnitRunner::attempt(std::vector<LaneShare>& shares) {
  const auto began = clock_.steady();
  Overlay overlay;
  ports::UnitWrites writes;
  std::vector<LaneEffects> effects;
  std::vector<ports::OutgoingRecord> forwards;
  std::size_t records = 0;
  std::optional<base::TopicPartition> deciding;
  try {
    if (auto read_all = read(shares, overlay); !read_all) return failed(read_all.error());
    auto claims = ask_claims(shares, overlay);
    if (!claims) return failed(claims.error());
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
      Decider decider(options_, overlay, *claims, writes, fx);
      decider.run(share);
      share.taken = fx.items;
      records += share.taken;
      std::move(decider.forwards.begin(), decider.forwards.end(), std::back_inserter(forwards));
    }
  } catch (const std::exception& error) {
    store_.rollback();
    return RunReport{RunEnd::undecidable, {}, error.what(), deciding};
  }
  if (unproven(effects)) {
    store_.rollback();
    return std::nullopt;
  }
  overlay.write(writes);

  if (!forwards.empty()) {
    if (auto sent = sender_.send(forwards); !sent) return failed(sent.error());
    meters_.add(ports::Counter::forwards, "", static_cast<double>(forwards.size()));
    for (auto& share : shares)
      for (std::size_t i = 0; i < share.taken; ++i) share.lane->pending[i].forward_sent = true;
    hit("unit.forwarded");
  }
  if (mutant("acknowledge_before_commit"))
    for (const auto& fx : effects)
      publish_(Publication{fx.lane->tp, fx.lane->tag(), {}, {}, fx.next_offset});
  auto report = commit(overlay, writes, effects);
  if (report.end == RunEnd::committed) {
    remember(writes);
    apply(overlay, effects, records);
    meters_.observe(ports::Histogram::unit_seconds,
                    std::chrono::duration<double>(clock_.steady() - began).count());
  } else if (mutant("identity_sequence")) {
    for (auto& fx : effects) fx.lane->out_seq = fx.out_seq;
  }
  return report;
}

RunReport UnitRunner::commit(Overlay& overlay, ports::UnitWrites& writes,
                             std::vector<LaneEffects>&) {
  hit("unit.decided");
  auto ended = store_.commit(writes);
  if (!ended) return failed(ended.error());
  if (ended->was_in_doubt) meters_.add(ports::Counter::units, "in_doubt", 1);
  switch (ended->end) {
    case ports::UnitEnd::committed:
      hit("unit.committed");
      meters_.add(ports::Counter::units, "committed", 1);
      return {RunEnd::committed, {}, {}};
    case ports::UnitEnd::fenced:
      meters_.add(ports::Counter::units, "fenced", 1);
      meters_.add(ports::Counter::epoch_fences, "", static_cast<double>(ended->fenced.size()));
      return {RunEnd::fenced, ended->fenced, "another worker has taken the lane"};
    case ports::UnitEnd::key_taken:
      meters_.add(ports::Counter::units, "key_taken", 1);
      // Perhaps one that was not looked for.
      trust_in_keys_.disappointed();
      trust_in_reservations_.disappointed();
      overlay.forget();
      return {RunEnd::again, {}, "a key, an id or a name was taken by another lane meanwhile"};
    case ports::UnitEnd::stale:
      meters_.add(ports::Counter::units, "stale", 1);
      overlay.forget();
      return {RunEnd::again, {}, "a row was not at the version that was decided on"};
  }
  return {};
}

void UnitRunner::apply(Overlay& overlay, std::vector<LaneEffects>& effects, std::size_t records) {
  overlay.remember();
  const auto wall = clock_.now();
  for (auto& fx : effects) {
    auto& lane = *fx.lane;
    lane.unit += 1;
    lane.next_offset = fx.next_offset;
    lane.out_seq = fx.out_seq;
    lane.lane_time = fx.lane_time;
    lane.park_order = fx.park_order;
    lane.parked = std::move(fx.parked);
    lane.draining = std::move(fx.draining);
    lane.written_published_seq = lane.published_seq;
    lane.written_closed = lane.predecessors_closed;
    lane.dead_letters_sent.clear();
    for (const auto& timer : fx.timers_back) lane.timers_sent.erase(timer);
    for (std::size_t i = 0; i < fx.items; ++i)
      meters_.observe(ports::Histogram::decision_seconds,
                      seconds(wall - lane.pending[i].record.timestamp));
    lane.pending.erase(lane.pending.begin(),
                       lane.pending.begin() + static_cast<std::ptrdiff_t>(fx.items));
    for (const auto& [verdict, n] : fx.verdicts) meters_.add(ports::Counter::records, verdict, n);
    for (const auto& [code, n] : fx.codes) meters_.add(ports::Counter::outcomes, code, n);
    for (const auto& [mode, n] : fx.content_duplicates)
      meters_.add(ports::Counter::content_duplicates, mode, n);
    for (const auto& letter : fx.publication.dead_letters)
      meters_.add(ports::Counter::dead_letters, letter.facts.reason, 1);
    fx.publication.of_full_unit =
        fx.full_unit && (!lane.pending.empty() || lane.queue->records() > 0);
    publish_(std::move(fx.publication));
  }
  if (records > 0) meters_.observe(ports::Histogram::batch_records, static_cast<double>(records));
}

}  // namespace admitone::pipeline
