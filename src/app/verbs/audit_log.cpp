// The checks of audit_core.hpp that follow a log: verdicts beside records, outcomes beside rows.

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/verbs/audit_core.hpp"
#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"

namespace admitone::app::audit {

namespace {

std::string at(const std::string& where, std::int64_t offset) {
  return fmt::format("{}/{}", where, offset);
}

}  // namespace

// ---------------------------------------------------------------- one verdict per record

VerdictCheck::VerdictCheck(Check& check, PartitionFacts facts, Source<VerdictRow> verdicts)
    : check_(check), facts_(std::move(facts)), rows_(std::move(verdicts)) {}

// Of a command that was understood: it is within the limits.
std::string tenant_in(std::string_view value) {
  // A schema registry's prefix.
  if (value.size() > 5 && value.front() == 0) value.remove_prefix(5);
  const auto document = nlohmann::json::parse(value, nullptr, false);
  const auto tenant = document.is_object() ? document.find("tenantid") : document.end();
  return tenant != document.end() && tenant->is_string() ? tenant->get<std::string>() : "";
}

// Verdicts that are followed by an answer, unless nothing is owed.
bool owes_an_answer(const VerdictRow& row) {
  if (row.running || row.silent || row.verdict == "forwarded") return false;
  // Without a tenant nobody could be told.
  return row.verdict != "dead" || !row.tenant.empty();
}

// Verdicts below `offset`: the log has no record for them.
base::Status VerdictCheck::before(std::int64_t offset) {
  if (auto s = rows_.begin(); !s) return s;
  while (!rows_.done() && rows_->offset < offset) {
    if (rows_->offset < facts_.low) {
      ++check_.notes["record removed by retention"];
    } else {
      check_.found(at(facts_.where, rows_->offset),
                   fmt::format("verdict {} for a record that is not in the log", rows_->verdict));
    }
    if (auto s = rows_.advance(); !s) return s;
  }
  return {};
}

void VerdictCheck::alone(const ConsumedRecord& record) {
  if (record.offset >= facts_.decided_until) {
    ++check_.notes["not consumed yet"];
  } else if (record.timestamp < facts_.horizon_start) {
    ++check_.notes["older than the ledger"];
  } else {
    ++check_.looked_at;
    check_.found(at(facts_.where, record.offset), "a consumed record has no verdict");
  }
}

void VerdictCheck::judge(const ConsumedRecord& record, const VerdictRow& row) {
  const auto found = [&](std::string what) {
    check_.found(at(facts_.where, record.offset), std::move(what));
  };
  const bool decided = row.verdict != "forwarded" && row.verdict != "dead";
  if (!facts_.home && decided) {
    found(fmt::format("has the verdict {} and is not in the home topic", row.verdict));
  } else if (row.verdict == "forwarded" && row.answered) {
    found("was forwarded and has an answer of its own");
  } else if (facts_.home && !row.answered && owes_an_answer(row)) {
    found(fmt::format("has the verdict {} and no answer", row.verdict));
  }
  if (row.tenant.empty()) return;
  if (record.tenant != row.tenant && tenant_in(record.value) != row.tenant)
    found("its verdict is given to another tenant, " + row.tenant);
}

base::Status VerdictCheck::record(const ConsumedRecord& record) {
  if (auto s = before(record.offset); !s) return s;
  if (rows_.done() || rows_->offset != record.offset) {
    alone(record);
    return {};
  }
  ++check_.looked_at;
  judge(record, *rows_);
  std::string all;
  std::int64_t count = 0;
  while (!rows_.done() && rows_->offset == record.offset) {
    all += (count == 0 ? "" : ", ") + rows_->verdict;
    ++count;
    if (auto s = rows_.advance(); !s) return s;
  }
  if (count > 1) {
    check_.found(at(facts_.where, record.offset), fmt::format("{} verdicts: {}", count, all));
  }
  return {};
}

base::Status VerdictCheck::finish() {
  return before(std::numeric_limits<std::int64_t>::max());
}

// ---------------------------------------------------------------- the outcome log of a lane

LaneCheck::LaneCheck(Check& sequences, Check& agreement, LaneFacts facts, Source<OutcomeRow> rows)
    : sequences_(sequences),
      agreement_(agreement),
      facts_(std::move(facts)),
      rows_(std::move(rows)),
      row_last_(facts_.detached_seq),
      before_the_log_(facts_.low > 0) {}

std::string LaneCheck::lane_seq(std::int64_t seq) const {
  return fmt::format("lane {} seq {}", facts_.lane, seq);
}

std::string LaneCheck::position(const PublishedOutcome& record) const {
  return fmt::format("{}/{}/{}", facts_.topic, facts_.lane, record.offset);
}

// The number of this record when it carries one of this lane.
std::optional<std::int64_t> LaneCheck::number(const PublishedOutcome& record) {
  ++sequences_.looked_at;
  const auto parsed = contract::parse_seq(record.seq_text);
  if (!parsed) {
    sequences_.found(position(record),
                     fmt::format("admitone-seq is '{}'", record.seq_text.substr(0, 40)));
    return std::nullopt;
  }
  if (parsed->lane != facts_.lane) {
    sequences_.found(position(record),
                     fmt::format("carries {}, a number of another lane", record.seq_text));
    return std::nullopt;
  }
  return parsed->seq;
}

void LaneCheck::dense(const PublishedOutcome& record, std::int64_t seq) {
  if (last_ == 0 && facts_.low > 0) {
    ++sequences_.notes["lanes whose beginning was removed by retention"];
  } else if (seq <= last_) {
    sequences_.found(position(record), fmt::format("{} again: after {}", seq, last_));
  } else if (seq != last_ + 1) {
    sequences_.found(position(record), fmt::format("gap: {} follows {}", seq, last_));
  }
  last_ = std::max(last_, seq);
}

void LaneCheck::compare(const PublishedOutcome& record, const OutcomeRow& row) {
  ++agreement_.looked_at;
  const auto differs = [&](const char* what, const std::string& topic, const std::string& view) {
    if (topic == view) return false;
    agreement_.found(lane_seq(row.seq), fmt::format("the topic has {} {} at offset {}, outcome_log "
                                                    "{}",
                                                    what, topic, record.offset, view));
    return true;
  };
  // One finding for one record.
  const bool wrong =
      differs("id", record.id, row.id) || differs("type", record.type, row.type) ||
      differs("tenant", record.tenant, row.tenant) || differs("event", record.event, row.event) ||
      differs("key", record.key, row.event) || differs("origin", record.origin, row.origin) ||
      differs("command", record.command_id, row.command_id) ||
      differs("code", record.code, row.code);
  if (wrong) return;
  if (record.replayed != row.replayed) {
    agreement_.found(lane_seq(row.seq), fmt::format("the topic says replayed={}, outcome_log {}",
                                                    record.replayed, row.replayed));
  } else if (!record.replayed) {
    derive(record);
  }
}

// Anybody can make the id of a first outcome (schemas/README.md).
void LaneCheck::derive(const PublishedOutcome& record) {
  const auto type = contract::outcome_type(record.type);
  if (!type) {
    agreement_.found(position(record), "has the unknown type " + record.type);
    return;
  }
  const auto made_of = [&](const std::string& subject) {
    return contract::outcome_id(record.origin, *type, subject).str() == record.id;
  };
  // A reservation that its event's cancellation ended is the subject itself.
  if (made_of(record.event) || (!record.ended.empty() && made_of(record.ended))) return;
  agreement_.found(position(record),
                   fmt::format("the id {} does not follow from {}, {} and {}", record.id,
                               record.origin, record.type, record.event));
}

void LaneCheck::only_in_topic(const PublishedOutcome& record, std::int64_t seq) {
  if (record.offset >= facts_.end_before_snapshot) {
    ++agreement_.notes["newer than the snapshot"];
  } else if (record.timestamp < facts_.horizon_start || seq <= facts_.detached_seq) {
    ++agreement_.notes["older than the ledger"];
  } else {
    ++agreement_.looked_at;
    agreement_.found(lane_seq(seq),
                     fmt::format("{} at offset {} of the topic is not in outcome_log", record.id,
                                 record.offset));
  }
}

void LaneCheck::only_in_view(const OutcomeRow& row) {
  if (before_the_log_) {
    ++agreement_.notes["removed from the topic by retention"];
  } else if (row.published || row.seq <= last_) {
    ++agreement_.looked_at;
    agreement_.found(lane_seq(row.seq),
                     fmt::format("{} {} is published and not in the topic", row.type, row.id));
  } else {
    ++agreement_.notes["not published yet"];
  }
}

base::Status LaneCheck::take_row() {
  if (rows_->seq > facts_.detached_seq) {
    if (rows_->seq != row_last_ + 1) {
      sequences_.found(lane_seq(rows_->seq),
                       fmt::format("outcome_log: {} follows {}", rows_->seq, row_last_));
    }
    row_last_ = rows_->seq;
  }
  return rows_.advance();
}

base::Status LaneCheck::record(const PublishedOutcome& record) {
  const auto seq = number(record);
  if (!seq) return {};
  dense(record, *seq);
  if (auto s = rows_.begin(); !s) return s;
  while (!rows_.done() && rows_->seq < *seq) {
    only_in_view(*rows_);
    if (auto s = take_row(); !s) return s;
  }
  before_the_log_ = false;
  if (rows_.done() || rows_->seq != *seq) {
    only_in_topic(record, *seq);
    return {};
  }
  compare(record, *rows_);
  return take_row();
}

base::Status LaneCheck::finish() {
  if (auto s = rows_.begin(); !s) return s;
  while (!rows_.done()) {
    only_in_view(*rows_);
    if (auto s = take_row(); !s) return s;
  }
  return {};
}

}  // namespace admitone::app::audit
