#pragma once
// The board into which loops report that they advance and into which the wiring writes what is
// ready. Liveness looks only at our own loops; readiness at the schema, the group and the database
// (operations.md, audit C12). Nobody who reads the board waits for what it tells of: whoever asks a
// service does so on a thread of its own, and is judged by the board when no answer comes.
// Used by: app (writes), the HTTP server (reads). Lifetime: the process. Threads: any. Blocking:
// never. Errors: none.

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "ports/clock.hpp"

namespace admitone::telemetry {

// One loop's sign of life. Stays valid as long as the board.
class Heartbeat {
 public:
  Heartbeat(std::string name, std::chrono::milliseconds limit, const ports::Clock& clock);
  void beat();
  // The loop has ended as it should; it is not waited for any more.
  void finish();
  [[nodiscard]] bool late() const;
  [[nodiscard]] std::chrono::milliseconds age() const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  const std::string name_;
  const std::chrono::milliseconds limit_;
  const ports::Clock& clock_;
  std::atomic<base::Instant::duration::rep> last_;
  std::atomic<bool> finished_{false};
};

enum class Condition {
  waiting,   // not yet
  ok,        //
  degraded,  // slow or partly; still ready
  failed,    // not ready
};

struct HealthLine {
  std::string name;
  bool good = false;
  std::string detail;
};

struct HealthReport {
  bool good = false;
  std::vector<HealthLine> lines;
};

class Health {
 public:
  explicit Health(const ports::Clock& clock) : clock_(clock) {}

  // A loop that is stuck when it has not beaten for `limit`.
  Heartbeat& loop(const std::string& name, std::chrono::milliseconds limit);
  // Something readiness waits for; `expect` it before the first report.
  void expect(const std::string& name);
  // The same, and it is asked again and again, each time `every` so long after its report. What has
  // not answered within `limit`, and what nobody asks any more, has failed.
  struct ProbeLimits {
    std::chrono::milliseconds limit;
    std::chrono::milliseconds every;
  };
  void expect(const std::string& name, ProbeLimits limits);
  // It is being asked; `report` says what it answered.
  void asking(const std::string& name);
  void report(const std::string& name, Condition condition, const std::string& detail);
  // Start-up is over; it never begins again.
  void started();
  // From now on not ready, so that nobody is sent here any more.
  void draining();

  [[nodiscard]] HealthReport live() const;
  [[nodiscard]] HealthReport ready() const;
  [[nodiscard]] HealthReport startup() const;

 private:
  struct State {
    Condition condition = Condition::waiting;
    std::string detail = "not yet";
    std::optional<ProbeLimits> probe = std::nullopt;
    std::optional<base::Instant> asked = std::nullopt;  // and not answered yet
    base::Instant reported{};
  };
  [[nodiscard]] HealthLine line_of(const std::string& name, const State& state) const;

  const ports::Clock& clock_;
  mutable std::mutex mutex_;
  std::deque<Heartbeat> loops_;  // a deque never moves what is in it
  std::map<std::string, State> states_;
  bool started_ = false;
  bool draining_ = false;
};

}  // namespace admitone::telemetry
