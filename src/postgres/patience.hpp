#pragma once
// Ends the wait for a server that does not answer. PostgreSQL's own time-outs are kept by the
// server, and keep-alives are answered by its machine: when the server itself hangs, libpq would
// wait for ever, and the thread inside cannot help itself. Somebody else shuts the connection's
// socket down, and for libpq the connection is lost.
// Used by: Connection tells of each wait; app calls check() from a thread that never waits for the
// database. Lifetime: longer than the connections that it watches. Threads: any. Blocking: never.
// Errors: none. A wait that has ended in the same moment may cost its connection, which is then
// made anew.

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "ports/clock.hpp"

namespace admitone::postgres {

class Patience {
 public:
  explicit Patience(const ports::Clock& clock) : clock_(clock) {}

  // One connection, while it lives.
  class Watched {
   public:
    // `patience`: null, nobody watches. `socket` stays its owner's.
    Watched(Patience* patience, int socket, std::chrono::milliseconds limit, std::string name);
    ~Watched();
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

   private:
    friend class Patience;
    Patience* patience_;
    // A descriptor of our own for it: libpq may close the other one at any time, and its number is
    // then somebody else's.
    int socket_ = -1;
    const std::chrono::milliseconds limit_;
    const std::string name_;
    std::atomic<base::Instant::duration::rep> until_{kNever};
  };

  // An answer that is waited for. One at a time for each connection.
  class Wait {
   public:
    explicit Wait(Watched& watched);
    ~Wait();
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    Watched& watched_;
  };

  void check();

 private:
  static constexpr base::Instant::duration::rep kNever = 0;
  const ports::Clock& clock_;
  std::mutex mutex_;
  std::vector<Watched*> all_;
};

}  // namespace admitone::postgres
