// What the fake database has for the lanes' timers.
#include <algorithm>

#include "simulation/pipeline/fake_database.hpp"

namespace admitone::simulation {
base::Result<std::vector<ports::DueHold>> FakeStore::due_holds(std::int32_t lane,
                                                               base::Timestamp until,
                                                               std::int32_t limit) {
  ++asked;
  before_due_holds();
  if (down || no_holds || no_holds_of == lane) return unreachable();
  std::vector<ports::DueHold> due;
  for (const auto& [key, one] : db_.reservations) {
    if (one.lane != lane || one.status != domain::ReservationStatus::held || one.expires_at > until)
      continue;
    const auto event = db_.events.find({one.tenant, one.event});
    if (event != db_.events.end() && (event->second.status == domain::EventStatus::cancelling ||
                                      event->second.status == domain::EventStatus::changing))
      continue;
    due.push_back({one.tenant, one.event, one.id, one.hold_version, one.expires_at});
  }
  // The map has them by tenant and id.
  std::stable_sort(due.begin(), due.end(),
                   [](const auto& a, const auto& b) { return a.expires_at < b.expires_at; });
  due.resize(std::min(due.size(), static_cast<std::size_t>(limit)));
  return due;
}

base::Status FakeStore::note_timers(std::span<const ports::TimerRun> runs) {
  if (down) return unreachable();
  for (const auto& run : runs) {
    const auto lane = db_.progress.find({0, run.lane});
    if (lane == db_.progress.end() || lane->second.at.epoch != run.epoch) continue;
    auto& noted = db_.timers[run.lane];
    const auto before = noted;
    noted = run;
    noted.released += before.released;
    noted.decided_until = std::max(noted.decided_until, before.decided_until);
  }
  return {};
}

}  // namespace admitone::simulation
