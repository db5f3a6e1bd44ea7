#pragma once
// Which slot it is: slots pass with time, and in steps on demand. Pure: instants are passed in.
// Used by: solana_service. Threads: one at a time.

#include <chrono>
#include <cstdint>

#include "base/time.hpp"

namespace admitone::simulate {

using Slot = std::int64_t;

class SlotClock {
 public:
  // A slot time of 0: only steps.
  SlotClock(std::chrono::milliseconds slot_time, Slot first, base::Instant since)
      : slot_time_(slot_time), first_(first), since_(since) {}

  [[nodiscard]] Slot at(base::Instant now) const {
    return slot_time_.count() == 0 ? first_ : first_ + (now - since_) / slot_time_;
  }
  void step(Slot slots) { first_ += slots; }

 private:
  std::chrono::milliseconds slot_time_;
  Slot first_;
  base::Instant since_;
};

}  // namespace admitone::simulate
