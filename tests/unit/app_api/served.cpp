#include "unit/app_api/served.hpp"

namespace admitone::app {
namespace {

using Kind = ports::Claimed::Kind;

class MemoryClaim final : public ports::AdminClaim {
 public:
  MemoryClaim(MemoryAnswers& answers, std::string id) : answers_(answers), id_(std::move(id)) {
    auto& row = answers_.rows[id_];
    row.is_locked = true;
    row.state = "running";
    run_ = "run " + std::to_string(++row.runs);
    begun_ = row.begun;
  }
  ~MemoryClaim() override {
    const std::scoped_lock lock(answers_.mutex);
    answers_.rows[id_].is_locked = false;
  }

  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] const std::string& run() const override { return run_; }
  [[nodiscard]] const std::optional<std::string>& begun() const override { return begun_; }
  base::Status answer(const ports::AdminAnswer& answer) override { return end("answered", answer); }
  base::Status fail() override { return end("failed", {}); }

 private:
  base::Status end(const char* state, const ports::AdminAnswer& answer) {
    const std::scoped_lock lock(answers_.mutex);
    if (!answers_.away.empty()) {
      return base::Error{base::ErrorKind::retry_unit, base::Effect::not_applied, answers_.away};
    }
    answers_.rows[id_].state = state;
    answers_.rows[id_].answer = answer;
    return {};
  }

  MemoryAnswers& answers_;
  const std::string id_;
  std::string run_;
  std::optional<std::string> begun_;
};

}  // namespace

base::Result<ports::Claimed> MemoryAnswers::claim(const ports::AdminRequest& request) {
  const std::scoped_lock lock(mutex);
  if (!away.empty()) {
    return base::Error{base::ErrorKind::retry_unit, base::Effect::not_applied, away};
  }
  ports::Claimed out;
  const auto found = rows.find(request.id);
  if (found != rows.end()) {
    const auto& row = found->second;
    out.kind = row.fingerprint != request.fingerprint ? Kind::mismatch
               : row.state == "answered"              ? Kind::answered
               : row.is_locked                        ? Kind::running
                                                      : Kind::ours;
    out.answer = row.answer;
    if (out.kind != Kind::ours) return out;
  }
  rows[request.id].fingerprint = request.fingerprint;
  rows[request.id].route = request.route;
  out.kind = Kind::ours;
  out.claim = std::make_unique<MemoryClaim>(*this, request.id);
  return out;
}

std::string Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string{} : found->second;
}

Served::Served() {
  api_ = std::make_unique<Api>(
      Api::Options{"admin-secret", "schema", [this] { return Means{settings_}; }, routes()},
      answers_, clock_);
  server_ = std::make_unique<telemetry::HttpServer>(
      telemetry::HttpOptions{"127.0.0.1:0", "admin-secret", "reader-secret"}, health_, metrics_,
      clock_, api_.get());
  const auto port = server_->bind();
  EXPECT_TRUE(port.ok());
  port_ = *port;
  thread_ = std::thread([this] { server_->run(); });
}

Served::~Served() {
  server_->stop();
  thread_.join();
}

std::vector<Route> Served::routes() {
  using Kind = Member::Kind;
  return {{"GET",
           "/api/v1/things",
           "things list",
           {{.name = "status", .one_of = {"up", "down"}},
            {.name = "limit", .kind = Kind::whole, .most = 50},
            {.name = "name"},
            {.name = "stuck", .kind = Kind::flag}},
           [this](const Means& means, const Arguments& told) { return read_(means, told); }},
          {"POST",
           "/api/v1/things/{thing}/turn",
           "things turn",
           {{.name = "reason", .required = true}, {.name = "plan", .kind = Kind::flag}},
           [this](const Means& means, const Arguments& told) {
             ++changes_;
             return change_(means, told);
           }}};
}

Answer Served::get(const std::string& path, const std::string& token) {
  httplib::Client client("127.0.0.1", port_);
  const auto answer = client.Get(path, {{"Authorization", "Bearer " + token}});
  EXPECT_TRUE(answer) << path;
  if (!answer) return {};
  return {answer->status, Json::parse(answer->body, nullptr, false), answer->headers};
}

Answer Served::post(const std::string& path, const std::string& key, const std::string& body,
                    httplib::Headers more, const std::string& token) {
  httplib::Client client("127.0.0.1", port_);
  more.emplace("Authorization", "Bearer " + token);
  if (!key.empty()) more.emplace("Idempotency-Key", key);
  const auto answer = client.Post(path, more, body, "application/json");
  EXPECT_TRUE(answer) << path;
  if (!answer) return {};
  return {answer->status, Json::parse(answer->body, nullptr, false), answer->headers};
}

std::string Served::problem(const Answer& answer) {
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  const auto code = answer.body.value("code", "");
  EXPECT_EQ(answer.body.value("type", ""), "urn:admitone:problem:" + code);
  EXPECT_EQ(answer.body.value("status", 0), answer.status);
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  for (const char* member : {"title", "detail", "requestId"}) {
    EXPECT_FALSE(answer.body.value(member, "").empty()) << member;
  }
  EXPECT_TRUE(answer.body["errors"].is_array());
  return code;
}

}  // namespace admitone::app
