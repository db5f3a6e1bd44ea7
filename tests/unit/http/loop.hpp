#pragma once
// A client whose loop runs in a thread of the test.

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "http/curl_client.hpp"
#include "ports/clock.hpp"

namespace admitone::http {

struct RealSteadyClock : ports::Clock {
  base::Timestamp now() const override { return {}; }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

using Outcome = Ending;

class Loop {
 public:
  explicit Loop(CurlOptions options = {.allow_insecure = true})
      : client_(make(options, clock_)),
        thread_([this](const std::stop_token& stop) { client_->run(stop); }) {}
  ~Loop() { stop(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Ends when the loop has ended.
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  void request_stop() { thread_.request_stop(); }

  std::future<Outcome> send(Request request) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    client_->send(std::move(request),
                  [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future();
  }
  static Outcome wait(std::future<Outcome> future) {
    if (future.wait_for(std::chrono::seconds{30}) != std::future_status::ready)
      return base::Error{base::ErrorKind::permanent, base::Effect::not_applied, "never answered"};
    return future.get();
  }
  Outcome ask(Request request) { return wait(send(std::move(request))); }

  [[nodiscard]] Request get(const std::string& url,
                            std::chrono::milliseconds limit = std::chrono::seconds{20}) const {
    Request request;
    request.url = url;
    request.deadline = clock_.steady() + limit;
    return request;
  }
  [[nodiscard]] Request with_body(const std::string& method, const std::string& url,
                                  const std::string& body) const {
    auto request = get(url);
    request.method = method;
    request.body = body;
    return request;
  }

  CurlClient& client() { return *client_; }
  [[nodiscard]] const ports::Clock& clock() const { return clock_; }
  [[nodiscard]] std::thread::id thread_id() const { return thread_.get_id(); }

 private:
  static std::unique_ptr<CurlClient> make(const CurlOptions& options, const ports::Clock& clock) {
    auto client = CurlClient::create(options, clock);
    return std::move(client.value());
  }

  RealSteadyClock clock_;
  std::unique_ptr<CurlClient> client_;
  std::jthread thread_;
};

inline void expect_failed(const Outcome& outcome, base::ErrorKind kind, base::Effect effect,
                          const std::string& text = {}) {
  ASSERT_FALSE(outcome.ok()) << "answered with " << outcome->status;
  EXPECT_EQ(outcome.error().kind, kind) << outcome.error().message;
  EXPECT_EQ(outcome.error().effect, effect) << outcome.error().message;
  EXPECT_NE(outcome.error().message.find(text), std::string::npos) << outcome.error().message;
}

}  // namespace admitone::http
