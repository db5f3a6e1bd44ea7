#pragma once
// The connections of the listener, all of them on one thread, so that whoever is slow, silent or
// many keeps none busy. A request is read whole, of a size and within a time, before anybody
// answers it; its answer is written as fast as it is taken, within a time; one request, and the
// connection ends. Beyond `connections` the oldest makes room: of those that were served, else of
// those that send, else of those that take an answer which no call gave.
//
//   reading ──► answered at once, by the loop ───────────► writing ──► ending
//          └──► calling, by one of the threads for calls ──┘
//
// Used by: the listener. Lifetime: `run` once. Threads: `run` blocks its caller, `stop` from any;
// `answer` is called by run's thread and by those for calls. Blocking: nothing but `answer`.
// Errors: a connection that fails is dropped. Limits: DoorOptions; http_frame.hpp's for a request;
// a call is one until its answer is written, so answers in memory are as many.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/clock.hpp"
#include "telemetry/http_frame.hpp"

namespace admitone::telemetry {

struct DoorRequest {
  HttpFrame frame;
  std::string body;
  bool is_call = false;  // by a thread that may wait
};

struct DoorOptions {
  int calls = 0;  // at once
  std::size_t connections = 128;
  std::chrono::milliseconds reading{2'000};
  std::chrono::milliseconds writing{10'000};
  std::chrono::milliseconds ending{1'000};
  // Whether it is answered by a thread that may wait; beyond `calls` it is refused with 503.
  std::function<bool(const HttpFrame&)> is_call = [](const HttpFrame&) { return false; };
  // The bytes of the answer.
  std::function<std::string(const DoorRequest&)> answer;
};

class HttpDoor {
 public:
  HttpDoor(DoorOptions options, const ports::Clock& clock);
  ~HttpDoor();
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;

  // Takes over a listening socket that does not block, until `stop` and the end of all calls.
  void run(int listening);
  void stop();

 private:
  struct Connection {
    enum class State { reading, calling, writing, ending };

    explicit Connection(int s) : socket(s) {}
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    const int socket;
    State state = State::reading;
    base::Instant until{};  // but for a call, whose own limits count
    std::string in;
    std::optional<HttpFrame> frame;
    std::string out;
    std::size_t written = 0;
    std::size_t drained = 0;
    bool is_call = false;
    bool ready = false;  // as poll says
  };
  using Connections = std::map<std::uint64_t, Connection>;  // the oldest first
  struct Calls;

  void wait();
  void let_in();
  bool make_room();
  void let_nobody_in();
  void take_answers();
  void serve_ready();
  // False: the connection has ended.
  bool serve(std::uint64_t id, Connection& one);
  bool read(std::uint64_t id, Connection& one);
  bool ask(std::uint64_t id, Connection& one);
  bool give(Connection& one, std::string answer);
  bool write(Connection& one);
  bool drain(Connection& one);
  Connections::iterator drop(Connections::iterator at);
  void answered(std::uint64_t id, std::string answer);
  void wake() const;

  const DoorOptions options_;
  const ports::Clock& clock_;
  const int wake_;
  std::atomic<bool> stopping_{false};
  int listening_ = -1;
  base::Instant let_in_again_{};  // out of descriptors until then
  std::uint64_t next_id_ = 0;
  Connections connections_;
  int calls_ = 0;
  Calls* threads_ = nullptr;  // while it runs
  std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, std::string>> answers_;  // of calls, not yet taken
};

}  // namespace admitone::telemetry
