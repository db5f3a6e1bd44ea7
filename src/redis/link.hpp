#pragma once
// One connection to Redis, on the thread that it is given: jobs are carried out in order, the
// connection is kept, looked after, and made again when it breaks.
//
// Used by: Client. Room-internal. Lifetime: made, run once, destroyed after `run` has returned.
// Threads: all public functions any; jobs are made and their `done` is called on that of `run`, or
// of
//   the destructor.
// Blocking: `submit` never; `run` until its token says stop, and then until what is under way has
//   ended: the call limit, and the look-up of a host's name for as long as the resolver likes.
// Errors: told to `done`: retry_call, effect unknown. A reply that is an error breaks the
// connection:
//   a server that is loading, or has become a replica, must be looked for again.
// Limits: jobs that wait; a job has the call limit and three tries within it. After the n-th
// failure
//   in a row the next connection is tried n × 50 ms later, 2 s at most.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "ports/clock.hpp"
#include "redis/connection.hpp"

namespace admitone::redis {

// How long a server is left alone after so many failures in a row (audit C7).
[[nodiscard]] std::chrono::milliseconds pause_after(int failures);

struct LinkSettings {
  Address address;
  Tls tls = {};
  std::string purpose = {};  // for logs
  std::chrono::milliseconds call_limit{1'000};
  std::size_t most_waiting = 64;
};

struct Job {
  std::function<std::vector<Command>()> make;  // on the link's thread
  base::Instant wanted_until;                  // nobody waits for it any more: it is not begun
  std::function<void(base::Result<std::vector<Reply>>)> done;  // once; must not throw or wait
};

class Link {
 public:
  struct State {
    bool up = false;
    std::string why = {};                      // it is not; empty: it was not asked yet
    std::chrono::microseconds answered_in{0};  // the last time
  };

  Link(LinkSettings settings, const ports::Clock& clock);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // In the end who still waits is told that it was given up.
  void run(const std::stop_token& stop);
  // False: it is full, or has ended; `done` is not called then.
  bool submit(Job job);
  [[nodiscard]] State state() const;

 private:
  void give_up();
  std::optional<Job> next(const std::stop_token& stop);
  void serve(Job& job, const std::stop_token& stop);
  // None: it has to be tried again, if there is time.
  std::optional<std::vector<Reply>> attempt(const std::vector<Command>& commands,
                                            base::Instant deadline);
  void look_after();
  bool connect(base::Instant deadline);
  void lost(const std::string& why);
  void answered(base::Instant since);
  bool may_tell();

  const LinkSettings settings_;
  const ports::Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any something_;
  std::deque<Job> waiting_;
  bool ended_ = false;
  State state_;
  // The thread of `run` only.
  std::unique_ptr<Connection> connection_;
  int failures_ = 0;           // in a row
  base::Instant next_turn_{};  // connected: to be asked whether it is there; else: to be tried
  std::string last_error_;
  base::Instant tell_at_{};
};

}  // namespace admitone::redis
