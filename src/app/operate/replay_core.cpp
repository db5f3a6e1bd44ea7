#include "app/operate/replay_core.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace admitone::app {
namespace {

Expectation expect_dedupe(const ReplayFacts& facts, const RecordFacts& record) {
  // Whatever became of it: below its next offset a lane decides nothing.
  if (record.offset < facts.next_offset || record.decided) return Expectation::redelivered;
  if (record.reading == Reading::dead) return Expectation::dead;
  if (!facts.home) return Expectation::forwarded;
  if (record.reading == Reading::invalid) return Expectation::invalid;
  if (record.key_answers) return Expectation::duplicate;
  if (record.timestamp < facts.horizon_start) return Expectation::too_old;
  return Expectation::never_seen;
}

Expectation expect_reemit(const ReplayFacts& facts, const RecordFacts& record) {
  if (!record.decided) {
    if (record.offset >= facts.next_offset) return Expectation::pending;
    return record.timestamp < facts.horizon_start ? Expectation::too_old : Expectation::not_kept;
  }
  const auto& row = *record.decided;
  if (row.verdict == "forwarded") return Expectation::forwarded;
  if (row.running) return Expectation::running;
  const bool has_key =
      row.verdict == "applied" || row.verdict == "duplicate" || row.verdict == "parked";
  if (!has_key || !row.answered || !row.kept || record.reading != Reading::command)
    return Expectation::not_kept;
  if (record.is_copy) return Expectation::copy;
  if (record.given_already) return Expectation::given_already;
  return record.is_placed_well ? Expectation::given_again : Expectation::misplaced;
}

std::string at(const std::string& topic, std::int32_t partition) {
  return fmt::format("{}/{}", topic, partition);
}

}  // namespace

std::string_view name_of(Expectation expectation) {
  switch (expectation) {
    case Expectation::redelivered:
      return "redelivered";
    case Expectation::never_seen:
      return "never seen";
    case Expectation::duplicate:
      return "duplicate";
    case Expectation::given_again:
      return "given again";
    case Expectation::given_already:
      return "given already";
    case Expectation::copy:
      return "copy";
    case Expectation::pending:
      return "pending";
    case Expectation::running:
      return "running";
    case Expectation::not_kept:
      return "not kept";
    case Expectation::misplaced:
      return "misplaced";
    case Expectation::forwarded:
      return "forwarded";
    case Expectation::invalid:
      return "invalid";
    case Expectation::dead:
      return "dead";
    case Expectation::too_old:
      return "too old";
  }
  return "";
}

std::string_view meaning_of(Expectation expectation, ReplayMode mode) {
  switch (expectation) {
    case Expectation::redelivered:
      return "has its verdict: nothing changes, nothing is emitted";
    case Expectation::never_seen:
      return "has no verdict yet: will be decided";
    case Expectation::duplicate:
      return "has no verdict yet, and its key has: the stored answer will be given";
    case Expectation::given_again:
      return "its stored outcome is given again, nothing is executed";
    case Expectation::given_already:
      return "was given again by an earlier replay; replay where its copy stands to repeat that";
    case Expectation::copy:
      return "was sent by an earlier replay for a record of this range, which stands for it";
    case Expectation::pending:
      return "its lane has not decided it yet and will; not sent";
    case Expectation::running:
      return "has no outcome yet; not sent";
    case Expectation::not_kept:
      return "its answer, if any, is not a key's for long enough; not sent";
    case Expectation::misplaced:
      return "its event has another lane, or its topic other tenants, by now; not sent";
    case Expectation::forwarded:
      return mode == ReplayMode::dedupe ? "has no verdict yet: will be forwarded to its home lane"
                                        : "is answered for its forward on the home topic; not sent";
    case Expectation::invalid:
      return "has no verdict yet: will be refused with INVALID_COMMAND";
    case Expectation::dead:
      return "has no verdict yet: will be a dead letter";
    case Expectation::too_old:
      return mode == ReplayMode::dedupe ? "has no verdict yet: would be refused, REPLAY_TOO_OLD"
                                        : "its answer is forgotten, REPLAY_TOO_OLD; not sent";
  }
  return "";
}

Expectation expect(const ReplayFacts& facts, const RecordFacts& record) {
  return facts.mode == ReplayMode::dedupe ? expect_dedupe(facts, record)
                                          : expect_reemit(facts, record);
}

Places::Places(const kafka::Extent& range) {
  for (const auto& [partition, ends] : range) {
    const auto length = std::max<std::int64_t>(ends.high - ends.low, 0);
    parts_[partition] = {ends.low, std::vector<bool>(static_cast<std::size_t>(length))};
  }
}

bool Places::covers(TopicPlace at) const {
  const auto found = parts_.find(at.partition);
  if (found == parts_.end() || at.offset < found->second.from) return false;
  return static_cast<std::size_t>(at.offset - found->second.from) < found->second.bits.size();
}

void Places::add(TopicPlace at) {
  if (!covers(at)) return;
  auto& part = parts_.at(at.partition);
  part.bits[static_cast<std::size_t>(at.offset - part.from)] = true;
}

bool Places::has(TopicPlace at) const {
  if (!covers(at)) return false;
  const auto& part = parts_.at(at.partition);
  return part.bits[static_cast<std::size_t>(at.offset - part.from)];
}

void Tally::add(std::int64_t offset) {
  if (records == 0) first = offset;
  ++records;
  last = offset;
}

std::string narrow(const std::string& topic, const AskedRange& asked, kafka::Extent& extent,
                   std::string_view dashes) {
  if ((asked.from || asked.to) && !asked.partition) {
    return fmt::format("{0}from and {0}to are offsets of one partition: name it with {0}partition",
                       dashes);
  }
  if (asked.partition) {
    const auto found = extent.find(*asked.partition);
    if (found == extent.end())
      return fmt::format("{} has the partitions 0 to {}, not {}", topic, extent.size() - 1,
                         *asked.partition);
    extent = {*found};
  }
  for (auto& [partition, ends] : extent) {
    auto from = asked.from.value_or(ends.low);
    auto to = asked.to.value_or(ends.high);
    if (from < ends.low) {
      return fmt::format("{} begins at offset {}: {} to {} are gone; {}from {} takes what is left",
                         at(topic, partition), ends.low, from, ends.low - 1, dashes, ends.low);
    }
    if (to > ends.high || from > ends.high) {
      return fmt::format("{} ends before offset {}: {}to can be at most that", at(topic, partition),
                         ends.high, dashes);
    }
    if (const auto since = asked.since.find(partition); since != asked.since.end())
      from = std::max(from, since->second);
    if (const auto until = asked.until.find(partition); until != asked.until.end())
      to = std::min(to, until->second);
    ends = {from, std::max(from, to)};
  }
  return {};
}

std::vector<Piece> pieces_of(const kafka::Extent& extent, std::int64_t most) {
  std::vector<Piece> out;
  for (const auto& [partition, ends] : extent) {
    for (auto from = ends.low; from < ends.high; from += most)
      out.push_back({partition, from, std::min(from + most, ends.high)});
  }
  return out;
}

std::vector<std::string> objections(const MoveFacts& facts, const Tallies& tallies) {
  std::vector<std::string> out;
  if (facts.members > 0) {
    out.push_back(fmt::format(
        "{} workers of the group '{}' own its partitions and stand where they are: stop them all "
        "first, or leave --move-group out",
        facts.members, facts.group));
  }
  for (const auto& move : facts.moves) {
    const auto where = at(facts.topic, move.partition);
    const auto next = move.next_offset.value_or(move.log_start);
    if (next < move.log_start) {
      out.push_back(fmt::format(
          "{}: records {} to {} were deleted before they were consumed, and its lane stands still "
          "wherever the group is: see docs/runbooks/deleted-records.md",
          where, next, move.log_start - 1));
    } else if (move.from > next && !move.next_offset) {
      out.push_back(
          fmt::format("{}: the database has never seen this partition, and its lane begins where "
                      "the log does: give --from {}",
                      where, move.log_start));
    } else if (move.from > next) {
      out.push_back(fmt::format(
          "{}: the database decides {} next, and a group that stands at {} would leave out {} "
          "records: give --from {} or less",
          where, next, move.from, move.from - next, next));
    }
    const auto found = tallies.find(move.partition);
    if (found == tallies.end() || !found->second.contains(Expectation::too_old)) continue;
    const auto& old = found->second.at(Expectation::too_old);
    out.push_back(fmt::format(
        "{}: {} records without a verdict, {} to {}, are older than the dedupe horizon "
        "(idempotency.completed_ttl) and would be refused with REPLAY_TOO_OLD: restore a newer "
        "database, or rebuild into an empty one with a group and an outcome topic of its own",
        where, old.records, old.first, old.last));
  }
  return out;
}

std::string objection_to_reemit(const std::string& outcome_topic,
                                const std::string& cleanup_policy) {
  if (cleanup_policy.find("compact") == std::string::npos) return {};
  return fmt::format(
      "{} has cleanup.policy={}: it keeps one outcome of each event, and one that is given again "
      "would take the place of the latest; set it to delete (`admitone topics check`)",
      outcome_topic, cleanup_policy);
}

}  // namespace admitone::app
