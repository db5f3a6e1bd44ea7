#pragma once
// HTTP requests that nobody waits for. Implemented by http/curl_client; tests bring their own.
// Threads: `send` from any thread; `done` is called exactly once per request, on the loop's thread,
// never from within `send`. Blocking: never, but for who is refused faster than the loop turns.
// Redirects are not followed, nothing is sent twice, and nothing is sent after its deadline.
//
// Errors: `permanent` when the request breaks a rule (http/rules.hpp), `cancelled` when the client
// is closing. Else `retry_call` with the effect not_applied when not one byte of the request left
// (no free connection in time, name, connection, TLS), and unknown after that: deadline, broken
// connection, an answer over the limit or not HTTP. Every status is an answer, not an error.
// An error's text names scheme, host and port at most: paths and queries may hold secrets.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace admitone::http {

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<Header> headers;
  std::string body;
  base::Instant deadline;  // of the whole exchange, waiting for a connection included
  // How long it may take from when it has a place on a connection; the deadline holds all the same.
  base::Duration limit = std::chrono::hours{24};
  std::size_t max_answer_bytes = 1 << 20;
};

struct Response {
  int status = 0;
  std::vector<Header> headers;
  std::string body;
  // The first of that name, whatever its case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

// What a request came to.
class Ending : public base::Result<Response> {
 public:
  using base::Result<Response>::Result;
  Ending(base::Result<Response> result)  // NOLINT(*-explicit-*)
      : base::Result<Response>(std::move(result)) {}
  // An error that is ours alone: there was no room to wait, no free connection in time, or we stood
  // still until the deadline had passed. Nobody was asked, so it says nothing about the service.
  static Ending nobody_asked(base::Error error) {
    Ending ending(std::move(error));
    ending.nobody_asked_ = true;
    return ending;
  }
  [[nodiscard]] bool nobody_was_asked() const { return nobody_asked_; }

 private:
  bool nobody_asked_ = false;
};

using Done = std::function<void(Ending)>;

// Runs a task on the loop's thread, soon; never from within the call. For answers that need no
// request: they, too, come on that thread.
using Task = std::function<void()>;
using Post = std::function<void(Task)>;

class Client {
 public:
  virtual ~Client() = default;
  virtual void send(Request request, Done done) = 0;
};

}  // namespace admitone::http
