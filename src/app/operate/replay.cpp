#include "app/operate/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "app/operate/call_time.hpp"
#include "app/operate/resend.hpp"
#include "contract/text.hpp"
#include "kafka/admin.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

std::optional<base::Timestamp> time_of(const Means& means, const std::string& text,
                                       const char* name) {
  if (text.empty()) return std::nullopt;
  const auto out = contract::parse_time(text);
  if (out) return *out;
  throw VerbError(
      kUsage, named(means, name) + " wants a time like 2026-11-20T10:00:00Z, not '" + text + "'");
}

kafka::Milliseconds step(const Means& means) {
  return step_of(means, means.settings.kafka.request_timeout);
}

}  // namespace

void check_range(const Means& means, const ReplayRange& asked) {
  (void)time_of(means, asked.since, "since");
  (void)time_of(means, asked.until, "until");
}

std::string topic_of(const Means& means, const ReplayRange& asked) {
  const auto& all = means.settings.kafka.command_topics;
  if (asked.topic.empty()) return all.front();
  if (std::ranges::find(all, asked.topic) != all.end()) return asked.topic;
  throw VerbError(kUsage, "'" + asked.topic + "' is no command topic (kafka.command_topics)");
}

kafka::Extent extent_of(const Means& means, const kafka::Reader& reader, const ReplayRange& asked,
                        const kafka::Extent& held) {
  const auto topic = topic_of(means, asked);
  const auto since = time_of(means, asked.since, "since");
  const auto until = time_of(means, asked.until, "until");
  AskedRange range;
  range.partition = asked.partition;
  range.from = asked.from;
  range.to = asked.to;
  if (since) range.since = must(reader.offsets_at(topic, held, *since, step(means)));
  if (until) range.until = must(reader.offsets_at(topic, held, *until, step(means)));
  auto extent = held;
  const auto wrong = narrow(topic, range, extent, means.words == Words::flags ? "--" : "");
  if (!wrong.empty()) throw VerbError(kUsage, wrong);
  return extent;
}

ScanFacts scan_facts(const Means& means, const ports::Clock& clock, ReplayMode mode,
                     const std::string& topic) {
  auto views = open_views(means);
  ScanFacts out;
  out.topic = topic;
  out.mode = mode;
  out.home = topic == means.settings.kafka.command_topics.front();
  out.horizon_start = clock.now() - dedupe_horizon(means.settings);
  for (const auto& row : ask(views, postgres::queries::partitions()).rows) {
    // (A lane that was taken and has decided nothing has a row without one.)
    if (postgres::text(row[0]) == topic && !std::holds_alternative<std::monostate>(row[2]))
      out.next_offsets[static_cast<std::int32_t>(postgres::integer(row[1]))] =
          postgres::integer(row[2]);
  }
  return out;
}

std::int64_t look_for_copies(const Means& means, const kafka::Reader& reader,
                             const kafka::Extent& range, const std::optional<std::string>& secret,
                             ScanFacts& facts) {
  std::int64_t unproven = 0;
  facts.given_already = Places(range);
  facts.forwarded = Places(range);
  auto views = open_views(means);
  each_trace(means, reader, views, facts.topic, secret, [&](const Trace& trace) {
    const auto place = place_in(facts.topic, trace.origin);
    if (!place || !facts.given_already.covers(*place)) return;
    facts.given_already.add(*place);
    unproven += trace.is_proven ? 0 : 1;
  });
  auto rows = must(views.stream(postgres::queries::forwards_of(facts.topic)));
  for (auto row = must(rows.next()); row; row = must(rows.next())) {
    facts.forwarded.add(
        {static_cast<std::int32_t>(postgres::integer((*row)[0])), postgres::integer((*row)[1])});
  }
  return unproven;
}

std::vector<std::string> objections_to_reemit(const Means& means) {
  std::vector<std::string> out;
  const auto admin = must(kafka::Admin::create(means.kafka("replay")));
  const auto& topic = means.settings.kafka.outcome_topic;
  for (const auto& facts : must(admin->describe(std::span(&topic, 1), step(means)))) {
    const auto policy = facts.configs.find("cleanup.policy");
    if (policy == facts.configs.end()) continue;
    const auto line = objection_to_reemit(topic, policy->second);
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

Rows rows_of(const std::string& topic, ReplayMode mode, const Tallies& tallies) {
  Rows rows({"partition", "result", "records", "first", "last", "meaning"});
  for (const auto& [partition, found] : tallies) {
    for (const auto& [expectation, tally] : found) {
      rows.add({fmt::format("{}/{}", topic, partition), std::string(name_of(expectation)),
                tally.records, tally.first, tally.last,
                std::string(meaning_of(expectation, mode))});
    }
  }
  return rows;
}

}  // namespace admitone::app
