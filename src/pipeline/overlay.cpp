#include "pipeline/overlay.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.hpp"

namespace admitone::pipeline {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// The section as it was read; null for one that this unit added.
const domain::Section* base_of(const TouchedEvent& touched, const std::string& section_id) {
  for (const auto& section : touched.base_sections)
    if (section.section_id == section_id) return &section;
  return nullptr;
}

}  // namespace

void Overlay::load(ports::UnitReads&& reads) {
  if (reads.part != 0) part_ = reads.part;
  if (reads.database_now != base::Timestamp{}) database_now_ = reads.database_now;
  for (auto& found : reads.keys) {
    KeyState state{.payload = found.payload,
                   .status = found.status,
                   .part = found.part,
                   .attempts = found.attempts,
                   .expires_at = found.expires_at,
                   .outcome = nullptr,
                   .stored_at = found.stored_at,
                   .stored_part = found.stored_part,
                   .left_out = found.value_left_out};
    values_left_out = values_left_out || found.value_left_out > 0;
    if (found.outcome)
      state.outcome = std::make_shared<contract::OutcomeRecord>(std::move(*found.outcome));
    if (state.stored_at.key.is_nil()) {
      state.stored_at = found.key;
      state.stored_part = found.part;
    }
    keys_.insert_or_assign(found.key, std::move(state));
  }
  origins_.insert(reads.origins.begin(), reads.origins.end());
  for (const auto& content : reads.content_keys)
    content_keys_.insert_or_assign(content.content, content);
  for (auto& event : reads.events) {
    const ports::EventKey key{event.tenant, event.id};
    read_events_.insert_or_assign(key, ReadEvent{std::move(event), nullptr});
  }
  const auto keep = [this](const domain::Reservation& reservation) {
    read_reservations_.insert_or_assign({reservation.tenant, reservation.id}, reservation);
  };
  for (const auto& reservation : reads.reservations) keep(reservation);
  for (const auto& reservation : reads.drains) keep(reservation);
  append(drains, std::move(reads.drains));
  append(parked, std::move(reads.parked));
  append(copies, std::move(reads.copies));
  copies_left_out = copies_left_out || reads.copies_left_out;
  for (auto& stored : reads.values) set_value(std::move(stored));
}

void Overlay::set_value(ports::StoredValue&& stored) {
  for (auto& [key, state] : keys_) {
    if (state.left_out == 0 || state.stored_at != stored.stored_at ||
        state.stored_part != stored.stored_part)
      continue;
    auto whole = std::make_shared<contract::OutcomeRecord>(*state.outcome);
    whole->value = stored.value;
    state.outcome = std::move(whole);
    state.left_out = 0;
  }
}

const KeyState* Overlay::key(const ports::LedgerKey& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

void Overlay::set_key(const ports::LedgerKey& key, KeyState state) {
  state.made = true;
  keys_.insert_or_assign(key, std::move(state));
}

const ports::FoundContentKey* Overlay::content_key(const ports::LedgerKey& key) const {
  const auto found = content_keys_.find(key);
  return found == content_keys_.end() ? nullptr : &found->second;
}

void Overlay::set_content_key(const ports::FoundContentKey& content) {
  content_keys_.insert_or_assign(content.content, content);
}

const domain::Event* Overlay::event(Lane& lane, const ports::EventKey& key) {
  if (const auto found = events_.find(key); found != events_.end()) return &found->second.now;
  if (const auto found = read_events_.find(key); found != read_events_.end()) {
    found->second.lane = &lane;
    return &found->second.event;
  }
  return lane.events.find(key);
}

const domain::Event* Overlay::changed(const ports::EventKey& key) const {
  const auto found = events_.find(key);
  return found == events_.end() ? nullptr : &found->second.now;
}

const domain::Reservation* Overlay::reservation(const ports::ReservationKey& key) const {
  if (const auto found = reservations_.find(key); found != reservations_.end())
    return &found->second.now;
  const auto found = read_reservations_.find(key);
  return found == read_reservations_.end() ? nullptr : &found->second;
}

bool Overlay::makes(const ports::LedgerKey& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() && found->second.made;
}

bool Overlay::makes(const ports::ReservationKey& key) const {
  const auto found = reservations_.find(key);
  return found != reservations_.end() && found->second.base_version == 0;
}

TouchedEvent& Overlay::touch(Lane& lane, const ports::EventKey& key) {
  if (const auto found = events_.find(key); found != events_.end()) return found->second;
  TouchedEvent touched;
  touched.lane = &lane;
  if (const auto* existing = event(lane, key)) {
    touched.now = *existing;
    touched.base_sections = existing->sections;
    touched.base_row_version = existing->row_version;
  }
  return events_.emplace(key, std::move(touched)).first->second;
}

void Overlay::change_event(Lane& lane, const domain::Event& event) {
  auto& touched = touch(lane, {event.tenant, event.id});
  touched.now = event;
  touched.row_changed = true;
}

void Overlay::change_reservation(const domain::Reservation& reservation) {
  const ports::ReservationKey key{reservation.tenant, reservation.id};
  const auto* before = this->reservation(key);
  const bool known = reservations_.contains(key);
  auto& touched = reservations_[key];
  if (!known) touched.base_version = before != nullptr ? before->version : 0;
  touched.now = reservation;
}

void Overlay::change_sections(Lane& lane, const ports::EventKey& key,
                              const std::vector<domain::SectionDelta>& deltas) {
  if (deltas.empty()) return;
  auto& touched = touch(lane, key);
  for (const auto& delta : deltas) {
    ADMITONE_ASSERT(delta.section < touched.now.sections.size());
    touched.now.sections[delta.section].held += delta.held;
    touched.now.sections[delta.section].sold += delta.sold;
  }
}

void Overlay::write(ports::UnitWrites& writes) {
  for (const auto& [key, touched] : events_) {
    if (touched.row_changed) writes.events.push_back({touched.now, touched.base_row_version});
    for (const auto& section : touched.now.sections) {
      const auto* before = base_of(touched, section.section_id);
      const auto held = section.held - (before != nullptr ? before->held : 0);
      const auto sold = section.sold - (before != nullptr ? before->sold : 0);
      if (held == 0 && sold == 0) continue;
      writes.sections.push_back({key, touched.now.lane, section.section_id, held, sold,
                                 before != nullptr ? before->row_version : 0});
    }
  }
  writes.reservations.reserve(reservations_.size());
  for (auto& [key, touched] : reservations_)
    writes.reservations.push_back({std::move(touched.now), touched.base_version});
}

void Overlay::remember() {
  for (auto& [key, touched] : events_) {
    if (touched.row_changed) touched.now.row_version = touched.base_row_version + 1;
    for (auto& section : touched.now.sections) {
      // Writing an event's row writes all of its sections; else only those whose counters moved.
      const auto* before = base_of(touched, section.section_id);
      if (before == nullptr) {
        section.row_version = 1;
      } else {
        const bool written =
            touched.row_changed || section.held != before->held || section.sold != before->sold;
        section.row_version = before->row_version + (written ? 1 : 0);
      }
    }
    touched.lane->events.put(std::move(touched.now));
  }
  for (auto& [key, read] : read_events_)
    if (read.lane != nullptr && !events_.contains(key))
      read.lane->events.put(std::move(read.event));
}

void Overlay::forget() {
  for (auto& [key, touched] : events_) touched.lane->events.drop(key);
}

}  // namespace admitone::pipeline
