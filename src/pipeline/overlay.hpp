#pragma once
// The state a unit of work decides on: what the database said, what the lane remembers, and what
// this unit has decided so far. Dropped on roll-back; turned into writes before the commit and into
// the lane's memory after it.

#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "pipeline/event_cache.hpp"
#include "pipeline/lane.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

struct LedgerKeyHash {
  std::size_t operator()(const ports::LedgerKey& key) const noexcept {
    return base::UuidHash{}(key.key) ^ (base::UuidHash{}(key.tenant) << 1U);
  }
};
struct ReservationKeyHash {
  std::size_t operator()(const ports::ReservationKey& key) const noexcept {
    return base::UuidHash{}(key.reservation) ^ (base::UuidHash{}(key.tenant) << 1U);
  }
};

// What is known about a key.
struct KeyState {
  base::Fingerprint payload{};
  domain::CommandStatus status = domain::CommandStatus::completed;
  std::int32_t part = 0;
  std::int32_t attempts = 1;
  std::optional<base::Timestamp> expires_at;
  std::shared_ptr<const contract::OutcomeRecord> outcome;  // null: none (running, or a silent one)
  // The row that keeps the outcome; of a running alias the key that it waits for.
  ports::LedgerKey stored_at;
  std::int32_t stored_part = 0;
  std::int64_t left_out = 0;  // bytes of the outcome's value, which has not been read
  bool made = false;          // by this unit: a row is written under it
};

struct TouchedEvent {
  domain::Event now;
  std::vector<domain::Section> base_sections;  // counters and row versions as read
  std::int64_t base_row_version = 0;           // 0: new
  bool row_changed = false;
  Lane* lane = nullptr;
};

struct TouchedReservation {
  domain::Reservation now;
  std::int64_t base_version = 0;  // 0: new
};

class Overlay {
 public:
  // Takes the reads in. `part` and `database_now` are those of the first reads.
  void load(ports::UnitReads&& reads);

  [[nodiscard]] std::int32_t part() const { return part_; }
  [[nodiscard]] base::Timestamp database_now() const { return database_now_; }

  // Null: the key is unknown.
  const KeyState* key(const ports::LedgerKey& key) const;
  void set_key(const ports::LedgerKey& key, KeyState state);
  // Its row has given the key up in this unit.
  void drop_key(const ports::LedgerKey& key) { keys_.erase(key); }
  [[nodiscard]] bool origin_known(const ports::LedgerKey& key) const {
    return origins_.contains(key);
  }
  void add_origin(const ports::LedgerKey& key) { origins_.insert(key); }
  const ports::FoundContentKey* content_key(const ports::LedgerKey& key) const;
  void set_content_key(const ports::FoundContentKey& content);

  // Null: there is none in this tenant.
  const domain::Event* event(Lane& lane, const ports::EventKey& key);
  // The event as this unit leaves it; null: this unit has not changed it.
  const domain::Event* changed(const ports::EventKey& key) const;
  const domain::Reservation* reservation(const ports::ReservationKey& key) const;
  // Whether this unit writes a new row for it.
  [[nodiscard]] bool makes(const ports::LedgerKey& key) const;
  [[nodiscard]] bool makes(const ports::ReservationKey& key) const;
  void change_event(Lane& lane, const domain::Event& event);
  void change_reservation(const domain::Reservation& reservation);
  void change_sections(Lane& lane, const ports::EventKey& key,
                       const std::vector<domain::SectionDelta>& deltas);

  // Adds the net changes of events, sections and reservations, when all is decided: what is known
  // of reservations is gone after it.
  void write(ports::UnitWrites& writes);
  // After the commit: what changed becomes the memory of its lane.
  void remember();
  // After a roll-back for a stale version or a taken key: whatever was touched is read anew next
  // time.
  void forget();

  std::vector<domain::Reservation> drains;
  std::vector<ports::ParkedRow> parked;
  std::vector<ports::ParkedRow> copies;
  // Claims made by events decided in this unit, of all its lanes: the database does not know them
  // yet.
  std::map<std::string, base::EventId> made_names;
  // By what this unit has decided, of all its lanes: outcomes, and records that are kept.
  std::size_t made_bytes = 0;
  std::size_t sagas_begun = 0;
  bool copies_left_out = false;
  bool values_left_out = false;

 private:
  TouchedEvent& touch(Lane& lane, const ports::EventKey& key);
  void set_value(ports::StoredValue&& stored);

  std::int32_t part_ = 0;
  base::Timestamp database_now_;
  std::unordered_map<ports::LedgerKey, KeyState, LedgerKeyHash> keys_;
  std::set<ports::LedgerKey> origins_;
  std::unordered_map<ports::LedgerKey, ports::FoundContentKey, LedgerKeyHash> content_keys_;
  struct ReadEvent {
    domain::Event event;
    Lane* lane = nullptr;  // the lane that looked at it: it may remember it
  };
  std::unordered_map<ports::EventKey, ReadEvent, EventKeyHash> read_events_;
  std::unordered_map<ports::ReservationKey, domain::Reservation, ReservationKeyHash>
      read_reservations_;
  std::unordered_map<ports::EventKey, TouchedEvent, EventKeyHash> events_;
  std::unordered_map<ports::ReservationKey, TouchedReservation, ReservationKeyHash> reservations_;
};

}  // namespace admitone::pipeline
