#pragma once
// A listener with an API that says what it was asked.

#include <gmock/gmock.h>
#include <httplib.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/http_server.hpp"
#include "unit/telemetry/manual_clock.hpp"

namespace admitone::telemetry {

// "/api/hang" hangs until it is let go; "/api/large" is more than a connection takes at once.
class Echo final : public HttpApi {
 public:
  ApiAnswer answer(const ApiRequest& request) override {
    std::unique_lock lock(mutex_);
    asked_.push_back(request);
    if (request.path == "/api/hang") {
      ++hanging_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return let_go_; });
    }
    ApiAnswer out;
    out.body = request.path == "/api/large" ? std::string(kLarge, 'x') : request.request_id;
    return out;
  }
  ApiAnswer refusal(int status, const std::string& request_id) override {
    return {.status = status,
            .content_type = "application/problem+json",
            .body = "refused " + request_id,
            .headers = {{"Retry-After", "1"}}};
  }

  static constexpr std::size_t kLarge = std::size_t{32} * 1024 * 1024;

  void wait_for_hanging(int many) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hanging_ >= many; });
  }
  void let_go() {
    const std::scoped_lock lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }
  std::vector<ApiRequest> asked() {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ApiRequest> asked_;
  int hanging_ = 0;
  bool let_go_ = false;
};

inline httplib::Headers with(const std::string& token) {
  return {{"Authorization", "Bearer " + token}};
}

class Echoed : public testing::Test {
 protected:
  Echoed() { start({"127.0.0.1:0", "admin-secret", "reader-secret", 2}); }
  ~Echoed() override { stop(); }

  void start(HttpOptions options) {
    server_ = std::make_unique<HttpServer>(std::move(options), health_, metrics_, clock_, &api_);
    const auto port = server_->bind();
    EXPECT_TRUE(port.ok());
    port_ = *port;
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    api_.let_go();
    server_->stop();
    thread_.join();
  }
  httplib::Client client() const { return httplib::Client("127.0.0.1", port_); }

  ManualClock clock_;
  Health health_{clock_};
  Metrics metrics_{"1"};
  Echo api_;
  std::unique_ptr<HttpServer> server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace admitone::telemetry
