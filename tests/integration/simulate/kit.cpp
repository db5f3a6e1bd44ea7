#include "integration/simulate/kit.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>

namespace admitone::simulate {

StateFile::StateFile() {
  static std::atomic<int> count{0};
  path_ = (std::filesystem::temp_directory_path() /
           ("admitone-simulate-" + std::to_string(::getpid()) + '-' + std::to_string(++count)))
              .string();
  std::filesystem::remove(path_);
}
StateFile::~StateFile() {
  std::filesystem::remove(path_);
}

Serving::Serving(Handler handler, int connections)
    : listener_({"127.0.0.1:0", connections}, std::move(handler)) {
  const auto port = listener_.bind();
  EXPECT_TRUE(port.ok());
  if (port) port_ = *port;
  thread_ = std::thread([this] { listener_.run(); });
}
Serving::~Serving() {
  listener_.stop();
  thread_.join();
}
httplib::Client Serving::client() const {
  return client_of(port_);
}

Killable::Killable(const Make& make) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  pid_ = ::fork();
  if (pid_ == 0) {
    Listener listener({"127.0.0.1:0", 8}, make());
    const auto port = listener.bind();
    const int number = port ? *port : 0;
    if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(1);
    listener.run();
    ::_exit(0);
  }
  ::close(ends[1]);
  EXPECT_EQ(::read(ends[0], &port_, sizeof port_), static_cast<ssize_t>(sizeof port_));
  ::close(ends[0]);
}
Killable::~Killable() {
  kill();
}
void Killable::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}
httplib::Client Killable::client() const {
  return client_of(port_);
}

RawConnection::RawConnection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}
RawConnection::~RawConnection() {
  ::close(socket_);
}
void RawConnection::send(const std::string& bytes) const {
  EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}
std::string RawConnection::read_until(const std::string& end) const {
  std::string got;
  while (!got.ends_with(end)) {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, 3'000) != 1) break;
    std::array<char, 4'096> piece{};
    const ssize_t size = ::recv(socket_, piece.data(), piece.size(), 0);
    if (size <= 0) break;
    got.append(piece.data(), static_cast<std::size_t>(size));
  }
  return got;
}

httplib::Client client_of(int port) {
  httplib::Client client("127.0.0.1", port);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  client.set_read_timeout(10);
  return client;
}

Json json_of(const httplib::Result& result) {
  return result ? Json::parse(result->body, nullptr, false) : Json();
}

std::chrono::milliseconds took(const std::function<void()>& call) {
  const auto began = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                               began);
}

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);  // the pause between two questions
  }
  return true;
}

}  // namespace admitone::simulate
