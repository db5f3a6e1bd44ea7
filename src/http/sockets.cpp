#include "http/sockets.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace admitone::http {

int set_up_socket(void* limit, curl_socket_t socket, curlsocktype /*purpose*/) {
  const auto most = static_cast<unsigned>(static_cast<std::chrono::milliseconds*>(limit)->count());
  const bool done = setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &most, sizeof most) == 0;
  return done ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

int close_socket(void* /*unused*/, curl_socket_t socket) {
  int left = 0;
  if (ioctl(socket, SIOCOUTQ, &left) != 0 || left > 0) {
    const linger drop{1, 0};
    static_cast<void>(setsockopt(socket, SOL_SOCKET, SO_LINGER, &drop, sizeof drop));
  }
  return close(socket);
}

}  // namespace admitone::http
