#pragma once
// What the listener asks for everything below /api: plain values, so that whoever answers knows no
// HTTP library. Implemented by: app (api/api.hpp). Used by: the listener. Lifetime: longer than the
// listener's run. Threads: the listener's, several at once. Blocking: for a bounded time, which
// keeps one of HttpOptions::api_calls busy. Errors: answers; nothing is thrown.

#include <string>
#include <utility>
#include <vector>

namespace admitone::telemetry {

// Whose token came with it.
enum class Access { none, reader, admin };

struct ApiRequest {
  std::string method;                                      // in capitals; HEAD is GET
  std::string path;                                        // decoded, from /api on
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::string content_type;
  std::string body;
  std::string request_id;
  Access access = Access::none;
  std::vector<std::string> idempotency_keys;  // as given, under either name
};

struct ApiAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

class HttpApi {
 public:
  virtual ~HttpApi() = default;
  virtual ApiAnswer answer(const ApiRequest& request) = 0;
  // What the listener has to refuse by itself: not to be read (400), not served (404), of no told
  // length (411), too large (413), too long a line (414), encoded (415), with an expectation (417),
  // too large a head (431), too many at once (503).
  virtual ApiAnswer refusal(int status, const std::string& request_id) = 0;
};

}  // namespace admitone::telemetry
