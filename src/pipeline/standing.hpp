#pragma once
// How the lanes of the process stand, taken together: what start-up and readiness ask for. A lane
// that waits for an operator, or for a Kafka transaction that hangs, keeps neither from the others:
// no new worker would ever do better with it.

#include <string>
#include <vector>

namespace admitone::pipeline {

struct Standing {
  // The group was joined, nothing is fatal, and each lane that the engine was told of was looked
  // at: taken or stopped.
  bool begun = false;
  // And no lane is still to be told of or read, not all of several are stopped, and those that are
  // worked on are open for publishing, but for the ones that hang.
  bool ready = false;
  // As "topic/partition".
  std::vector<std::string> stopped = {};
  std::vector<std::string> hanging = {};  // taken and decided; their outcomes wait
};

}  // namespace admitone::pipeline
