#include "pipeline/decider.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/failpoint.hpp"
#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "domain/replies.hpp"
#include "domain/saga_steps.hpp"

namespace admitone::pipeline {
namespace {

using base::failpoint::mutant;

// Rows are large to move. Doubling keeps many small shares of one unit cheap.
template <class T>
void make_room(std::vector<T>& list, std::size_t more) {
  const auto needed = list.size() + more;
  if (list.capacity() < needed) list.reserve(std::max(needed, 2 * list.capacity()));
}

}  // namespace

void Decider::run(LaneShare& share) {
  more_copies_ = share.more_copies;
  make_room(writes_.rows, share.items);
  make_room(fx_.publication.outcomes, share.items);
  share.written = 0;
  while (share.written < share.readable && go_on(share, share.transitions[share.written]))
    ++share.written;
  for (const auto& event : share.draining) drain(share, event);
  for (const auto& event : share.releasing) release(share, event);
  while (fx_.items < share.items && !ends_before(lane_.pending[fx_.items]) &&
         !is_unwritten(share, lane_.pending[fx_.items]))
    take(lane_.pending[fx_.items++]);

  fx_.full_unit = share.full;
  fx_.publication.tp = lane_.tp;
  fx_.publication.tag = lane_.tag();
  fx_.publication.next_offset = fx_.next_offset;
  writes_.lanes.push_back({.tp = lane_.tp,
                           .epoch = lane_.epoch,
                           .unit = lane_.unit,
                           .next_offset = fx_.next_offset,
                           .out_seq = fx_.out_seq,
                           .lane_time = fx_.lane_time,
                           .published_seq = lane_.published_seq,
                           .published_offset = lane_.published_offset,
                           .only_my_publisher = lane_.predecessors_closed});
  for (const auto& sent : lane_.dead_letters_sent) writes_.dead_letters_sent.push_back(sent);
}

bool Decider::ends_before(const Item& item) {
  if (item.kind == Item::Kind::change) return false;  // its transition is written
  if (is_full()) return true;
  return (item.kind == Item::Kind::command && is_unread(item)) || claims_are_old(item);
}

// What an operator has changed is in the journal with its verdict, or neither is.
bool Decider::is_unwritten(const LaneShare& share, const Item& item) {
  if (item.kind != Item::Kind::change) return false;
  const auto of_it = [&](const saga::Transition& one) {
    return one.saga.id == item.change->what.saga;
  };
  const auto written = share.transitions.begin() + static_cast<std::ptrdiff_t>(share.written);
  return std::any_of(written, share.transitions.end(), of_it);
}

// The stored answer that it may get was left out.
bool Decider::is_unread(const Item& item) const {
  if (!overlay_.values_left_out) return false;
  if (is_left_out(item.owned_key())) return true;
  if (!item.command.content_key) return false;
  const auto* first = overlay_.content_key({item.tenant(), *item.command.content_key});
  return first != nullptr && is_left_out(first->owner);
}

bool Decider::is_left_out(const ports::LedgerKey& key) const {
  const auto* known = overlay_.key(key);
  return known != nullptr && known->left_out > 0;
}

// An earlier command of this unit has changed what the item would claim, or the holder of it has
// given it up: what is asked in the next unit decides. How commands fall into units must not show
// in what is decided (law L12). Never so before anything has changed.
bool Decider::claims_are_old(const Item& item) {
  if (item.kind != Item::Kind::command || !may_claim(item)) return false;
  const auto tenant = item.tenant();
  const auto query = claim_query(item, overlay_.event(lane_, {tenant, item.command.event}));
  if (!query) return false;
  const auto found = claims_.find(&item);
  if (found == claims_.end() || found->second.asked != *query) return true;
  const auto& answer = found->second.answer;
  const auto& holder = answer.same_name_and_start;
  const auto* changed = holder ? overlay_.changed({tenant, *holder}) : nullptr;
  if (changed != nullptr &&
      (changed->name_folded != query->name_folded || changed->starts_at != query->starts_at))
    return true;
  const auto has_left = [&](const std::optional<base::EventId>& other) {
    const auto* now = other ? overlay_.changed({tenant, *other}) : nullptr;
    return now != nullptr && now->status == domain::EventStatus::withdrawn;
  };
  return has_left(holder) || has_left(answer.same_slug) || has_left(answer.same_suffixed_slug) ||
         has_left(answer.same_external_id);
}

void Decider::take(const Item& item) {
  fx_.next_offset = item.record.position.offset + 1;
  // Only the home topic's times are the broker's. Elsewhere a producer may claim any: from the
  // future it would keep the ledger's parts for ever.
  fx_.lane_time = std::max(fx_.lane_time,
                           lane_.home ? item.record.timestamp
                                      : std::min(item.record.timestamp, overlay_.database_now()));
  if (item.forwarded_in) {
    const auto origin = item.origin_key();
    if (overlay_.origin_known(origin)) {
      // The forward was sent twice; what it carried is decided already.
      silent(item, domain::Verdict::duplicate);
      return;
    }
    overlay_.add_origin(origin);
    writes_.origins.emplace_back(origin, lane_.tp.partition);
  }
  switch (item.kind) {
    case Item::Kind::unread:
      ADMITONE_ASSERT(item.kind != Item::Kind::unread);
      return;
    case Item::Kind::forward:
      forward(item);
      return;
    case Item::Kind::dead:
      dead(item);
      return;
    case Item::Kind::invalid: {
      auto no = rejection(domain::Code::invalid_command, item.refusal.detail);
      no.problem.errors = item.refusal.errors;
      refuse(item, domain::Verdict::invalid, no);
      return;
    }
    case Item::Kind::command:
      command(item);
      check_proof(item);
      return;
    case Item::Kind::change:
      ADMITONE_ASSERT(item.change->made.has_value());
      silent(item, item.change->made->ok() ? domain::Verdict::applied : domain::Verdict::invalid);
      return;
  }
}

// What is believed to be new and is written is proven to be by a unique index.
void Decider::check_proof(const Item& item) {
  if (mutant("unseen_is_new")) return;
  if (item.unseen_key && !overlay_.makes(item.owned_key())) fx_.unproven_keys = true;
  if (!item.unseen_reservation) return;
  const auto reservation = domain::reservation_of(item.command.command);
  if (!overlay_.makes(ports::ReservationKey{item.tenant(), *reservation}))
    fx_.unproven_reservations = true;
}

std::optional<domain::Code> Decider::too_late(const Item& item) const {
  if (item.record.timestamp < overlay_.database_now() - options_.horizon)
    return domain::Code::replay_too_old;
  if (expired(item)) return domain::Code::command_expired;
  return std::nullopt;
}

bool Decider::expired(const Item& item) const {
  const auto& expiry = item.command.envelope.expiry;
  return expiry && *expiry <= overlay_.database_now();
}

void Decider::command(const Item& item) {
  const auto key = item.owned_key();
  std::int32_t attempts = 1;
  const auto* known = overlay_.key(key);
  if (known != nullptr && known->expires_at && *known->expires_at <= fx_.lane_time &&
      known->status != domain::CommandStatus::in_progress) {
    // As if it had never been seen (audit B6): its content is looked at like that of a new one.
    set_free(item, *known);
    known = nullptr;
  }
  if (known != nullptr) {
    const bool running = known->status == domain::CommandStatus::in_progress;
    if (known->payload != item.command.payload) {
      refuse(item, domain::Verdict::mismatch,
             rejection(
                 domain::Code::idempotency_key_reused,
                 "the key was used before with another payload; use a new key for a new command"));
      return;
    }
    if (running || known->status != domain::CommandStatus::failed)
      ++fx_.duplicates[contract::name_of(item.command.key_source)];
    if (running) {
      wait_for(item, known->stored_at, false);
      return;
    }
    if (known->status != domain::CommandStatus::failed) {
      replay(item, *known, false);
      return;
    }
    attempts = known->attempts + 1;
    if (const auto late = too_late(item)) {
      refuse(item, domain::Verdict::expired,
             rejection(*late, "the command came too late to be executed"));
      return;
    }
    set_free(item, *known);
  } else if (content_duplicate(item)) {
    return;
  } else if (const auto late = too_late(item)) {
    refuse(item, domain::Verdict::expired,
           rejection(*late, "the command came too late to be executed"));
    return;
  }
  const ports::EventKey event{key.tenant, item.command.event};
  if (lane_.home && is_busy(event)) {
    park(item, attempts);
    return;
  }
  if (decide(item, nullptr, attempts) != Decided::waits) return;
  wait_to_begin(event, fx_.park_order + 1);
  park(item, attempts);
}

// The row that has the key keeps its number, under another key.
void Decider::set_free(const Item& item, const KeyState& known) {
  const auto key = item.owned_key();
  writes_.rekeys.push_back(
      {key, known.part, contract::derived_key_hash(item.position, "superseded"), false});
  overlay_.drop_key(key);
}

bool Decider::is_busy(const ports::EventKey& event) const {
  if (fx_.parked.contains(event) || fx_.draining.contains(event)) return true;
  const auto* saga = saga_of(event);
  return saga != nullptr && saga->blocks;
}

bool Decider::content_duplicate(const Item& item) {
  if (!item.command.content_key) return false;
  const auto tenant = item.tenant();
  const auto mode = content_mode(options_.content_key, tenant);
  if (mode == ContentKeyOptions::Mode::off) return false;
  const ports::LedgerKey content{tenant, *item.command.content_key};
  // Not the record's own: a broker's clock may step back.
  const auto now = fx_.lane_time;
  const auto window =
      content_window(options_.content_key, tenant, domain::type_of(item.command.command));
  if (const auto* first = overlay_.content_key(content)) {
    const auto age = now - first->first_at;
    const auto* owner = overlay_.key(first->owner);
    if (age >= base::Duration{0} && age <= window && owner != nullptr) {
      const bool on = mode == ContentKeyOptions::Mode::on;
      ++fx_.content_duplicates[on ? "on" : "observe"];
      // What is only observed goes on as if nothing were known, and leaves the window as it is: the
      // count says what mode `on` would have answered.
      if (!on) return false;
      ++fx_.duplicates[contract::name_of(domain::KeySource::content)];
      if (owner->status == domain::CommandStatus::in_progress) {
        wait_for(item, first->owner, true);
      } else {
        replay(item, KeyState{*owner}, true);
      }
      return true;
    }
  }
  // A refused command does not open a window: only what goes on to be decided does.
  if (too_late(item)) return false;
  const ports::FoundContentKey opened{content, now, item.owned_key()};
  overlay_.set_content_key(opened);
  std::erase_if(writes_.content_keys, [&](const auto& row) { return row.content == content; });
  writes_.content_keys.push_back({content, lane_.tp.partition, now, item.owned_key()});
  return false;
}

ports::ClaimAnswer Decider::claims_of(const Item& item) {
  ports::ClaimAnswer answer;
  if (!may_claim(item)) return answer;
  if (const auto found = claims_.find(&item); found != claims_.end()) answer = found->second.answer;
  const auto* event = overlay_.event(lane_, {item.tenant(), item.command.event});
  const auto query = claim_query(item, event);
  if (!query) return answer;
  const auto made = [&](const std::string& name) -> std::optional<base::EventId> {
    const auto found = overlay_.made_names.find(name);
    if (found == overlay_.made_names.end() || found->second == query->self) return std::nullopt;
    return found->second;
  };
  const auto tenant = query->tenant.str();
  const auto starts = std::to_string(base::to_unix_micros(query->starts_at));
  if (const auto id =
          made("n/" + tenant + "/" + query->venue_id + "/" + starts + "/" + query->name_folded))
    answer.same_name_and_start = id;
  // A name that was made and given up in this unit is free.
  if (answer.same_name_and_start) {
    const auto* holder = overlay_.changed({query->tenant, *answer.same_name_and_start});
    if (holder != nullptr &&
        (holder->name_folded != query->name_folded || holder->starts_at != query->starts_at))
      answer.same_name_and_start.reset();
  }
  if (const auto id = made("s/" + tenant + "/" + query->venue_id + "/" + query->slug))
    answer.same_slug = id;
  if (const auto suffixed = suffix_query(item, *query))
    if (const auto id = made("s/" + tenant + "/" + query->venue_id + "/" + suffixed->slug))
      answer.same_suffixed_slug = id;
  if (query->external_id)
    if (const auto id = made("x/" + tenant + "/" + *query->external_id))
      answer.same_external_id = id;
  return answer;
}

void Decider::remember_claims(const domain::Event& event) {
  if (event.status == domain::EventStatus::withdrawn) return;
  const auto tenant = event.tenant.str();
  const auto starts = std::to_string(base::to_unix_micros(event.starts_at));
  overlay_
      .made_names["n/" + tenant + "/" + event.venue_id + "/" + starts + "/" + event.name_folded] =
      event.id;
  overlay_.made_names["s/" + tenant + "/" + event.venue_id + "/" + event.slug] = event.id;
  if (event.external_id) overlay_.made_names["x/" + tenant + "/" + *event.external_id] = event.id;
}

domain::View Decider::view(const Item& item, const ports::ClaimAnswer& claims) {
  const auto tenant = item.tenant();
  auto view = view_of(item, overlay_.event(lane_, {tenant, item.command.event}), claims);
  if (const auto reservation = domain::reservation_of(item.command.command))
    view.reservation = overlay_.reservation({tenant, *reservation});
  view.now = mutant("wall_clock_decisions") ? overlay_.database_now() : fx_.lane_time;
  view.lane = lane_.tp.partition;
  return view;
}

void Decider::apply(const domain::Decision& decision, const ports::EventKey& event) {
  if (decision.event) {
    overlay_.change_event(lane_, *decision.event);
    remember_claims(*decision.event);
  }
  if (decision.reservation) overlay_.change_reservation(*decision.reservation);
  overlay_.change_sections(lane_, event, decision.deltas);
}

Decider::Decided Decider::decide(const Item& item, const Unparked* slot, std::int32_t attempts) {
  // A test's stand-in for a command whose content brings the process down.
  if (base::failpoint::kEnabled &&
      item.command.envelope.idempotency_key.value_or("").starts_with("crash-me"))
    base::failpoint::hit("decide.crash");
  const auto& command = item.command;
  const ports::EventKey event{item.tenant(), command.event};
  const auto claims = claims_of(item);
  const auto seen = view(item, claims);
  auto decision = domain::decide(command.command, seen, options_.rules);
  if (decision.event && decision.follow == domain::Follow::none &&
      contract::room_in_outcome(*decision.event) > options_.event_bytes)
    decision = domain::reject(domain::Code::limit_exceeded,
                              "the event would not fit into an outcome; use fewer sections or "
                              "shorter names");
  if (!decision.takes_key) {
    if (command.command.index() ==
        static_cast<std::size_t>(domain::CommandType::reservation_expire) - 1) {
      const auto& expire = std::get<domain::ExpireReservation>(command.command);
      fx_.timers_back.push_back({{event.tenant, expire.reservation}, expire.hold_version});
    }
    if (slot != nullptr) move_row(*slot, item.position_key(), false);
    if (decision.silent) {
      silent(item, domain::Verdict::invalid, slot);
    } else {
      refuse(item, domain::Verdict::invalid, decision, slot);
    }
    return Decided::no_key;
  }
  auto saga = saga_for(item, decision, seen.event);
  const bool begins = saga || decision.follow == domain::Follow::drain_reservations;
  if (begins && !may_begin(event, saga)) return Decided::waits;
  if (saga && saga->kind == saga::Kind::event_create)
    decision = domain::reserve(std::move(decision));
  if (saga && saga->kind == saga::Kind::event_update) decision = domain::begin_change(*seen.event);
  if (decision.code == domain::Code::reservation_expired_done && seen.reservation != nullptr)
    fx_.expired.push_back(seen.reservation->expires_at);
  apply(decision, event);
  if (slot != nullptr) move_row(*slot, item.owned_key(), true);

  auto row = row_of(item, domain::Verdict::applied, item.owned_key());
  row.owns_key = true;
  row.attempts = attempts;
  row.status = decision.status;
  KeyState state{.payload = command.payload,
                 .status = decision.status,
                 .part = slot != nullptr ? slot->row.part : overlay_.part(),
                 .attempts = attempts,
                 .expires_at = row.expires_at,
                 .outcome = nullptr,
                 .stored_at = row.key,
                 .stored_part = slot != nullptr ? slot->row.part : overlay_.part()};
  if (decision.follow != domain::Follow::none) {
    state.expires_at.reset();
    overlay_.set_key(row.key, std::move(state));
    begin(item, slot, decision, std::move(row), std::move(saga));
    return Decided::begun;
  }
  if (!decision.silent) {
    const auto id = domain::reservation_of(command.command);
    answer(row, item, decision, event.event.text(),
           decision.shows_event ? overlay_.event(lane_, event) : nullptr,
           decision.shows_reservation && id ? overlay_.reservation({event.tenant, *id}) : nullptr);
    state.outcome = fx_.publication.outcomes.back().outcome;
    state.expires_at = row.expires_at;
  }
  overlay_.set_key(row.key, std::move(state));
  emit(std::move(row), slot);
  return Decided::answered;
}

void Decider::forward(const Item& item) {
  auto row = row_of(item, domain::Verdict::forwarded);
  emit(std::move(row), nullptr);
  if (item.forward_sent) return;
  ports::OutgoingRecord out;
  out.topic = ports::OutgoingRecord::Topic::commands;
  out.partition = item.forward_to;
  if (item.record.key) out.key = std::string(*item.record.key);
  if (item.record.value) out.value = std::string(*item.record.value);
  out.headers = forward_headers(item, options_);
  forwards.push_back(std::move(out));
}

void Decider::bury(const Item& item) {
  contract::DeadLetterFacts facts;
  facts.reason = item.refusal.reason;
  facts.code = std::string(contract::code_name(item.refusal_code));
  facts.detail = item.refusal.detail;
  auto origin = origin_of(item);
  facts.topic = std::move(origin.topic);
  facts.partition = origin.partition;
  facts.offset = origin.offset;
  facts.timestamp = item.record.timestamp;
  facts.group = options_.group_id;
  facts.attempts = item.attempts;
  facts.first_failed_at = fx_.lane_time;

  base::Record verbatim;
  verbatim.position = {item.record.position.topic, origin.partition, origin.offset};
  verbatim.timestamp = item.record.timestamp;
  // What does not fit is left out, the value first; the position says where it is in full.
  auto room = options_.dead_letter_value_bytes;
  const auto fits = [&room](std::size_t bytes) {
    const bool yes = bytes <= room;
    if (yes) room -= bytes;
    return yes;
  };
  constexpr std::size_t kFrame = 8;  // the lengths of a header's two parts
  for (const auto& header : headers_as_sent(item))
    if (fits(header.name.size() + header.value.size() + kFrame)) verbatim.headers.push_back(header);
  if (item.record.key && fits(item.record.key->size())) verbatim.key = item.record.key;
  if (item.record.value && fits(item.record.value->size())) verbatim.value = item.record.value;
  ports::PendingDeadLetter letter{item.record.position, item.tenant(),
                                  contract::pack_record(verbatim), std::move(facts)};
  overlay_.made_bytes += letter.packed.size();
  fx_.publication.dead_letters.push_back(letter);
  writes_.dead_letters.push_back(std::move(letter));
}

void Decider::dead(const Item& item) {
  bury(item);
  if (item.envelope() != nullptr && lane_.home) {
    auto no = rejection(item.refusal_code, item.refusal.detail);
    no.problem.errors = item.refusal.errors;
    refuse(item, domain::Verdict::dead, no);
  } else {
    auto row = row_of(item, domain::Verdict::dead);
    row.status = domain::CommandStatus::rejected;
    emit(std::move(row), nullptr);
  }
}

}  // namespace admitone::pipeline
