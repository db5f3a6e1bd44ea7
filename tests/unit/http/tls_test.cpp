#include <gmock/gmock.h>
#include <httplib.h>

#include <filesystem>

#include "unit/http/certificates.hpp"
#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using namespace std::chrono_literals;
using base::Effect;
using base::ErrorKind;

class TlsServer {
 public:
  explicit TlsServer(const Identity& identity)
      : server_(identity.certificate.get(), identity.key.get()) {
    server_.Get("/", [this](const auto&, auto& response) {
      ++requests_;
      response.set_content("over TLS", "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TlsServer() {
    server_.stop();
    thread_.join();
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  [[nodiscard]] std::string url() const {
    return "https://127.0.0.1:" + std::to_string(port_) + "/";
  }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  httplib::SSLServer server_;
  std::atomic<int> requests_{0};
  int port_ = 0;
  std::thread thread_;
};

class TlsTest : public testing::Test {
 protected:
  TlsTest() { write_pem(authority_.certificate, ca_file_); }
  ~TlsTest() override { std::filesystem::remove(ca_file_); }

  // Nothing may have reached the server.
  void expect_refused(const Identity& identity, const CurlOptions& options,
                      const std::string& text) {
    const TlsServer server(identity);
    Loop loop(options);
    expect_failed(loop.ask(loop.get(server.url())), ErrorKind::retry_call, Effect::not_applied,
                  text);
    loop.stop();
    EXPECT_EQ(server.requests(), 0);
  }

  const std::string ca_file_ = (std::filesystem::path(testing::TempDir()) /
                                ("admitone-ca-" + std::to_string(getpid()) + ".pem"))
                                   .string();
  const Identity authority_ = make_authority("Authority of the test");
  const CurlOptions trusting_{.ca_file = ca_file_};
};

TEST_F(TlsTest, TalksToAServerOfTheAuthority) {
  const TlsServer server(make_server(authority_, "IP:127.0.0.1", 5));
  Loop loop(trusting_);
  for (int i = 0; i < 3; ++i) {
    const auto outcome = loop.ask(loop.get(server.url()));
    ASSERT_TRUE(outcome.ok()) << outcome.error().message;
    EXPECT_EQ(outcome->body, "over TLS");
  }
  loop.stop();
  EXPECT_EQ(server.requests(), 3);
}

TEST_F(TlsTest, SendsNothingToAServerOfAnotherName) {
  expect_refused(make_server(authority_, "DNS:venue.example,IP:127.0.0.2", 5), trusting_, "name");
}

TEST_F(TlsTest, SendsNothingToAServerOfAnUnknownAuthority) {
  expect_refused(make_server(make_authority("Somebody else"), "IP:127.0.0.1", 5), trusting_,
                 "certificate");
  expect_refused(make_server(authority_, "IP:127.0.0.1", 5), CurlOptions{}, "certificate");
}

TEST_F(TlsTest, SendsNothingToAServerWhoseCertificateHasExpired) {
  expect_refused(make_server(authority_, "IP:127.0.0.1", 0), trusting_, "expired");
}

TEST_F(TlsTest, AppliesNothingWhenTheHandshakeFails) {
  RawServer garbage([](RawConnection& connection) {
    connection.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    connection.wait_until_closed();
  });
  RawServer closing([](RawConnection&) {});
  RawServer silent([](RawConnection& connection) {
    while (!connection.closed_within(10s)) {
      if (connection.read_request().empty()) return;
    }
  });
  Loop loop({.ca_file = ca_file_, .connect_limit = 200ms});
  for (const auto* server : {&garbage, &closing, &silent})
    expect_failed(loop.ask(loop.get("https://127.0.0.1:" + std::to_string(server->port()) + "/")),
                  ErrorKind::retry_call, Effect::not_applied);
}

}  // namespace
}  // namespace admitone::http
