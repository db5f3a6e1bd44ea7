#include "app/verbs/audit_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "contract/outcome.hpp"

namespace admitone::app::audit {

namespace {

// A source with one element of look-ahead.
template <class T>
class Stream {
 public:
  explicit Stream(const Source<T>& source) : source_(source) {}

  base::Status advance() {
    auto next = source_();
    if (!next) return next.error();
    head_ = std::move(next.value());
    return {};
  }
  [[nodiscard]] bool done() const { return !head_; }
  const T& operator*() const { return *head_; }
  const T* operator->() const { return &*head_; }

 private:
  const Source<T>& source_;
  std::optional<T> head_;
};

std::string at(const std::string& where, std::int64_t offset) {
  return fmt::format("{}/{}", where, offset);
}

}  // namespace

void Check::found(std::string where, std::string what) {
  ++violations;
  if (evidence.size() < kMaxEvidence) evidence.push_back({std::move(where), std::move(what)});
}

// ---------------------------------------------------------------- one verdict per record

namespace {

void missing_verdict(Check& check, const PartitionFacts& facts, const ConsumedRecord& record) {
  if (record.offset >= facts.decided_until) {
    ++check.notes["not consumed yet"];
  } else if (record.timestamp < facts.horizon_start) {
    ++check.notes["older than the ledger"];
  } else {
    ++check.looked_at;
    check.found(at(facts.where, record.offset), "a consumed record has no verdict");
  }
}

void verdict_without_record(Check& check, const PartitionFacts& facts, const VerdictRow& row) {
  if (row.offset < facts.low) {
    ++check.notes["record removed by retention"];
  } else {
    check.found(at(facts.where, row.offset),
                fmt::format("verdict {} for a record that is not in the log", row.verdict));
  }
}

}  // namespace

base::Status check_verdicts(Check& check, const PartitionFacts& facts,
                            const Source<ConsumedRecord>& records,
                            const Source<VerdictRow>& verdicts) {
  Stream<ConsumedRecord> record(records);
  Stream<VerdictRow> row(verdicts);
  if (auto s = record.advance(); !s) return s;
  if (auto s = row.advance(); !s) return s;
  while (!record.done() || !row.done()) {
    if (row.done() || (!record.done() && record->offset < row->offset)) {
      missing_verdict(check, facts, *record);
      if (auto s = record.advance(); !s) return s;
      continue;
    }
    const std::int64_t offset = row->offset;
    const bool in_log = !record.done() && record->offset == offset;
    if (in_log) {
      ++check.looked_at;
    } else {
      verdict_without_record(check, facts, *row);
    }
    std::string all = row->verdict;
    std::int64_t count = 0;
    while (!row.done() && row->offset == offset) {
      if (++count > 1) all += ", " + row->verdict;
      if (auto s = row.advance(); !s) return s;
    }
    if (count > 1) {
      check.found(at(facts.where, offset), fmt::format("{} verdicts: {}", count, all));
    }
    if (in_log) {
      if (auto s = record.advance(); !s) return s;
    }
  }
  return {};
}

// ---------------------------------------------------------------- the outcome log of a lane

namespace {

class LaneAudit {
 public:
  LaneAudit(Check& sequences, Check& agreement, const LaneFacts& facts)
      : sequences_(sequences), agreement_(agreement), facts_(facts) {}

  // The number of this record when it carries one of this lane.
  std::optional<std::int64_t> number(const PublishedOutcome& record) {
    ++sequences_.looked_at;
    const auto parsed = contract::parse_seq(record.seq_text);
    if (!parsed) {
      sequences_.found(where(record),
                       fmt::format("admitone-seq is '{}'", record.seq_text.substr(0, 40)));
      return std::nullopt;
    }
    if (parsed->lane != facts_.lane) {
      sequences_.found(where(record),
                       fmt::format("carries {}, a number of another lane", record.seq_text));
      return std::nullopt;
    }
    return parsed->seq;
  }

  void dense(const PublishedOutcome& record, std::int64_t seq) {
    const bool first = last_ == 0;
    if (first && facts_.low > 0) {
      sequences_.notes["lanes whose beginning was removed by retention"]++;
    } else if (seq <= last_) {
      sequences_.found(where(record), fmt::format("{} again: after {}", seq, last_));
    } else if (seq != last_ + 1) {
      sequences_.found(where(record), fmt::format("gap: {} follows {}", seq, last_));
    }
    last_ = std::max(last_, seq);
  }

  void compare(const PublishedOutcome& record, const OutcomeRow& row) {
    ++agreement_.looked_at;
    if (record.id != row.id) {
      agreement_.found(lane_seq(row.seq),
                       fmt::format("topic has id {} at offset {}, outcome_log {}", record.id,
                                   record.offset, row.id));
    } else if (record.type != row.type) {
      agreement_.found(lane_seq(row.seq),
                       fmt::format("topic has type {}, outcome_log {}", record.type, row.type));
    } else if (record.replayed != row.replayed) {
      agreement_.found(lane_seq(row.seq), fmt::format("topic says replayed={}, outcome_log {}",
                                                      record.replayed, row.replayed));
    }
  }

  void only_in_topic(const PublishedOutcome& record, std::int64_t seq) {
    if (record.offset >= facts_.end_before_snapshot) {
      ++agreement_.notes["newer than the snapshot"];
    } else if (record.timestamp < facts_.horizon_start) {
      ++agreement_.notes["older than the ledger"];
    } else {
      ++agreement_.looked_at;
      agreement_.found(lane_seq(seq),
                       fmt::format("offset {} of the topic ({}) is not in outcome_log",
                                   record.offset, record.id));
    }
  }

  void only_in_view(const OutcomeRow& row, bool before_the_log) {
    if (before_the_log) {
      ++agreement_.notes["outcome removed from the topic by retention"];
    } else if (row.published || row.seq <= last_) {
      ++agreement_.looked_at;
      agreement_.found(lane_seq(row.seq),
                       fmt::format("{} {} is published and not in the topic", row.type, row.id));
    } else {
      ++agreement_.notes["not published yet"];
    }
  }

  void row_numbers(const OutcomeRow& row) {
    if (row_last_ != 0 && row.seq != row_last_ + 1) {
      sequences_.found(lane_seq(row.seq),
                       fmt::format("outcome_log: {} follows {}", row.seq, row_last_));
    }
    row_last_ = row.seq;
  }

  [[nodiscard]] std::int64_t last() const { return last_; }

 private:
  std::string where(const PublishedOutcome& record) const {
    return fmt::format("{}/{}/{}", facts_.topic, facts_.lane, record.offset);
  }
  std::string lane_seq(std::int64_t seq) const {
    return fmt::format("lane {} seq {}", facts_.lane, seq);
  }

  Check& sequences_;
  Check& agreement_;
  const LaneFacts& facts_;
  std::int64_t last_ = 0;
  std::int64_t row_last_ = 0;
};

}  // namespace

base::Status check_lane(Check& sequences, Check& agreement, const LaneFacts& facts,
                        const Source<PublishedOutcome>& topic, const Source<OutcomeRow>& rows) {
  LaneAudit lane(sequences, agreement, facts);
  Stream<PublishedOutcome> record(topic);
  Stream<OutcomeRow> row(rows);
  if (auto s = row.advance(); !s) return s;
  bool before_the_log = facts.low > 0;
  for (;;) {
    if (auto s = record.advance(); !s) return s;
    if (record.done()) break;
    const auto seq = lane.number(*record);
    if (!seq) continue;
    lane.dense(*record, *seq);
    while (!row.done() && row->seq < *seq) {
      lane.row_numbers(*row);
      lane.only_in_view(*row, before_the_log);
      if (auto s = row.advance(); !s) return s;
    }
    before_the_log = false;
    if (row.done() || row->seq != *seq) {
      lane.only_in_topic(*record, *seq);
      continue;
    }
    lane.row_numbers(*row);
    lane.compare(*record, *row);
    if (auto s = row.advance(); !s) return s;
  }
  while (!row.done()) {
    lane.row_numbers(*row);
    lane.only_in_view(*row, before_the_log);
    if (auto s = row.advance(); !s) return s;
  }
  return {};
}

// ---------------------------------------------------------------- keys and their answers

namespace {

constexpr const char* kExpireCommand = "ticketing.reservation.expire.v1";

std::string position_of(const KeyRow& key) {
  return fmt::format("{}/{}/{}", key.topic, key.partition, key.offset);
}

bool is_verdict_of_an_owner(const std::string& verdict) {
  return verdict == "applied" || verdict == "parked";
}

}  // namespace

base::Status check_keys(Check& check, const Source<KeyRow>& keys) {
  Stream<KeyRow> key(keys);
  if (auto s = key.advance(); !s) return s;
  while (!key.done()) {
    const std::string scope = key->scope;
    std::int64_t live = 0;
    std::string positions;
    while (!key.done() && key->scope == scope) {
      ++check.looked_at;
      if (key->status == "in_progress") ++check.notes["still running"];
      // An attempt that failed has given the key back; what failed twice stands here twice.
      if (key->status != "failed") {
        positions += (live == 0 ? "" : ", ") + position_of(*key);
        ++live;
      }
      // A late expire is silent (guarantees L7).
      const bool silent = key->command_type == kExpireCommand;
      if (key->status != "in_progress" && !key->outcome_id && !silent) {
        check.found(scope,
                    fmt::format("{} without an outcome ({})", key->status, position_of(*key)));
      }
      if (auto s = key.advance(); !s) return s;
    }
    if (live > 1) {
      check.found(scope, fmt::format("the key was executed {} times: {}", live, positions));
    }
  }
  return {};
}

base::Status check_owners(Check& check, const std::string& where, const Source<AppliedRow>& records,
                          const Source<KeyRow>& keys) {
  Stream<AppliedRow> record(records);
  Stream<KeyRow> key(keys);
  if (auto s = record.advance(); !s) return s;
  if (auto s = key.advance(); !s) return s;
  while (!record.done() || !key.done()) {
    if (key.done() || (!record.done() && record->offset < key->offset)) {
      // What failed gave its key back, an early expire takes none, and a parked command may have
      // given it to a waiting copy.
      const bool may_own_nothing = record->verdict != "applied" || record->outcome_type.empty() ||
                                   record->outcome_type == "ticketing.command.failed.v1";
      ++check.looked_at;
      if (!may_own_nothing) {
        check.found(at(where, record->offset), "was applied and owns no key");
      }
      if (auto s = record.advance(); !s) return s;
      continue;
    }
    if (record.done() || key->offset < record->offset) {
      check.found(at(where, key->offset), "owns the key " + key->scope + " and has no verdict");
      if (auto s = key.advance(); !s) return s;
      continue;
    }
    ++check.looked_at;
    const std::int64_t offset = key->offset;
    if (!is_verdict_of_an_owner(record->verdict)) {
      check.found(at(where, offset),
                  fmt::format("owns the key {} with the verdict {}", key->scope, record->verdict));
    }
    std::int64_t owned = 0;
    while (!key.done() && key->offset == offset) {
      ++owned;
      if (auto s = key.advance(); !s) return s;
    }
    if (owned > 1) check.found(at(where, offset), fmt::format("owns {} keys", owned));
    if (auto s = record.advance(); !s) return s;
  }
  return {};
}

namespace {

// Everything that carries one outcome id.
struct Answer {
  std::string id;
  std::int64_t firsts = 0;
  std::int64_t logged = 0;
  std::int64_t records = 0;
  std::int64_t keys = 0;
  std::string first_type;
  std::string first_code;
  std::string first_at;
  std::string record_at;
  std::string key_scope;
  std::string key_type;
  std::string key_code;
};

bool ends_a_reservation(const std::string& type) {
  return type == "ticketing.reservation.released.v1" ||
         type == "ticketing.reservation.cancelled.v1";
}

void judge(Check& check, const Answer& a) {
  ++check.looked_at;
  const std::string where = "outcome " + a.id;
  if (a.logged == 0) {
    const std::string owner = a.keys > 0 ? "key " + a.key_scope : "record " + a.record_at;
    check.found(where, "is the answer of " + owner + " and is not in outcome_log");
    return;
  }
  if (a.firsts != 1) {
    check.found(where, fmt::format("given for the first time {} times ({})", a.firsts, a.first_at));
  }
  if (a.keys > 1) check.found(where, fmt::format("is the outcome of {} keys", a.keys));
  if (a.keys == 1 && (a.key_type != a.first_type || a.key_code != a.first_code)) {
    check.found(where, fmt::format("key says {} {}, the log {} {}", a.key_type, a.key_code,
                                   a.first_type, a.first_code));
  }
  // Cancelling an event ends each reservation with an outcome that answers no record.
  const bool of_a_drain =
      a.records == 0 && a.keys == 0 && a.logged == 1 && ends_a_reservation(a.first_type);
  if (of_a_drain) {
    ++check.notes["given by cancelling an event"];
  } else if (a.records != a.logged) {
    check.found(where,
                fmt::format("{} records are answered by it, {} answers are in the log ({})",
                            a.records, a.logged, a.record_at.empty() ? a.first_at : a.record_at));
  }
}

struct AnswerStreams {
  Stream<LoggedAnswer> log;
  Stream<AnsweredRecord> record;
  Stream<KeyRow> key;

  [[nodiscard]] bool done() const { return log.done() && record.done() && key.done(); }
  [[nodiscard]] std::string least() const {
    std::optional<std::string> least;
    const auto take = [&least](const std::string& id) {
      if (!least || id < *least) least = id;
    };
    if (!log.done()) take(log->outcome_id);
    if (!record.done()) take(record->outcome_id);
    if (!key.done()) take(key->outcome_id.value_or(""));
    return least.value_or("");
  }
};

base::Status gather(AnswerStreams& in, Answer& a) {
  while (!in.log.done() && in.log->outcome_id == a.id) {
    ++a.logged;
    if (!in.log->replayed) {
      ++a.firsts;
      a.first_type = in.log->type;
      a.first_code = in.log->code;
    }
    if (a.first_at.size() < 100) {
      a.first_at += fmt::format("{}lane {} seq {}", a.first_at.empty() ? "" : ", ", in.log->lane,
                                in.log->seq);
    }
    if (auto s = in.log.advance(); !s) return s;
  }
  while (!in.record.done() && in.record->outcome_id == a.id) {
    ++a.records;
    if (a.record_at.size() < 100) {
      a.record_at += (a.record_at.empty() ? "" : ", ") + in.record->where;
    }
    if (auto s = in.record.advance(); !s) return s;
  }
  while (!in.key.done() && in.key->outcome_id.value_or("") == a.id) {
    ++a.keys;
    a.key_scope = in.key->scope;
    a.key_type = in.key->outcome_type;
    a.key_code = in.key->outcome_code;
    if (auto s = in.key.advance(); !s) return s;
  }
  return {};
}

}  // namespace

base::Status check_answers(Check& check, const Source<LoggedAnswer>& log,
                           const Source<AnsweredRecord>& records, const Source<KeyRow>& keys) {
  AnswerStreams in{Stream<LoggedAnswer>(log), Stream<AnsweredRecord>(records),
                   Stream<KeyRow>(keys)};
  if (auto s = in.log.advance(); !s) return s;
  if (auto s = in.record.advance(); !s) return s;
  if (auto s = in.key.advance(); !s) return s;
  while (!in.done()) {
    Answer answer;
    answer.id = in.least();
    if (auto s = gather(in, answer); !s) return s;
    judge(check, answer);
  }
  return {};
}

// ---------------------------------------------------------------- capacity

namespace {

struct Sums {
  std::int64_t held = 0;
  std::int64_t sold = 0;
};

using SectionSums = std::map<std::string, Sums>;

void add(SectionSums& sums, const ReservationRow& reservation) {
  for (const auto& [section, quantity] : reservation.items) {
    Sums& s = sums[section];
    if (reservation.status == "held") s.held += quantity;
    if (reservation.status == "confirmed") s.sold += quantity;
  }
}

void judge(Check& check, const SectionRow& row, const Sums& sums) {
  ++check.looked_at;
  const std::string where = row.event + " section " + row.section;
  if (row.capacity != row.available + row.held + row.sold || row.available < 0 || row.held < 0 ||
      row.sold < 0) {
    check.found(where, fmt::format("capacity {} ≠ available {} + held {} + sold {}", row.capacity,
                                   row.available, row.held, row.sold));
  }
  if (row.held != sums.held || row.sold != sums.sold) {
    check.found(where, fmt::format("counts {} held, {} sold; its reservations {} held, {} sold",
                                   row.held, row.sold, sums.held, sums.sold));
  }
}

}  // namespace

base::Status check_capacity(Check& check, const Source<SectionRow>& sections,
                            const Source<ReservationRow>& reservations) {
  Stream<SectionRow> section(sections);
  Stream<ReservationRow> reservation(reservations);
  if (auto s = section.advance(); !s) return s;
  if (auto s = reservation.advance(); !s) return s;
  while (!section.done() || !reservation.done()) {
    std::string event = section.done() ? reservation->event : section->event;
    if (!reservation.done() && reservation->event < event) event = reservation->event;
    SectionSums sums;
    while (!reservation.done() && reservation->event == event) {
      add(sums, *reservation);
      if (auto s = reservation.advance(); !s) return s;
    }
    while (!section.done() && section->event == event) {
      judge(check, *section, sums[section->section]);
      sums.erase(section->section);
      if (auto s = section.advance(); !s) return s;
    }
    for (const auto& [name, left] : sums) {
      if (left.held == 0 && left.sold == 0) continue;
      check.found(event + " section " + name,
                  fmt::format("{} held and {} sold seats in a section that does not exist",
                              left.held, left.sold));
    }
  }
  return {};
}

}  // namespace admitone::app::audit
