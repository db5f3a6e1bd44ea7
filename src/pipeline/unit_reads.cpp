// What a unit of work reads before it decides: what its commands, sagas and continuations name, and
// what that leads to.
#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.hpp"
#include "pipeline/unit_runner.hpp"

namespace admitone::pipeline {
namespace {

// Stored answers above this are read when it is known how many are needed.
constexpr std::int64_t kLargeValue = 8 * 1024;
// Of sagas, of one lane in one unit: each needs its event and the record of its command.
constexpr std::size_t kDecisionsPerUnit = 64;

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

// The mutant's: takes what was only said for what the ledger has.
void believe(const std::vector<ports::KeyHint>& hints, ports::UnitReads& reads) {
  for (const auto& hint : hints) {
    ports::FoundKey found;
    found.key = hint.key;
    found.part = hint.part;
    found.payload = hint.payload;
    found.stored_at = hint.key;
    found.stored_part = hint.part;
    const auto known =
        std::ranges::find_if(reads.keys, [&](const auto& one) { return one.key == hint.key; });
    if (known == reads.keys.end()) {
      reads.keys.push_back(std::move(found));
    } else {
      known->payload = hint.payload;
    }
  }
}

// Parked commands that are decided with what they claim; of those that a saga answers, only a
// change claims anything any more.
bool is_decided_anew(const LaneShare& share, const ports::EventKey& event) {
  return std::ranges::none_of(share.transitions, [&](const saga::Transition& one) {
    return one.saga.event == event.event && one.saga.tenant == event.tenant && one.decision &&
           one.decision != saga::Decision::publish_change;
  });
}

}  // namespace

void UnitRunner::choose_look_ups(Item& item) const {
  const bool makes = std::holds_alternative<domain::CreateReservation>(item.command.command);
  const auto key = item.owned_key();
  item.unseen_key = trust_in_keys_.any() && !known_keys_.may_know(key) && !hints_.contains(key);
  item.unseen_reservation = item.unseen_key && makes && trust_in_reservations_.any();
}

// Ends the batch before it would read more events than a unit may hold, as large as they were of
// late.
ports::UnitQuery UnitRunner::first_query(std::vector<LaneShare>& shares) const {
  const auto most_events = std::max<std::size_t>(1, options_.unit_bytes * 4 / event_weight_);
  ports::UnitQuery query;
  std::set<ports::EventKey> events;
  for (auto& share : shares) {
    query.lane_hint = share.lane->tp.partition;
    const auto continued = [&](const ports::EventKey& event, std::int32_t parked) {
      query.tenants.push_back(event.tenant);
      query.parked.push_back({event, parked});
      if (share.lane->events.find(event) == nullptr) events.insert(event);
    };
    std::size_t decisions = 0;
    share.readable = 0;
    for (const auto& [saga, decision] : share.transitions) {
      if (decision && (events.size() >= most_events || ++decisions > kDecisionsPerUnit)) break;
      if (decision) continued({saga.tenant, saga.event}, 1);
      query.tenants.push_back(saga.tenant);
      ++share.readable;
    }
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
  if (hints_.empty()) return query;
  for (const auto& key : query.keys)
    if (const auto hint = hints_.find(key); hint != hints_.end())
      query.hints.push_back(hint->second);
  return query;
}

// Of all its commands' keys, also of those that this pipeline has written itself: memory knows that
// it has (or may have), and not where.
void UnitRunner::recall(const std::vector<LaneShare>& shares) {
  hints_.clear();
  if (world_.hints == nullptr) return;
  std::vector<ports::LedgerKey> keys;
  for (const auto& share : shares) {
    for (std::size_t i = 0; i < share.items; ++i) {
      const auto& item = share.lane->pending[i];
      if (item.kind == Item::Kind::command) keys.push_back(item.owned_key());
    }
  }
  unique(keys);
  if (keys.empty()) return;
  for (auto& hint : world_.hints->recall(keys))
    if (std::ranges::binary_search(keys, hint.key)) hints_.insert_or_assign(hint.key, hint);
}

void UnitRunner::count_look_ups(const ports::UnitQuery& query, const ports::UnitReads& reads) {
  const auto asked = query.keys.size() + query.new_keys.size();
  if (asked == 0) return;
  const auto found = std::min(asked, reads.keys.size());
  const auto hinted = std::min(found, reads.hinted);
  const auto count = [this](ports::Counter counter, std::size_t n) {
    if (n > 0) world_.meters.add(counter, "", static_cast<double>(n));
  };
  count(ports::Counter::idempotency_redis_hits, hinted);
  count(ports::Counter::idempotency_db_hits, found - hinted);
  count(ports::Counter::idempotency_misses, asked - found);
  count(ports::Counter::idempotency_spared, reads.spared);
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
                                        ports::UnitQuery& more) {
  std::set<ports::EventKey> events;
  for (auto& share : shares) {
    share.parked.clear();
    share.copies.clear();
    std::optional<ports::EventKey> left;
    for (const auto& row : overlay.parked) {
      if (row.lane != share.lane->tp.partition || row.event == left) continue;
      auto record = contract::unpack_record(row.packed);
      if (!record && share.gave_up_after == 0) {
        unreadable_ = share.lane->tp;
        return base::Error{
            base::ErrorKind::permanent, base::Effect::not_applied,
            fmt::format("parked command {} of lane {} cannot be read", row.order, row.lane)};
      }
      Unparked parked{row, record ? prepare(std::move(*record), options_) : Item{}};
      // It may begin a saga, and must be the head of the queue then: what stands before it goes
      // first, and may keep its place for its copies.
      const bool is_behind = !share.parked.empty() && share.parked.back().row.event == row.event;
      if (is_behind && parked.item.is_of_event()) {
        left = row.event;
        continue;
      }
      if (share.gave_up_after > 0 && parked.item.envelope() != nullptr)
        give_up(parked.item, share.gave_up_after,
                fmt::format("crashed or failed {} times", share.gave_up_after));
      more.tenants.push_back(row.row.tenant);
      // It has taken another's place: that one's copies are brought behind it, before anything
      // is decided.
      const bool brings = row.waits_for != ports::LedgerKey{};
      if (brings) left = row.event;
      if (ends(share, row.event, overlay))
        more.copies_of.push_back(brings ? row.waits_for : row.row);
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
  const auto asked = world_.clock.steady();
  auto first = world_.store.open(query);
  if (!query.keys.empty() || !query.new_keys.empty())
    world_.meters.observe(ports::Histogram::key_lookup_seconds,
                          std::chrono::duration<double>(world_.clock.steady() - asked).count());
  if (!first) {
    world_.meters.add(ports::Counter::idempotency_db_errors, "", 1);
    return first.error();
  }
  count_look_ups(query, *first);
  if (base::failpoint::mutant("redis_hit_decides")) believe(query.hints, *first);
  weigh(first->events);
  const auto told = world_.clock.steady();
  world_.saga_clock.set(first->database_now, told);
  for (auto& share : shares)
    if (share.at_end)
      share.at_end->age = std::chrono::floor<std::chrono::microseconds>(told - share.at_end->asked);
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
    auto second = world_.store.more(more);
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
  auto read = world_.store.more(query);
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
    for (const auto& parked : share.parked)
      if (is_decided_anew(share, parked.row.event)) ask(*share.lane, parked.item);
    for (const auto& copy : share.copies) ask(*share.lane, copy.item);
  }
  if (queries.empty()) return claims;
  auto answers = world_.store.claims(queries);
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

void UnitRunner::refuse_changes(std::vector<LaneShare>& shares, Overlay& overlay,
                                const Claims& claims) {
  for (auto& share : shares) {
    for (std::size_t i = 0; i < share.readable; ++i) {
      auto& transition = share.transitions[i];
      if (transition.decision != saga::Decision::publish_change) continue;
      const ports::EventKey key{transition.saga.tenant, transition.saga.event};
      const auto* head = head_of(share, key);
      const auto* event = overlay.event(*share.lane, key);
      if (head == nullptr || event == nullptr || !can_follow(*transition.decision, *event))
        continue;  // the decider says so
      const auto asked = claims.find(&head->item);
      const auto view = view_of(
          head->item, event, asked == claims.end() ? ports::ClaimAnswer{} : asked->second.answer);
      const auto decision = decision_of(transition, head->item, view);
      if (decision.status == domain::CommandStatus::completed) continue;
      transition = world_.sagas.refused(transition.saga.id, decision.code, decision.problem.detail,
                                        saga_now());
    }
  }
}

}  // namespace admitone::pipeline
