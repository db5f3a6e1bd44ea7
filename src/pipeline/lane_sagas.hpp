#pragma once
// What a lane knows of its events' sagas (the journals are the runner's), and the time by which
// they are driven. Owned by the lane's pipeline thread.

#include <cstdint>
#include <optional>

#include "base/ids.hpp"
#include "saga/runner.hpp"

namespace admitone::pipeline {

// Of an event: its saga that has not ended, or a command that waits for room to begin one.
struct EventSaga {
  std::optional<base::SagaId> id;  // none: waits for room
  bool cancels = false;            // of an event.cancel: told when the event is drained
  bool blocks = true;              // every command; else only what would begin another saga
  // Commands of the event that wait for it, the saga's own included: they are not in Lane::parked,
  // where what may be released is.
  std::int64_t parked = 0;
  std::int64_t order = 0;  // waits for room: of the first in the event's queue
};

// The database's time, carried on by the steady clock.
class SagaClock {
 public:
  void set(base::Timestamp database_now, base::Instant steady) {
    at_ = saga::Now{database_now, steady};
  }
  // None: the database has never been asked.
  [[nodiscard]] std::optional<saga::Now> now(base::Instant steady) const {
    if (!at_) return std::nullopt;
    return saga::Now{at_->time + std::chrono::duration_cast<base::Duration>(steady - at_->steady),
                     steady};
  }

 private:
  std::optional<saga::Now> at_;
};

}  // namespace admitone::pipeline
