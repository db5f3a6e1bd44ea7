#pragma once
// Whether the logs that a worker is about to read are those that the database knows: one that ends
// before what was consumed of it is another one.
// Used by: check_start. Threads: one. Blocking: as `ask` does; its whole limit is waited for once,
// as leaders that are away may be many. Errors: in what was found.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/probe.hpp"

namespace admitone::app {

struct Consumed {
  kafka::NamedPartition partition;
  std::int64_t next = 0;  // the database has consumed all below
};

struct EndsFound {
  std::vector<std::string> problems;  // a log is another one
  // Who does not answer is no reason not to start: the lane waits for its leader, and reading from
  // beyond the real end is refused then (pipeline, Pipeline::position).
  std::string warning;
  std::optional<base::Error> refused;  // nobody may ask, or the topic is not there
};

using AskEnd = std::function<base::Result<kafka::Watermarks>(const kafka::NamedPartition&,
                                                             kafka::Milliseconds limit)>;

EndsFound compare_ends(const std::vector<Consumed>& consumed, const AskEnd& ask,
                       kafka::Milliseconds limit);

}  // namespace admitone::app
