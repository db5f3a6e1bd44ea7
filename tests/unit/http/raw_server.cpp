#include "unit/http/raw_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace admitone::http {
namespace {

std::size_t body_size(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const auto at = head.find(kName);
  return at == std::string_view::npos ? 0 : std::stoul(std::string(head.substr(at + kName.size())));
}

}  // namespace

std::string RawConnection::read_request() {
  std::array<char, 4096> bytes{};
  while (true) {
    if (const auto end = rest_.find("\r\n\r\n"); end != std::string::npos) {
      const auto size = end + 4 + body_size(rest_.substr(0, end + 2));
      if (rest_.size() >= size) {
        auto request = rest_.substr(0, size);
        rest_.erase(0, size);
        return request;
      }
    }
    const auto count = recv(socket_, bytes.data(), bytes.size(), 0);
    if (count <= 0) return {};
    rest_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

bool RawConnection::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void RawConnection::answer(std::string_view body) const {
  write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        std::string(body));
}

bool RawConnection::closed_within(std::chrono::milliseconds limit) const {
  pollfd wanted{socket_, POLLIN, 0};
  if (poll(&wanted, 1, static_cast<int>(limit.count())) <= 0) return false;
  char byte = 0;
  return recv(socket_, &byte, 1, MSG_PEEK) <= 0;
}

RawServer::RawServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, plain, size) != 0 || listen(listener_, 512) != 0 ||
      getsockname(listener_, plain, &size) != 0)
    throw std::runtime_error("no loopback socket to listen on");
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

RawServer::~RawServer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const int socket : open_) shutdown(socket, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  for (auto& thread : threads_) thread.join();
  close(listener_);
}

std::string RawServer::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

void RawServer::accept_all() {
  while (true) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::scoped_lock lock(mutex_);
    if (stopping_) {
      close(socket);
      return;
    }
    ++connections_;
    open_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void RawServer::serve(int socket) {
  RawConnection connection(socket);
  handler_(connection);
  const std::scoped_lock lock(mutex_);
  open_.remove(socket);
  close(socket);
}

}  // namespace admitone::http
