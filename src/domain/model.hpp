#pragma once
// Events, sections and reservations as values. No I/O, no clock, no JSON.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "domain/codes.hpp"

namespace admitone::domain {

using base::EventId;
using base::Fingerprint;
using base::ReservationId;
using base::TenantId;
using base::Timestamp;

struct Section {
  std::string section_id;
  std::string name;
  std::int64_t capacity = 0;
  std::int64_t held = 0;
  std::int64_t sold = 0;
  std::int64_t price_minor = 0;
  std::string currency;
  // Version of the stored row this value was read at; every write names it (law L11).
  std::int64_t row_version = 0;
  [[nodiscard]] std::int64_t available() const { return capacity - held - sold; }
  bool operator==(const Section&) const = default;
};

struct Royalties {
  std::int64_t artist_bps = 0;
  std::int64_t venue_bps = 0;
  std::string artist_wallet;
  std::string venue_wallet;
  bool operator==(const Royalties&) const = default;
};

struct Event {
  TenantId tenant;
  EventId id;
  std::int32_t lane = 0;  // home partition that owns the rows
  EventStatus status = EventStatus::pending;
  std::int64_t version = 0;  // the public version: 1 at creation, +1 per update and cancellation
  std::int64_t row_version = 0;  // +1 per write of the row
  std::string venue_id;
  std::string name;
  std::string name_folded;  // case-folded: the uniqueness key
  std::string slug;
  std::optional<std::string> description;
  Timestamp starts_at;
  Timestamp ends_at;
  std::string timezone;
  std::optional<std::string> external_id;
  std::optional<Timestamp> sales_start_at;
  std::optional<Timestamp> sales_end_at;
  std::optional<std::int64_t> max_per_reservation;
  std::optional<std::string> metadata;  // canonical JSON, opaque here
  std::optional<Royalties> royalties;
  std::optional<std::string> cancel_reason;
  std::optional<std::string> hold_id;          // what the venue holds for it
  std::optional<std::string> chain_address;    // its record on the chain
  std::optional<std::string> chain_signature;  // of the transaction that changed the record last
  Fingerprint created_by{};       // payload fingerprint of the create that made (or revived) it
  std::vector<Section> sections;  // in the producer's order
  bool operator==(const Event&) const = default;
};

struct ReservationItem {
  std::string section_id;
  std::int64_t quantity = 0;
  std::int64_t price_minor = 0;  // each, at the time of the hold
  bool operator==(const ReservationItem&) const = default;
};

struct Reservation {
  TenantId tenant;
  ReservationId id;
  EventId event;
  std::int32_t lane = 0;
  ReservationStatus status = ReservationStatus::held;
  std::int64_t version = 0;       // 1 at the hold, +1 per change; also the row's version
  std::int64_t hold_version = 0;  // the version at which expires_at was last set
  std::string customer_id;
  std::vector<ReservationItem> items;
  std::string currency;
  std::int64_t total_minor = 0;
  Timestamp expires_at;
  std::optional<std::string> payment_reference;
  std::optional<std::string> refund_reference;
  std::optional<std::string> reason;
  Fingerprint created_by{};
  bool operator==(const Reservation&) const = default;
};

}  // namespace admitone::domain
