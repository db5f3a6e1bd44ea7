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

constexpr std::chrono::minutes kClockStep{1};

// Rows are large to move. Doubling keeps many small shares of one unit cheap.
template <class T>
void make_room(std::vector<T>& list, std::size_t more) {
  const auto needed = list.size() + more;
  if (list.capacity() < needed) list.reserve(std::max(needed, 2 * list.capacity()));
}

// What told that a command had come before. A timer's has a key, but no producer has sent it twice.
std::string_view layer_of(const Item& item) {
  if (std::holds_alternative<domain::ExpireReservation>(item.command.command)) return "timer";
  return contract::name_of(item.command.key_source);
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
  if (item.kind == Item::Kind::command && (is_unread(item) || frees_what_is_unwritten(item)))
    return true;
  return claims_are_old(item);
}

// A row that this unit writes has the key, and would have to give it up: rows do that before others
// are written.
bool Decider::frees_what_is_unwritten(const Item& item) const {
  const auto* known = overlay_.key(item.owned_key());
  if (known == nullptr || !known->made || known->status == domain::CommandStatus::in_progress)
    return false;
  return known->status == domain::CommandStatus::failed || has_ended(item, *known);
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
      change(item);
      return;
  }
}

// The row ends with it: a copy of the record finds none that is pending.
void Decider::change(const Item& item) {
  const auto& [what, is_audited, made] = *item.change;
  ADMITONE_ASSERT(made.has_value());
  silent(item, made->ok() ? domain::Verdict::applied : domain::Verdict::invalid);
  if (is_audited && !mutant("action_stays_pending"))
    writes_.actions.push_back({what.tenant, what.id, made->ok(), item.position});
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
  if (sent_at(item) < overlay_.database_now() - options_.horizon)
    return domain::Code::replay_too_old;
  if (expired(item)) return domain::Code::command_expired;
  return std::nullopt;
}

// By the time at which it was sent. The lane's may be ahead of
// it, by as much as a saga took (decision 0046) or a forward was under way, and that is not in the
// log. Of two clocks the earlier counts: a copy too many is answered, none is executed.
bool Decider::has_ended(const Item& item, const KeyState& known) const {
  if (!known.expires_at) return false;
  const auto lane = std::max(fx_.lane_time, item.record.timestamp);
  return *known.expires_at <= (mutant("keys_end_by_the_lane") ? lane : sent_at(item));
}

bool Decider::expired(const Item& item) const {
  const auto& expiry = item.command.envelope.expiry;
  return expiry && *expiry <= overlay_.database_now();
}

void Decider::command(const Item& item) {
  const auto key = item.owned_key();
  std::int32_t attempts = 1;
  const auto* known = overlay_.key(key);
  if (known != nullptr && has_ended(item, *known) &&
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
    if (running || known->status != domain::CommandStatus::failed) ++fx_.duplicates[layer_of(item)];
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
  // The record's own time: the lane's may be ahead of it, by as much as a saga took (decision
  // 0046), and that is not in the log. Where the broker's clock has stepped back in between, what
  // came second has the earlier time: up to a step it is taken for a copy all the same.
  const auto now = item.record.timestamp;
  const auto window =
      content_window(options_.content_key, tenant, domain::type_of(item.command.command));
  if (const auto* first = overlay_.content_key(content)) {
    const base::Duration apart = now - first->first_at;
    const auto* owner = overlay_.key(first->owner);
    if (apart <= window && -apart <= std::max<base::Duration>(window, kClockStep) &&
        owner != nullptr) {
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

}  // namespace admitone::pipeline
