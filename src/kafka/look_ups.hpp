#pragma once
// What a sink is told of partitions that are new here: the group's position, and where the log
// begins and ends. By turns, so that those whose leader is away keep none of the others waiting.
// Used by: Consumer (on assignment). Threads: the one that polls. Blocking: as the questions do.
// Errors: in the log; what was not found is to be looked up again.

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/position.hpp"
#include "base/result.hpp"
#include "kafka/probe.hpp"
#include "kafka/turns.hpp"
#include "ports/record_source.hpp"

namespace admitone::kafka {

class LookUps {
 public:
  using Partitions = std::vector<base::TopicPartition>;
  // As Probe has them.
  struct Questions {
    std::function<base::Result<std::vector<Probe::Position>>(const Partitions&)> positions;
    std::function<base::Result<Watermarks>(base::TopicPartition)> watermarks;
  };
  explicit LookUps(Questions ask) : ask_(std::move(ask)) {}

  // Of `fresh`, in rising order, those that were found before a leader did not answer: the same
  // broker would take as long for the others. The next look begins behind it.
  std::vector<ports::AssignedPartition> look(Partitions fresh);
  // Until the next look. A leader that is away takes all the time that a question has, of the
  // thread that serves the other partitions: so it grows with each round in which nobody answered.
  [[nodiscard]] Milliseconds pause() const { return pause_; }
  // Other partitions are new: as if none had been looked up.
  void begin();

 private:
  std::vector<ports::AssignedPartition> find(const Partitions& fresh);
  std::optional<ports::AssignedPartition> look_up(base::TopicPartition tp,
                                                  const Probe::Position& position) const;

  Questions ask_;
  Turns turns_;
  static constexpr Milliseconds kPause{200};
  static constexpr Milliseconds kLongestPause{5'000};
  Milliseconds pause_ = kPause;
  std::size_t unanswered_ = 0;  // looks since one found something
};

}  // namespace admitone::kafka
