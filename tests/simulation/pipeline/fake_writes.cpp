// What a unit of work does to the fake database.
#include <algorithm>

#include "simulation/pipeline/fake_database.hpp"

namespace admitone::simulation {

using ports::UnitEnd;

namespace {

// As the unique indexes hold names: against the rows as they are at this moment.
bool takes_a_name(const FakeDatabase& db, const domain::Event& event) {
  return std::any_of(db.events.begin(), db.events.end(), [&](const auto& entry) {
    const auto& [key, other] = entry;
    if (key.tenant != event.tenant || other.id == event.id ||
        other.status == domain::EventStatus::withdrawn)
      return false;
    if (event.external_id && other.external_id == event.external_id) return true;
    return other.venue_id == event.venue_id &&
           (other.slug == event.slug ||
            (other.name_folded == event.name_folded && other.starts_at == event.starts_at));
  });
}

// Outcomes given again that are not published yet find their value under the row's new key.
void follow(FakeDatabase& db, const ports::LedgerRekey& rekey,
            const std::vector<ports::LaneAdvance>& lanes) {
  for (auto& [at, row] : db.ledger) {
    if (row.stored_at != rekey.key || row.stored_part != rekey.part) continue;
    const bool unpublished = std::ranges::any_of(lanes, [&row = row](const auto& lane) {
      return lane.tp == base::TopicPartition{0, row.lane} && row.out_seq > lane.published_seq;
    });
    if (unpublished) row.stored_at = ports::LedgerKey{rekey.key.tenant, rekey.to};
  }
}

}  // namespace

UnitEnd FakeStore::apply(FakeDatabase& db, const ports::UnitWrites& writes) {
  for (const auto& rekey : writes.rekeys) {
    auto node = db.ledger.extract({rekey.key, rekey.part});
    if (node.empty()) return UnitEnd::stale;
    node.key() = {ports::LedgerKey{rekey.key.tenant, rekey.to}, rekey.part};
    node.mapped().key.key = rekey.to;
    node.mapped().owns_key = rekey.owns_key;
    if (!db.ledger.insert(std::move(node)).inserted) return UnitEnd::key_taken;
    follow(db, rekey, writes.lanes);
  }
  for (const auto& row : writes.rows)
    if (!db.ledger.emplace(std::tuple{row.key, writes.part}, row).second) return UnitEnd::key_taken;
  for (const auto& finish : writes.finishes) {
    const auto found = db.ledger.find({finish.row.key, finish.part});
    if (found == db.ledger.end() || found->second.out_seq) return UnitEnd::stale;
    auto row = finish.row;
    row.verdict = finish.verdict.value_or(found->second.verdict);
    row.position = found->second.position;
    row.owns_key = found->second.owns_key;
    found->second = row;
  }
  for (const auto& [key, lane] : writes.origins)
    if (!db.origins.insert(key).second) return UnitEnd::key_taken;
  for (const auto& row : writes.content_keys) db.content_keys[row.content] = row;
  for (const auto& write : writes.events) {
    const ports::EventKey key{write.event.tenant, write.event.id};
    const auto found = db.events.find(key);
    if ((found == db.events.end() ? 0 : found->second.row_version) != write.expected_row_version)
      return write.expected_row_version == 0 ? UnitEnd::key_taken : UnitEnd::stale;
    auto event = write.event;
    event.row_version = write.expected_row_version + 1;
    for (auto& section : event.sections) {
      if (found != db.events.end())
        for (const auto& old : found->second.sections)
          if (old.section_id == section.section_id) {
            section.held = old.held;
            section.sold = old.sold;
          }
      if (section.row_version == 0) section.held = section.sold = 0;
      section.row_version += 1;
    }
    if (takes_a_name(db, event)) return UnitEnd::key_taken;
    db.events[key] = std::move(event);
  }
  for (const auto& write : writes.sections) {
    const auto event = db.events.find(write.event);
    if (event == db.events.end()) return UnitEnd::stale;
    for (auto& section : event->second.sections) {
      if (section.section_id != write.section_id) continue;
      const bool with_event =
          std::any_of(writes.events.begin(), writes.events.end(), [&](const auto& one) {
            return one.event.id == write.event.event && one.event.tenant == write.event.tenant;
          });
      if (section.row_version != write.expected_row_version + (with_event ? 1 : 0))
        return UnitEnd::stale;
      section.held += write.held;
      section.sold += write.sold;
      if (!with_event) section.row_version += 1;
      ADMITONE_ASSERT(section.held >= 0 && section.sold >= 0 && section.available() >= 0);
    }
  }
  for (const auto& write : writes.reservations) {
    const ports::ReservationKey key{write.reservation.tenant, write.reservation.id};
    const auto found = db.reservations.find(key);
    if ((found == db.reservations.end() ? 0 : found->second.version) != write.expected_version)
      return write.expected_version == 0 ? UnitEnd::key_taken : UnitEnd::stale;
    db.reservations[key] = write.reservation;
  }
  if (const auto end = db.write(writes.sagas); end != UnitEnd::committed) return end;
  for (const auto& row : writes.unpark)
    if (db.parked.erase({row.lane, row.order}) != 1) return UnitEnd::stale;
  for (const auto& end : writes.actions) {
    const auto found = db.actions.find({end.tenant, end.id});
    if (found == db.actions.end() || found->second.state != "pending") return UnitEnd::stale;
    found->second.state = end.applied ? "applied" : "refused";
    found->second.position = end.position;
  }
  for (const auto& row : writes.park) db.parked.emplace(std::pair{row.lane, row.order}, row);
  for (const auto& letter : writes.dead_letters) db.dead_letters.emplace(letter.position, letter);
  for (const auto& position : writes.dead_letters_sent) db.dead_letters.erase(position);
  return UnitEnd::committed;
}

}  // namespace admitone::simulation
