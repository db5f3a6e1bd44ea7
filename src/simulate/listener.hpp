#pragma once
// One HTTP port of a simulator, a thread for each connection. The handler answers; the answer also
// says how it is given: late, byte by byte, or not at all with the connection ended. Used by:
// app/verbs/simulate. Lifetime: bound, run, stopped once. Threads: `run` blocks its caller, the
// handler runs on the listener's threads, `stop` and `traffic` from any. Blocking: every wait ends
// at `stop`. Errors: binding only.
//
// Limits: `connections` at once, a further one is closed at once and counted; 1 MiB of body; 5 s
// for a request to arrive and for an answer to be taken.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace admitone::simulate {

struct Request {
  std::string method;
  std::string path;  // decoded, without the query
  std::map<std::string, std::string> query;
  std::string authorization;
  std::string tenant;           // X-Tenant-ID
  std::string idempotency_key;  // Idempotency-Key
  std::string body;
};

struct Answer {
  int status = 200;
  std::string body;
  std::string type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;

  std::chrono::milliseconds wait{0};  // before the first byte
  bool lost = false;                  // after the wait the connection ends without a byte
  std::size_t drip_bytes = 0;         // so many bytes at a time; 0: all at once
  std::chrono::milliseconds drip_pause{0};
  std::function<void()> later;  // done when the connection has ended and this time has passed
  std::chrono::milliseconds later_in{0};
};

using Handler = std::function<Answer(const Request&)>;

struct Traffic {
  std::int64_t open = 0;
  std::int64_t refused = 0;
};

class Listener {
 public:
  struct Options {
    std::string listen = "127.0.0.1:0";  // HOST:PORT; port 0 takes a free one
    int connections = 256;
  };
  Listener(Options options, Handler handler);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Returns the port. Connections wait until `run`.
  base::Result<int> bind();
  // Serves until `stop`; after `bind`.
  void run();
  // Open requests end without an answer. Also legal before `run` and without it.
  void stop();
  [[nodiscard]] Traffic traffic() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::simulate
