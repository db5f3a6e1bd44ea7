#pragma once
// What a unit of work made public: handed from a pipeline to the publisher after its commit is
// known.

#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.hpp"
#include "contract/outcome.hpp"
#include "pipeline/intake.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

struct PublishedOutcome {
  std::int64_t seq = 0;
  std::shared_ptr<const contract::OutcomeRecord> outcome;
  base::Timestamp received;  // of the record that is answered: end-to-end latency
};

// Of one lane and one unit of work, in order.
struct Publication {
  base::TopicPartition tp;
  AssignmentTag tag = 0;
  std::vector<PublishedOutcome> outcomes;
  std::vector<ports::PendingDeadLetter> dead_letters;
  std::int64_t next_offset = 0;  // the group's position once all of this is in the log
  base::Instant decided{};       // when it was handed over
  bool of_full_unit = false;     // as large as may be, and the lane has more: it is on its way

  // Of what is held for it, roughly.
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& out : outcomes) sum += out.outcome->value.size() + 512;
    for (const auto& letter : dead_letters) sum += letter.packed.size() + 512;
    return sum;
  }
};

}  // namespace admitone::pipeline
