#pragma once
// An installation of the program for a test: topics, group and schema of its own on the servers of
// the environment, the program run as people run it, and one worker. All of it is taken away at the
// end. Threads: one.

#include <string>
#include <vector>

namespace admitone::tests {

struct Finished {
  int code = -1;
  std::string out;
  std::string err;
};

class Installation {
 public:
  Installation();
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  Finished run(const std::string& arguments, const std::string& input = {}) const;
  // Until it has said `ready`; false when it did not within a minute.
  bool start_worker();
  void stop_worker();
  // As the administrator, with the schema as search path.
  void sql(const std::string& statement) const;
  // Nothing is running and every outcome is known to be published; waits at most `seconds`.
  bool settled(int seconds) const;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string home_topic() const { return name_ + ".commands"; }
  [[nodiscard]] std::string outcome_topic() const { return name_ + ".outcomes"; }

 private:
  std::string name_;
  std::string folder_;
  std::string exports_;
  int worker_ = -1;
  int worker_output_ = -1;
};

}  // namespace admitone::tests
