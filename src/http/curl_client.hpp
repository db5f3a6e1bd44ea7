#pragma once
// HTTP over curl: one loop for all requests, connections kept and bounded, HTTP/1.1.
// Used by: app (makes it and runs it), the adapters of services outside.
// Lifetime: made, run once, destroyed after `run` has returned and after who sends has stopped.
//   What is sent or posted after `run` has returned is answered `cancelled`, or run, by the
//   destructor.
// Threads: `run` blocks the thread that it is given; all else from any. Blocking: `post` never;
//   `send` only when `max_waiting` refusals wait for the loop's next turn: until that, half a
//   second at most; `run` until its token says stop, and then for `close_limit` at most: who waits
//   is cancelled at once, who is on a connection may still be answered.
// Errors: as client.hpp says; making it fails (permanent) when the CA file cannot be read.
// Limits: connections, requests that wait for one, each answer and its headers (64 KiB). One that
//   does not fit is answered `retry_call`, not applied. A look-up of a name that is given up goes
//   on in a thread of curl's own until the resolver's time-out.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "http/client.hpp"
#include "ports/clock.hpp"

namespace admitone::http {

struct CurlOptions {
  bool allow_insecure = false;  // http:// too
  std::string ca_file = {};     // PEM, instead of the system's; empty: the system's
  std::size_t max_connections = 256;
  // Who waits goes by age, the origins in turn. With answers in 100 ms these are 640 calls a second
  // to one service, and no origin takes more than a quarter of all.
  std::size_t max_connections_per_origin = 64;
  // And as many refusals.
  std::size_t max_waiting = 8192;
  std::chrono::milliseconds connect_limit{3'000};  // name, connection and TLS
  // Many servers close what is idle for 5 s; what was closed that moment is an unknown effect.
  std::chrono::seconds idle_limit{4};
  // The longest limit of a call. What the other side has not acknowledged for so long is not sent
  // again by the kernel, whoever was to give it up.
  std::chrono::milliseconds send_limit{10'000};
  std::chrono::milliseconds close_limit{2'000};
};

class CurlClient final : public Client {
 public:
  static base::Result<std::unique_ptr<CurlClient>> create(const CurlOptions& options,
                                                          const ports::Clock& clock);
  ~CurlClient() override;
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  void send(Request request, Done done) override;
  // Also run, on its way out, by a loop that is closing.
  void post(Task task);
  void run(const std::stop_token& stop);

  struct Load {
    std::size_t waiting = 0;  // for a connection
    std::size_t active = 0;
  };
  [[nodiscard]] Load load() const;
  // Advances while the loop turns (liveness), twice a second at least.
  [[nodiscard]] std::uint64_t rounds() const;

 private:
  struct Impl;
  explicit CurlClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::http
