// The whole way: the client over the real HTTP client and a venue service that keeps its rules.
#include <gmock/gmock.h>
#include <httplib.h>

#include <future>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "http/curl_client.hpp"
#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::size_t kConnections = 16;

// One venue of one tenant; the same key gets the same hold.
class Service {
 public:
  Service() {
    server_.set_keep_alive_timeout(1);
    // It has a thread for each connection while that is open.
    server_.new_task_queue = [] { return new httplib::ThreadPool(kConnections); };
    server_.Get("/api/v1/venues/hall-7", [this](const auto& request, auto& response) {
      if (may(request, response)) response.set_content(venue_body(), "application/json");
    });
    server_.Get("/api/v1/venues/hall-7/holds", [this](const auto& request, auto& response) {
      if (may(request, response)) list(request.get_param_value("eventId"), response);
    });
    server_.Post("/api/v1/venues/hall-7/holds", [this](const auto& request, auto& response) {
      if (may(request, response)) make(request, response);
    });
    server_.Delete("/api/v1/venues/hall-7/holds/(.+)", [this](const auto& request, auto& response) {
      if (!may(request, response)) return;
      const std::scoped_lock lock(mutex_);
      response.status = holds_.erase(request.matches[1]) == 1 ? 204 : 404;
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Service() {
    server_.stop();
    thread_.join();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The next hold is made, and its answer is a broken connection's: not HTTP.
  void lose_next_answer() { lose_ = true; }
  std::size_t holds() {
    const std::scoped_lock lock(mutex_);
    return holds_.size();
  }

 private:
  static bool may(const httplib::Request& request, httplib::Response& response) {
    if (request.get_header_value("X-Tenant-ID") == kTenant.str()) return true;
    response.status = 403;
    return false;
  }
  void list(const std::string& event, httplib::Response& response) {
    const std::scoped_lock lock(mutex_);
    json out = json::array();
    for (const auto& [id, hold] : holds_)
      if (hold.at("eventId") == event) out.push_back(hold);
    response.set_content(json{{"holds", out}}.dump(), "application/json");
  }
  void make(const httplib::Request& request, httplib::Response& response) {
    const std::scoped_lock lock(mutex_);
    const auto key = request.get_header_value("Idempotency-Key");
    if (!keys_.contains(key)) {
      auto hold = json::parse(request.body);
      hold["holdId"] = "hold-" + std::to_string(keys_.size() + 1);
      keys_[key] = hold;
      holds_[hold.at("holdId")] = hold;
    }
    response.status = 201;
    const bool lost = lose_.exchange(false);
    response.set_content(lost ? "gateway" : keys_[key].dump(), "application/json");
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::map<std::string, json> holds_;
  std::map<std::string, json> keys_;
  std::atomic<bool> lose_{false};
};

struct RealClock : ports::Clock {
  base::Timestamp now() const override { return base::Timestamp{1'777'593'600s}; }
  base::Instant steady() const override { return std::chrono::steady_clock::now(); }
};

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    auto http = http::CurlClient::create(
        {.allow_insecure = true, .max_connections_per_origin = kConnections}, clock_);
    http_ = std::move(http.value());
    loop_ = std::jthread([this](const std::stop_token& stop) { http_->run(stop); });
    client_ = make_client(service_.url());
  }
  ~ServiceTest() override {
    loop_.request_stop();
    loop_.join();
    http_.reset();  // and with it the connections that the server would wait for
  }

  std::unique_ptr<Client> make_client(const std::string& url) {
    auto made = Client::create(
        {.url = url, .allow_insecure = true}, *http_,
        [this](http::Task task) { http_->post(std::move(task)); }, clock_);
    return std::move(made.value());
  }
  // Waits for the answer that `call` is given a place for.
  template <class T, class Make>
  static Answer<T> wait(Make make) {
    const auto promise = std::make_shared<std::promise<Answer<T>>>();
    make([promise](Answer<T> answer) { promise->set_value(std::move(answer)); });
    return promise->get_future().get();
  }
  [[nodiscard]] base::Instant soon() const { return clock_.steady() + 10s; }

  Answer<VenueFacts> find(Client& client, const base::TenantId& tenant) {
    return wait<VenueFacts>([&](auto done) { client.find(tenant, kVenue, soon(), done); });
  }
  Answer<VenueHold> hold(const std::string& key) {
    return wait<VenueHold>([&](auto done) {
      client_->hold({kTenant, kVenue, kEvent, kStarts, kEnds, key}, soon(), done);
    });
  }
  Answer<std::vector<VenueHold>> holds() {
    return wait<std::vector<VenueHold>>(
        [&](auto done) { client_->holds(kTenant, kVenue, kEvent, soon(), done); });
  }
  Answer<bool> release(const std::string& id) {
    return wait<bool>(
        [&](auto done) { client_->release(kTenant, kVenue, id, "key-r", soon(), done); });
  }

  RealClock clock_;
  Service service_;
  std::unique_ptr<http::CurlClient> http_;
  std::jthread loop_;
  std::unique_ptr<Client> client_;
};

TEST_F(ServiceTest, FindsHoldsLooksUpAndReleases) {
  const auto venue = find(*client_, kTenant);
  ASSERT_EQ(venue.kind, AnswerKind::done) << venue.why;
  EXPECT_EQ(venue.value->capacity, 1200);
  EXPECT_EQ(find(*client_, kOther).code, domain::Code::venue_forbidden);
  EXPECT_TRUE(holds().value.value().empty());
  const auto made = hold("key-1");
  ASSERT_EQ(made.kind, AnswerKind::done) << made.why;
  EXPECT_THAT(holds().value.value(), testing::ElementsAre(*made.value));
  EXPECT_EQ(release(made.value->hold_id).value, true);
  EXPECT_EQ(release(made.value->hold_id).value, false);
  EXPECT_TRUE(holds().value.value().empty());
}

TEST_F(ServiceTest, MakesOneHoldWhenAnAnswerIsLost) {
  service_.lose_next_answer();
  EXPECT_EQ(hold("key-1").kind, AnswerKind::unknown);
  const auto found = holds();
  ASSERT_EQ(found.value.value().size(), 1U);
  const auto again = hold("key-1");
  ASSERT_EQ(again.kind, AnswerKind::done) << again.why;
  EXPECT_EQ(*again.value, found.value->front());
  EXPECT_EQ(service_.holds(), 1U);
}

TEST_F(ServiceTest, WaitsWhenNobodyListens) {
  const auto nowhere = make_client("http://127.0.0.1:1");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(find(*nowhere, kTenant).kind, AnswerKind::retry);
  EXPECT_EQ(nowhere->state().breaker, resilience::BreakerState::open);
  const auto held = find(*nowhere, kTenant);
  EXPECT_EQ(held.kind, AnswerKind::retry);
  EXPECT_TRUE(held.retry_after.has_value());
}

TEST_F(ServiceTest, AnswersManyCallsAtOnce) {
  constexpr int kMany = 300;
  std::atomic<int> good{0};
  std::atomic<int> left{kMany};
  const auto all = std::make_shared<std::promise<void>>();
  for (int i = 0; i < kMany; ++i)
    client_->find(kTenant, kVenue, soon(), [&, all](const Answer<VenueFacts>& answer) {
      good += answer.kind == AnswerKind::done ? 1 : 0;
      if (--left == 0) all->set_value();
    });
  all->get_future().wait();
  EXPECT_EQ(good, kMany);
}

}  // namespace
}  // namespace admitone::venue
