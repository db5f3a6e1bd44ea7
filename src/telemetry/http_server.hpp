#pragma once
// The one HTTP listener: /livez /readyz /startupz (?verbose with a token) and /metrics. Every
// answer carries X-Request-Id. Nothing here waits for the database or Kafka. Used by: app.
// Lifetime: bound, run, stopped once. Threads: `run` blocks its caller; `stop` from any other;
// handlers on the listener's small pool. Errors: binding only.

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "telemetry/health.hpp"
#include "telemetry/metrics.hpp"

namespace admitone::telemetry {

struct HttpOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  // Empty: nobody has that token.
  std::string admin_token;
  std::string reader_token;
};

class HttpServer {
 public:
  HttpServer(HttpOptions options, const Health& health, const Metrics& metrics);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Returns the port.
  base::Result<int> bind();
  // Serves until `stop`; after `bind`.
  void run();
  // Returns at once or when `run` is about to return; also legal before `run` and without it.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::telemetry
