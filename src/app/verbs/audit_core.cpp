#include "app/verbs/audit_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace admitone::app::audit {

namespace {

std::string at(const std::string& where, std::int64_t offset) {
  return fmt::format("{}/{}", where, offset);
}

}  // namespace

void Check::found(std::string where, std::string what) {
  ++violations;
  if (evidence.size() < kMaxEvidence) evidence.push_back({std::move(where), std::move(what)});
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
      // What failed gave its key back, an early expire takes none, a parked command may have given
      // it to a waiting copy, and one that has ended is whose comes next with it.
      const bool may_own_nothing =
          record->verdict != "applied" || record->answer != Answer::given || record->ended;
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
struct Gathered {
  std::string id;
  std::int64_t firsts = 0;
  std::int64_t logged = 0;
  std::int64_t records = 0;
  std::int64_t keys = 0;
  bool first_may_be_gone = false;
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

void judge(Check& check, const Gathered& a) {
  ++check.looked_at;
  const std::string where = "outcome " + a.id;
  if (a.logged == 0) {
    const std::string owner = a.keys > 0 ? "key " + a.key_scope : "record " + a.record_at;
    check.found(where, "is the answer of " + owner + " and is not in outcome_log");
    return;
  }
  if (a.firsts == 0 && a.first_may_be_gone) {
    ++check.notes["first given before the ledger begins"];
  } else if (a.firsts != 1) {
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

base::Status gather(AnswerStreams& in, Gathered& a, const DetachedSeqs& detached) {
  while (!in.log.done() && in.log->outcome_id == a.id) {
    ++a.logged;
    const auto gone = detached.find(in.log->lane);
    // The first has the lower number, and its row is in the same part or an older one.
    if (gone != detached.end() && gone->second > 0) a.first_may_be_gone = true;
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
                           const Source<AnsweredRecord>& records, const Source<KeyRow>& keys,
                           const DetachedSeqs& detached) {
  AnswerStreams in{Stream<LoggedAnswer>(log), Stream<AnsweredRecord>(records),
                   Stream<KeyRow>(keys)};
  if (auto s = in.log.advance(); !s) return s;
  if (auto s = in.record.advance(); !s) return s;
  if (auto s = in.key.advance(); !s) return s;
  while (!in.done()) {
    Gathered answer;
    answer.id = in.least();
    if (auto s = gather(in, answer, detached); !s) return s;
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
