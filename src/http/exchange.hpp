#pragma once
// One request and what became of it, on one curl handle. Room-internal.
// Lifetime: from `send` to its end; `start` once. Threads: the loop's.
//
// Curl sends a request again, over a new connection, when a connection that it used before broke
// without an answer, and does so for POST, too. It asks `before_request` each time; the second time
// is refused, so that nothing leaves twice. The first time is also where "not one byte left" ends:
// it comes after name, connection and TLS, and before the first byte. There the deadline is asked
// once more: a process that stood still for a while sends nothing that is overdue.

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/client.hpp"
#include "ports/clock.hpp"

namespace admitone::http {

// What all exchanges of a client have in common.
struct Line {
  bool allow_insecure = false;
  std::string ca_file;
  std::chrono::milliseconds connect_limit{0};
  std::chrono::seconds idle_limit{0};
  std::chrono::milliseconds send_limit{0};
  const ports::Clock* clock = nullptr;
};

class Exchange {
 public:
  Exchange(std::uint64_t number, std::string origin, Request request, Done done);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // The handle to give to the loop; curl's private pointer is this exchange. `line` outlives it.
  CURL* start(const Line& line, std::chrono::milliseconds left);
  [[nodiscard]] bool started() const { return curl_ != nullptr; }
  [[nodiscard]] CURL* handle() const { return curl_.get(); }

  // Of a transfer that curl has ended.
  Ending result(CURLcode code);
  // Of one that we end: what failed, with the effect as far as the request got.
  [[nodiscard]] base::Error given_up(base::ErrorKind kind, std::string_view why) const;

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] base::Instant deadline() const { return request_.deadline; }
  // It has a place on a connection: its limit counts from now on.
  void has_place(base::Instant now);
  [[nodiscard]] Done take_done() { return std::move(done_); }

 private:
  template <class Value>
  void set(CURLoption option, Value value);
  void set_line(const Line& line, std::chrono::milliseconds left);
  void set_request();
  void set_headers();
  void set_answer();
  [[nodiscard]] std::string why_failed(CURLcode code) const;

  static int before_request(void* self, char*, char*, int, int);
  static std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* self);
  bool keep_header(std::string_view line);

  struct Free {
    void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const Line* line_ = nullptr;
  std::uint64_t number_;
  std::string origin_;
  Request request_;
  Done done_;
  Response response_;
  std::size_t header_bytes_ = 0;
  bool sent_ = false;         // a byte of the request may have left
  bool again_ = false;        // curl wanted to send it a second time
  bool late_ = false;         // its deadline had passed before the first byte
  bool too_much_ = false;     // the answer is over a limit
  bool head_is_all_ = false;  // the blank line behind the headers has come
  std::array<char, CURL_ERROR_SIZE> detail_{};
  std::unique_ptr<curl_slist, Free> headers_;
  std::unique_ptr<CURL, Free> curl_;
};

}  // namespace admitone::http
