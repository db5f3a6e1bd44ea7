// A server that goes away while a worker joins is tried again, whichever of its statements that
// met.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "integration/postgres/test_database.hpp"
#include "postgres/directory.hpp"

namespace admitone::postgres::testing {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Passes one connection on to a server, and closes both ends instead of passing on what the client
// sends after `sends` times.
class CuttingRelay {
 public:
  CuttingRelay(int server_port, int sends) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0 || listen(listener_, 1) != 0 ||
        getsockname(listener_, generic, &size) != 0)
      throw std::runtime_error("no loopback port for the relay");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, server_port, sends] { relay(server_port, sends); });
  }
  ~CuttingRelay() {
    shutdown(listener_, SHUT_RDWR);  // when nobody came
    thread_.join();
    close(listener_);
  }
  CuttingRelay(const CuttingRelay&) = delete;
  CuttingRelay& operator=(const CuttingRelay&) = delete;

  [[nodiscard]] int port() const { return port_; }

 private:
  static bool pass(int from, int to) {
    std::array<char, 65536> bytes{};
    const auto got = recv(from, bytes.data(), bytes.size(), 0);
    return got > 0 && send(to, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }

  void relay(int server_port, int sends) const {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const auto address = loopback(server_port);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      for (bool open = true; open && poll(ends.data(), ends.size(), 60'000) > 0;) {
        if (ends[1].revents != 0) open = pass(server, client);
        if (open && ends[0].revents != 0) open = sends-- > 0 && pass(client, server);
      }
    }
    close(server);
    close(client);
  }

  int listener_;
  int port_ = 0;
  std::thread thread_;
};

class ConnectionTest : public DatabaseTest {};

TEST_F(ConnectionTest, ThatIsCutAnywhereWhileAWorkerJoinsIsTriedAgain) {
  auto settings = db->settings(RoleKind::worker);
  const auto direct = db->session(RoleKind::worker);
  const std::string port = ":" + std::string(direct->port());
  const auto at = settings.url.find(port);
  ASSERT_NE(at, std::string::npos) << "the test server's port is not in its URL";
  const std::string before = settings.url.substr(0, at + 1);
  const std::string after = settings.url.substr(at + port.size());

  int lost = 0;
  for (bool joined = false; !joined && lost < 100;) {
    const CuttingRelay relay(std::stoi(port.substr(1)), lost);
    settings.url = before + std::to_string(relay.port()) + after;
    const auto installation = join_installation(settings, {"murmur2", 1, {"orders"}});
    joined = installation.ok();
    if (joined) break;
    EXPECT_EQ(installation.error().kind, base::ErrorKind::retry_unit)
        << "after " << lost << " sends: " << installation.error().message;
    ++lost;
  }
  EXPECT_LT(lost, 100);
  EXPECT_GT(lost, 20);  // the start-up, the settings, the role, the backend, the transaction
}

}  // namespace
}  // namespace admitone::postgres::testing
