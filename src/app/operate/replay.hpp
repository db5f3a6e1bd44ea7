#pragma once
// What a replay looks at before it reads its range, and what it says of it: which topic and range
// are meant, what is known of earlier replays, what speaks against one (docs/decisions/0071).
// Used by: the verb `replay`, the API. Threads: one at a time. Blocking: the time-outs of brokers
// and database. Errors: VerbError (operate/means.hpp); kUsage for what cannot be meant.

#include <optional>
#include <string>
#include <vector>

#include "app/operate/means.hpp"
#include "app/operate/replay_core.hpp"
#include "app/operate/replay_scan.hpp"
#include "kafka/reader.hpp"
#include "ports/clock.hpp"

namespace admitone::app {

struct ReplayRange {
  std::string topic{};  // empty: the home topic
  std::optional<std::int32_t> partition{};
  std::optional<std::int64_t> from{};
  std::optional<std::int64_t> to{};
  std::string since{};  // RFC 3339
  std::string until{};
};
// Without looking anywhere.
void check_range(const Means& means, const ReplayRange& asked);
// The topic that is meant: a command topic.
std::string topic_of(const Means& means, const ReplayRange& asked);
// `held`: what the topic has.
kafka::Extent extent_of(const Means& means, const kafka::Reader& reader, const ReplayRange& asked,
                        const kafka::Extent& held);

// What the database says of the topic as a whole.
ScanFacts scan_facts(const Means& means, const ports::Clock& clock, ReplayMode mode,
                     const std::string& topic);
// re-emit: what earlier replays have given of `range`. How many of these are unproven: not decided,
// and without a secret nobody has looked at their signature.
std::int64_t look_for_copies(const Means& means, const kafka::Reader& reader,
                             const kafka::Extent& range, const std::optional<std::string>& secret,
                             ScanFacts& facts);
// A line each.
std::vector<std::string> objections_to_reemit(const Means& means);

// A row for each partition and what would become of its records.
Rows rows_of(const std::string& topic, ReplayMode mode, const Tallies& tallies);

}  // namespace admitone::app
