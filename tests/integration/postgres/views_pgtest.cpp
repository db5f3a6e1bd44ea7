#include "postgres/views.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "test_database.hpp"

namespace admitone::postgres {
namespace {

using testing::DatabaseTest;
using testing::Urls;

using Cells = DatabaseTest;

TEST_F(Cells, AreTypedAsTheDatabaseTypedThem) {
  ViewSettings reader;
  reader.url = Urls::from_environment()->reader;
  reader.schema = db->schema();
  auto views = Views::open(reader);
  ASSERT_TRUE(views.ok()) << views.error().message;
  const auto table =
      views->query({"select null, 7::smallint, true, 'a', '[{\"n\": 1}]'::jsonb", {}});
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->rows.at(0), (CellRow{std::monostate{}, std::int64_t{7}, true, std::string("a"),
                                        JsonText{"[{\"n\": 1}]"}}));
}

TEST_F(Cells, OfInstantsAreEquallyWide) {
  ViewSettings reader;
  reader.url = Urls::from_environment()->reader;
  reader.schema = db->schema();
  auto views = Views::open(reader);
  ASSERT_TRUE(views.ok()) << views.error().message;
  const auto table =
      views->query({"select '2026-11-29 10:00:00+00'::timestamptz,"
                    " '2026-11-29 10:00:00.5+00'::timestamptz,"
                    " '2026-11-29 11:00:00.123456+01'::timestamptz,"
                    " 'infinity'::timestamptz",
                    {}});
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(
      table->rows.at(0),
      (CellRow{std::string("2026-11-29T10:00:00.000Z"), std::string("2026-11-29T10:00:00.500Z"),
               std::string("2026-11-29T10:00:00.123Z"), std::string("infinity")}));
}

// Passes bytes on between one client and a server. Silent, it still takes what the client sends,
// as a network path does that leads nowhere behind its first box: TCP finds nothing wrong with it.
class Relay {
 public:
  explicit Relay(int server_port) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0 || listen(listener_, 1) != 0 ||
        getsockname(listener_, generic, &size) != 0)
      throw std::runtime_error("no loopback port for the relay");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, server_port] { pass_on(server_port); });
  }
  ~Relay() {
    shutdown(listener_, SHUT_RDWR);  // when nobody came
    thread_.join();
    close(listener_);
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] int port() const { return port_; }
  void fall_silent() { silent_ = true; }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  bool pass(int from, int to) const {
    std::array<char, 65536> bytes{};
    const auto got = recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    return silent_ || send(to, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
  }
  void pass_on(int server_port) const {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const auto address = loopback(server_port);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      for (bool open = true; open && poll(ends.data(), ends.size(), 60'000) > 0;) {
        if (ends[1].revents != 0) open = pass(server, client);
        if (open && ends[0].revents != 0) open = pass(client, server);
      }
    }
    close(server);
    close(client);
  }

  int listener_;
  int port_ = 0;
  std::atomic<bool> silent_{false};
  std::thread thread_;
};

class Answers : public DatabaseTest {
 protected:
  [[nodiscard]] ViewSettings settings() const {
    ViewSettings out;
    out.url = Urls::from_environment()->reader;
    out.schema = db->schema();
    return out;
  }
  [[nodiscard]] ViewSettings through(const Relay& relay, const std::string& port) const {
    auto out = settings();
    const auto at = out.url.find(":" + port);
    EXPECT_NE(at, std::string::npos) << "the test server's port is not in its URL";
    out.url.replace(at + 1, port.size(), std::to_string(relay.port()));
    return out;
  }
  [[nodiscard]] std::string port() const { return db->session(RoleKind::reader)->port(); }

  // The error of a query, which took less than `limit`.
  static base::Error refused(Views& views, const ViewQuery& query,
                             std::chrono::milliseconds limit = std::chrono::seconds{15}) {
    const auto began = std::chrono::steady_clock::now();
    const auto table = views.query(query);
    EXPECT_LT(std::chrono::steady_clock::now() - began, limit);
    EXPECT_FALSE(table.ok());
    return table.ok() ? base::Error{} : table.error();
  }
};

TEST_F(Answers, OfAServerThatFallsSilentAreNotWaitedForForEver) {
  Relay relay(std::stoi(port()));
  auto bounded = through(relay, port());
  bounded.statement_timeout = std::chrono::milliseconds{300};
  auto views = Views::open(bounded);
  ASSERT_TRUE(views.ok()) << views.error().message;
  ASSERT_TRUE(views->query({"select 1", {}}).ok());
  relay.fall_silent();
  const auto error = refused(*views, {"select 2", {}});
  EXPECT_EQ(error.kind, base::ErrorKind::retry_call);
  EXPECT_NE(error.message.find("does not answer"), std::string::npos) << error.message;
  // Its answer may still be on its way: it is not taken for another's.
  EXPECT_EQ(refused(*views, {"select 3", {}}, std::chrono::milliseconds{200}).kind,
            base::ErrorKind::retry_call);
}

TEST_F(Answers, AreNotWaitedForWhenSomebodySaysSo) {
  std::atomic<int> asked{0};
  std::atomic<bool> over{false};
  auto stopped = settings();
  stopped.interrupted = [&] {
    if (over) ++asked;
    return asked > 2;
  };
  auto views = Views::open(stopped);
  ASSERT_TRUE(views.ok()) << views.error().message;
  over = true;
  EXPECT_EQ(refused(*views, {"select pg_sleep(60)", {}}).kind, base::ErrorKind::cancelled);
  EXPECT_EQ(refused(*views, {"select 1", {}}).kind, base::ErrorKind::cancelled);
}

TEST_F(Answers, AreBoundedByTheServerFirst) {
  auto bounded = settings();
  bounded.statement_timeout = std::chrono::milliseconds{200};
  auto views = Views::open(bounded);
  ASSERT_TRUE(views.ok()) << views.error().message;
  const auto error = refused(*views, {"select pg_sleep(60)", {}});
  EXPECT_EQ(error.kind, base::ErrorKind::retry_call);
  EXPECT_NE(error.message.find("statement timeout"), std::string::npos) << error.message;
}

// Law L23: a server's text ends at a NUL.
TEST_F(Answers, AreNotAskedForWithATextThatMeansAnother) {
  auto views = Views::open(settings());
  ASSERT_TRUE(views.ok()) << views.error().message;
  for (const std::string& text : {std::string("a\0b", 3), std::string("a\xff")}) {
    EXPECT_EQ(refused(*views, {"select $1", {text}}).kind, base::ErrorKind::permanent);
  }
  const auto table = views->query({"select $1", {"it's \\ \xC3\xA4 $1"}});
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table->rows.at(0), CellRow{std::string("it's \\ \xC3\xA4 $1")});
}

TEST_F(Answers, ComeOverAConnectionThatNoticesADeadPeer) {
  const auto bounded = [] {
    int found = 0;
    for (int fd = 3; fd < 1'024; ++fd) {
      unsigned int user_timeout = 0;
      socklen_t size = sizeof user_timeout;
      if (getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, &size) != 0) continue;
      int alive = 0;
      size = sizeof alive;
      EXPECT_EQ(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &alive, &size), 0);
      found += user_timeout == 10'000 && alive != 0 ? 1 : 0;
    }
    return found;
  };
  const int before = bounded();
  auto views = Views::open(settings());
  ASSERT_TRUE(views.ok()) << views.error().message;
  EXPECT_EQ(bounded(), before + 1);
}

}  // namespace
}  // namespace admitone::postgres
