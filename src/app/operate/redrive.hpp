#pragma once
// Dead letters sent to their lanes again: which are meant, what lanes and home topic show of
// earlier redrives, the plan from both, and the sending. So is the plan of a run that follows one
// that was killed (docs/decisions/0072).
// Used by: the verb `dead-letters redrive`, the API. Lifetime: one run. Threads: one at a time.
// Blocking: until the topics are read, or Means::interrupted; each step by the settings. Errors:
// VerbError (operate/means.hpp): kInterrupted before anything was sent; kConflict when more letters
// are meant than there is room for; kNotFound when none is.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/operate/dead_letters.hpp"
#include "app/operate/means.hpp"
#include "app/operate/redrive_core.hpp"
#include "app/operate/resend.hpp"
#include "kafka/reader.hpp"
#include "ports/clock.hpp"

namespace admitone::app {

// VerbError(kUsage) when nothing is selected, or what is none can be.
void check_selection(const Means& means, const Selection& selection);

class Redrive {
 public:
  // `means`, `clock`: outlive it.
  Redrive(const Means& means, const ports::Clock& clock, Selection selection,
          ReadingProgress progress = {});

  // Reads every letter that is meant, at most `most`, and what is known of it. With the
  // deployment's secret, which wants database.url, only those copies count whose signature holds.
  void look(std::size_t most, std::optional<std::string> secret);
  // To be settled, between `look` and `send`.
  [[nodiscard]] RedrivePlan& plan() { return plan_; }
  [[nodiscard]] const RedrivePlan& plan() const { return plan_; }
  // kNotFound when no letter is meant.
  void check_found() const;
  // What may be sent, by tenant and lane.
  [[nodiscard]] Resending::Counts counts() const;
  // In words, for audit rows.
  [[nodiscard]] std::string target() const;
  // Sends what may be sent, in the order of the letters, which is that of the records of a
  // partition; the plan has what became of each. Interrupted it is no error. After one some of what
  // is not told as sent may be on its way. One that is interrupted at once sends what it has
  // taken, unless it is stopped (Sending): who repeats a call comes to an end.
  base::Status send(Resending& resending);
  // Notes the verdicts that lanes have given since.
  void look_again(postgres::Views& views);

  // At most `most`: those of this run first.
  [[nodiscard]] Rows rows(std::size_t most) const;

 private:
  [[nodiscard]] RedriveRules rules() const;
  void find_records_of_letters();
  void read(const std::string& what, const kafka::Extent& extent, const kafka::Reader::Each& each);
  [[nodiscard]] kafka::Extent extent_of_what_goes() const;

  const Means& means_;
  Selection selection_;
  ReadingProgress progress_;
  kafka::Milliseconds step_;
  std::unique_ptr<kafka::Reader> reader_;
  RedriveRules rules_;
  RedrivePlan plan_;
  std::optional<std::string> secret_;
};

}  // namespace admitone::app
