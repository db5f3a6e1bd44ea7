#pragma once
// A server on loopback that does with each connection exactly what the test says.

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace admitone::http {

class RawConnection {
 public:
  explicit RawConnection(int socket) : socket_(socket) {}
  // With its body, by Content-Length; empty when the other side has closed.
  std::string read_request();
  // False when the other side has closed.
  bool write(std::string_view bytes) const;
  void answer(std::string_view body) const;
  // Until the other side closes; false when it has not within `limit`.
  [[nodiscard]] bool closed_within(std::chrono::milliseconds limit) const;
  void wait_until_closed() const { static_cast<void>(closed_within(std::chrono::minutes{1})); }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_;
  std::string rest_;
};

class RawServer {
 public:
  using Handler = std::function<void(RawConnection&)>;
  // The handler runs in a thread for each connection, which is closed when it returns.
  explicit RawServer(Handler handler);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "/") const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int socket);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::list<int> open_;
  bool stopping_ = false;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace admitone::http
