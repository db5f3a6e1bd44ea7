#pragma once
// What one record left in another place: the home copy of a forwarded one, the letter of a dead
// one. Used by: the verb `audit`. Threads, blocking, errors: as audit_core.hpp.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/verbs/audit_core.hpp"

namespace admitone::app::audit {

struct ForwardedRow {
  std::string position;
  std::string tenant;
  base::Timestamp decided_at;
};
// A record of the home topic that was decided for one that came in elsewhere.
struct HomeRow {
  std::string origin;
  std::string where;
  std::string tenant;   // empty: nobody's
  bool decides = true;  // false: the forward came again, and what it carried was decided
  base::Timestamp decided_at;
  bool repeats = false;  // its answer is that of a key that was there before
};
struct ForwardFacts {
  bool home_is_behind = false;  // some of its records have no verdict yet
  // Older rows may have lost their partner to the ledger's rotation.
  base::Timestamp forwarded_since;
  base::Timestamp home_since;
  // Is the record at this position below what its partition has decided? A forward is delivered
  // before the unit that says so.
  std::function<bool(const std::string& position)> is_recorded;
  // Is there, or was there, a dead letter at this position? One that is redriven has it as origin.
  std::function<bool(const std::string& position)> is_letter = {};
  // Is this a record of the home topic that was decided? What a replay gives again has it as
  // origin.
  std::function<bool(const std::string& position)> is_decided_at_home = {};
};
// Each forwarded record is decided once in a home lane, for the same tenant; a dead letter that is
// redriven once; what a replay gives again is answered once and executes nothing; and nothing else
// claims to come from elsewhere. Both in the order of origins (as bytes).
base::Status check_forwards(Check& check, const ForwardFacts& facts,
                            const Source<ForwardedRow>& forwarded, const Source<HomeRow>& home);

struct DeadRow {
  std::string position;
  std::string origin;  // empty: it came in here
};
struct DeadLetter {
  std::string where;     // in its topic
  std::string position;  // that it names
  base::Timestamp timestamp;
  bool after_snapshot = false;  // its verdict may be newer than what the views show
  std::string reason;
  std::string code;
  bool has_detail = false;
};
// Each dead record has a dead letter and nothing else has one; letters may repeat. expect, then
// every letter and every pending position, then finish with the same rows again.
// Limits: 8 bytes for each, and kMaxLetters of them; what is beyond is only counted.
class LetterCheck {
 public:
  static constexpr std::size_t kMaxLetters = 4'000'000;
  LetterCheck(Check& check, base::Timestamp horizon_start, bool retention_took)
      : check_(check), horizon_start_(horizon_start), retention_took_(retention_took) {}
  base::Status expect(const Source<DeadRow>& rows);
  void pending(const std::string& position);
  void letter(const DeadLetter& letter);
  base::Status finish(const Source<DeadRow>& rows);

 private:
  Check& check_;
  base::Timestamp horizon_start_;
  bool retention_took_;
  bool too_many_ = false;
  std::vector<std::uint64_t> expected_;  // hashes of positions
  std::vector<std::uint64_t> pending_;
  std::vector<std::uint64_t> letters_;
};

}  // namespace admitone::app::audit
