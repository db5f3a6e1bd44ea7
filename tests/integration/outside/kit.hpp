#pragma once
// The HTTP client with its loop on a thread, and answers that are waited for.

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "http/curl_client.hpp"
#include "integration/simulate/kit.hpp"
#include "ports/answer.hpp"

namespace admitone::outside {

class Line {
 public:
  Line()
      : http_(std::move(http::CurlClient::create({.allow_insecure = true}, clock_).value())),
        thread_([this](const std::stop_token& stop) { http_->run(stop); }) {}

  [[nodiscard]] http::Client& http() { return *http_; }
  [[nodiscard]] http::Post post() {
    return [this](http::Task task) { http_->post(std::move(task)); };
  }
  [[nodiscard]] const ports::Clock& clock() const { return clock_; }
  [[nodiscard]] base::Instant later() const { return clock_.steady() + std::chrono::seconds{20}; }

 private:
  simulate::RealClock clock_;
  std::unique_ptr<http::CurlClient> http_;
  std::jthread thread_;
};

template <class T>
ports::Answer<T> wait_for(const std::function<void(ports::Answered<T>)>& call) {
  auto promise = std::make_shared<std::promise<ports::Answer<T>>>();
  call([promise](ports::Answer<T> answer) { promise->set_value(std::move(answer)); });
  auto future = promise->get_future();
  if (future.wait_for(std::chrono::seconds{60}) != std::future_status::ready) {
    ADD_FAILURE() << "never answered";
    return ports::Answer<T>::unknown("never answered");
  }
  return future.get();
}

inline simulate::Request control(const std::string& method, const std::string& path,
                                 const std::string& body) {
  simulate::Request request;
  request.method = method;
  request.path = "/control/" + path;
  request.body = body;
  return request;
}

inline std::string url_of(const simulate::Serving& serving) {
  return "http://127.0.0.1:" + std::to_string(serving.port());
}

}  // namespace admitone::outside
