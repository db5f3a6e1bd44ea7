#pragma once
// The one HTTP listener: /livez /readyz /startupz (?verbose with a token), /metrics, and /api where
// somebody answers it and a token is configured. Every answer carries X-Request-Id and is not to be
// stored, and every request leaves a log line with that id. Health and metrics wait for nobody: not
// for a database or Kafka, and not for a client, however slow, silent or many (http_door.hpp). Used
// by: app. Lifetime: bound, run, stopped once. Threads: `run` blocks its caller and answers all but
// the API, for which there are `api_calls` more; `stop` from any. Errors: binding only. Limits: 64
// KiB of body, and never of another length than told; two seconds to send a request, ten to take an
// answer; api_calls at once, the rest is refused; one request for each connection.

#include <memory>
#include <string>

#include "base/result.hpp"
#include "ports/clock.hpp"
#include "telemetry/health.hpp"
#include "telemetry/http_api.hpp"
#include "telemetry/metrics.hpp"

namespace admitone::telemetry {

struct HttpOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  // Empty: nobody has that token.
  std::string admin_token;
  std::string reader_token;
  int api_calls = 4;
  // Beyond them the oldest makes room, but for calls.
  std::size_t connections = 128;
};

class HttpServer {
 public:
  // `api`: null for none.
  HttpServer(HttpOptions options, const Health& health, const Metrics& metrics,
             const ports::Clock& clock, HttpApi* api = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // From the next request on. An API that is off stays off. Threads: any.
  void set_admin_token(std::string token);
  void set_reader_token(std::string token);

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
