#pragma once
// A simulator for a test: on a free port, on a thread or in a process of its own, with a state file
// that goes with the test.

#include <httplib.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "ports/clock.hpp"
#include "simulate/json.hpp"
#include "simulate/listener.hpp"

namespace admitone::simulate {

struct RealClock final : ports::Clock {
  base::Timestamp now() const override {
    return std::chrono::floor<base::Duration>(std::chrono::system_clock::now());
  }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

class StateFile {
 public:
  StateFile();
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Serves until it is destroyed.
class Serving {
 public:
  explicit Serving(Handler handler, int connections = 8);
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] Traffic traffic() const { return listener_.traffic(); }
  [[nodiscard]] httplib::Client client() const;

 private:
  Listener listener_;
  int port_ = 0;
  std::thread thread_;
};

// Serves in a process of its own until it is killed, as by kill -9.
class Killable {
 public:
  // Called in the new process.
  using Make = std::function<Handler()>;
  explicit Killable(const Make& make);
  ~Killable();
  Killable(const Killable&) = delete;
  Killable& operator=(const Killable&) = delete;

  void kill();
  [[nodiscard]] httplib::Client client() const;

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

// A connection to speak HTTP by hand on.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void send(const std::string& bytes) const;
  // What has come since the last call, when it ends so; what there is after three seconds, if not.
  std::string read_until(const std::string& end) const;

 private:
  int socket_;
};

httplib::Client client_of(int port);
Json json_of(const httplib::Result& result);
// How long the call takes.
std::chrono::milliseconds took(const std::function<void()>& call);
// Asks until it is so, for ten seconds at most.
bool comes_true(const std::function<bool()>& condition);

}  // namespace admitone::simulate
