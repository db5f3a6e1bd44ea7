#pragma once
// The API behind the real listener on the loopback, over routes of the test and answers in memory.

#include <gmock/gmock.h>
#include <httplib.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/api/api.hpp"
#include "telemetry/http_server.hpp"
#include "unit/telemetry/manual_clock.hpp"

namespace admitone::app {

// As the table keeps them.
class MemoryAnswers final : public ports::AdminAnswers {
 public:
  struct Row {
    std::string fingerprint;
    std::string route;
    std::string state = "running";
    bool is_locked = false;
    std::optional<std::string> begun{};
    ports::AdminAnswer answer{};
    int runs = 0;
  };

  base::Result<ports::Claimed> claim(const ports::AdminRequest& request) override;

  std::map<std::string, Row> rows;
  // Not empty: nothing can be asked of it.
  std::string away;
  std::mutex mutex;
};

struct Answer {
  int status = 0;
  Json body;
  httplib::Headers headers;
  [[nodiscard]] std::string header(const std::string& name) const;
};

class Served : public testing::Test {
 protected:
  Served();
  ~Served() override;

  Answer get(const std::string& path, const std::string& token = "reader-secret");
  Answer post(const std::string& path, const std::string& key, const std::string& body = "{}",
              httplib::Headers more = {}, const std::string& token = "admin-secret");
  // A token that replaces the one that changes things, as far as the API is concerned.
  void new_secret(const std::string& secret) { api_->set_secret(secret); }
  // The code of a problem, which is one in full.
  std::string problem(const Answer& answer);

  Settings settings_;
  telemetry::ManualClock clock_;
  MemoryAnswers answers_;
  // What the routes do: "/api/v1/things" and, to change one, "/api/v1/things/{thing}/turn".
  std::function<Reply(const Means&, const Arguments&)> read_ = [](const auto&, const auto&) {
    return Reply{200, Json::object()};
  };
  std::function<Reply(const Means&, const Arguments&)> change_ = read_;
  int changes_ = 0;

 private:
  std::vector<Route> routes();

  telemetry::Health health_{clock_};
  telemetry::Metrics metrics_{"1"};
  std::unique_ptr<Api> api_;
  std::unique_ptr<telemetry::HttpServer> server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace admitone::app
