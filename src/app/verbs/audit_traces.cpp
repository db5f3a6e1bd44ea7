#include "app/verbs/audit_traces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "contract/codes.hpp"

namespace admitone::app::audit {

// ---------------------------------------------------------------- forwards

namespace {

// Everything about one origin.
struct Forward {
  std::string origin;
  std::optional<ForwardedRow> sent;
  std::int64_t decided = 0;
  std::int64_t executed = 0;  // of those, the ones that repeat nothing
  std::optional<HomeRow> first;
  bool same_tenant = true;
};

// What no forward but an operator has sent.
bool judge_operators(Check& check, const ForwardFacts& facts, const Forward& one) {
  const bool letter = facts.is_letter && facts.is_letter(one.origin);
  const bool home = !letter && facts.is_decided_at_home && facts.is_decided_at_home(one.origin);
  if (!letter && !home) return false;
  if (one.decided > 1) {
    check.found(one.origin, fmt::format("was sent again and decided {} times", one.decided));
  } else if (home && one.executed > 0) {
    check.found(one.first->where, "gives the answer of " + one.origin + " again and executed it");
  } else {
    ++check.notes[letter ? "redriven dead letters" : "given again by a replay"];
  }
  return true;
}

void judge(Check& check, const ForwardFacts& facts, const Forward& one) {
  ++check.looked_at;
  if (!one.sent) {
    if (judge_operators(check, facts, one)) return;
    if (!facts.is_recorded(one.origin)) {
      ++check.notes["forwarded by a unit that is not written yet"];
    } else if (one.first->decided_at < facts.home_since) {
      ++check.notes["older than the ledger"];
    } else {
      check.found(one.first->where, "was decided for " + one.origin + ", which was not forwarded");
    }
    return;
  }
  if (one.decided > 1) {
    check.found(one.origin, fmt::format("was forwarded and decided {} times", one.decided));
  } else if (one.decided == 0 && facts.home_is_behind) {
    ++check.notes["not decided yet"];
  } else if (one.decided == 0 && one.sent->decided_at < facts.forwarded_since) {
    ++check.notes["older than the ledger"];
  } else if (one.decided == 0) {
    check.found(one.origin, "was forwarded and no home lane has decided it");
  } else if (!one.same_tenant) {
    check.found(one.origin, "was decided for another tenant at " + one.first->where);
  }
}

}  // namespace

base::Status check_forwards(Check& check, const ForwardFacts& facts,
                            const Source<ForwardedRow>& forwarded, const Source<HomeRow>& home) {
  Stream<ForwardedRow> sent(forwarded);
  Stream<HomeRow> row(home);
  if (auto s = sent.advance(); !s) return s;
  if (auto s = row.advance(); !s) return s;
  while (!sent.done() || !row.done()) {
    Forward one;
    one.origin = sent.done() ? row->origin : sent->position;
    if (!row.done() && row->origin < one.origin) one.origin = row->origin;
    while (!sent.done() && sent->position == one.origin) {
      one.sent = *sent;
      if (auto s = sent.advance(); !s) return s;
    }
    while (!row.done() && row->origin == one.origin) {
      if (row->decides) ++one.decided;
      if (row->decides && !row->repeats) ++one.executed;
      // What nobody could read any more at home is nobody's.
      if (one.sent && !row->tenant.empty() && row->tenant != one.sent->tenant)
        one.same_tenant = false;
      if (!one.first) one.first = *row;
      if (auto s = row.advance(); !s) return s;
    }
    judge(check, facts, one);
  }
  return {};
}

// ---------------------------------------------------------------- dead letters

namespace {

std::uint64_t hash_of(const std::string& position) {
  return std::hash<std::string>{}(position);
}

bool has(const std::vector<std::uint64_t>& sorted, const std::string& position) {
  return std::binary_search(sorted.begin(), sorted.end(), hash_of(position));
}

bool says_why(const DeadLetter& letter) {
  static constexpr std::array kCodes{domain::Code::invalid_command, domain::Code::tenant_forbidden,
                                     domain::Code::processing_failed};
  const bool known = std::any_of(kCodes.begin(), kCodes.end(), [&](domain::Code code) {
    return contract::code_name(code) == letter.code;
  });
  return known && !letter.reason.empty() && letter.has_detail;
}

}  // namespace

base::Status LetterCheck::expect(const Source<DeadRow>& rows) {
  Stream<DeadRow> row(rows);
  if (auto s = row.advance(); !s) return s;
  while (!row.done()) {
    if (expected_.size() >= kMaxLetters) {
      too_many_ = true;
      return {};
    }
    expected_.push_back(hash_of(row->position));
    if (!row->origin.empty()) expected_.push_back(hash_of(row->origin));
    if (auto s = row.advance(); !s) return s;
  }
  std::sort(expected_.begin(), expected_.end());
  return {};
}

void LetterCheck::pending(const std::string& position) {
  pending_.push_back(hash_of(position));
}

void LetterCheck::letter(const DeadLetter& letter) {
  if (!says_why(letter)) check_.found(letter.where, "does not say why it is a dead letter");
  if (too_many_ || letters_.size() >= kMaxLetters) {
    too_many_ = true;
    return;
  }
  letters_.push_back(hash_of(letter.position));
  if (has(expected_, letter.position)) return;
  if (letter.after_snapshot) {
    ++check_.notes["newer than the snapshot"];
  } else if (letter.timestamp < horizon_start_) {
    ++check_.notes["older than the ledger"];
  } else {
    check_.found(letter.where, "is the dead letter of " + letter.position + ", which is not dead");
  }
}

base::Status LetterCheck::finish(const Source<DeadRow>& rows) {
  std::sort(letters_.begin(), letters_.end());
  std::sort(pending_.begin(), pending_.end());
  Stream<DeadRow> row(rows);
  if (auto s = row.advance(); !s) return s;
  while (!row.done()) {
    if (too_many_) {
      ++check_.notes["not compared: too many"];
    } else if (has(letters_, row->position) ||
               (!row->origin.empty() && has(letters_, row->origin))) {
      ++check_.looked_at;
    } else if (has(pending_, row->position)) {
      ++check_.notes["not published yet"];
    } else if (retention_took_) {
      ++check_.notes["removed from the topic by retention"];
    } else {
      ++check_.looked_at;
      check_.found(row->position, "is dead and has no dead letter");
    }
    if (auto s = row.advance(); !s) return s;
  }
  return {};
}

}  // namespace admitone::app::audit
