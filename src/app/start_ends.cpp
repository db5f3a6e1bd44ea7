#include "app/start_ends.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace admitone::app {
namespace {

// After the first that did not answer.
constexpr kafka::Milliseconds kShort{500};

}  // namespace

EndsFound compare_ends(const std::vector<Consumed>& consumed, const AskEnd& ask,
                       kafka::Milliseconds limit) {
  EndsFound found;
  std::vector<std::string> silent;
  std::string why;
  for (const auto& [partition, next] : consumed) {
    const auto name = fmt::format("{}/{}", partition.topic, partition.partition);
    const auto marks = ask(partition, silent.empty() ? limit : std::min(limit, kShort));
    if (!marks && marks.error().kind == base::ErrorKind::permanent) {
      found.refused = marks.error();
      return found;
    }
    if (!marks) {
      if (silent.empty()) why = marks.error().message;
      silent.push_back(name);
      continue;
    }
    if (marks->high >= next) continue;
    found.problems.push_back(
        fmt::format("{} ends at offset {} but the database has consumed it up to {}: the topic was "
                    "re-created or truncated; restore it, or see docs/runbooks/recreated-topic.md",
                    name, marks->high, next));
  }
  if (!silent.empty()) {
    found.warning = fmt::format(
        "no leader says where {} ends ({}): who gets such a lane waits for its leader with it, and "
        "ends if that log turns out to be shorter than what was consumed of it, see "
        "docs/runbooks/recreated-topic.md",
        fmt::join(silent, ", "), why);
  }
  return found;
}

}  // namespace admitone::app
