#pragma once
// A client over an HTTP client that the test answers for, and a clock that it moves.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "venue/client.hpp"

namespace admitone::venue {

using ports::Answer;
using ports::AnswerKind;
using ports::VenueFacts;
using ports::VenueHold;

struct ManualClock : ports::Clock {
  base::Timestamp now() const override { return wall; }
  base::Instant steady() const override { return instant; }
  void pass(base::Duration time) {
    instant += time;
    wall += time;
  }
  base::Timestamp wall{std::chrono::sys_days{std::chrono::year{2026} / 5 / 1}};
  base::Instant instant = base::Instant{} + std::chrono::hours{1};
};

struct FakeHttp : http::Client {
  void send(http::Request request, http::Done done) override {
    sent.push_back(request);
    open.emplace_back(std::move(request), std::move(done));
  }
  // Of the request that was sent first and is not answered yet.
  void answer(http::Ending result) {
    ASSERT_FALSE(open.empty());
    const auto done = std::move(open.front().second);
    open.pop_front();
    done(std::move(result));
  }
  void answer(int status, const std::string& body = {}, std::vector<http::Header> headers = {}) {
    answer(http::Response{status, std::move(headers), body});
  }
  http::Post post() {
    return [this](http::Task task) { tasks.push_back(std::move(task)); };
  }
  void run_tasks() {
    for (const auto& task : std::exchange(tasks, {})) task();
  }

  std::vector<http::Request> sent;
  std::deque<std::pair<http::Request, http::Done>> open;
  std::vector<http::Task> tasks;
};

inline std::string header_of(const http::Request& request, const std::string& name) {
  for (const auto& header : request.headers)
    if (header.name == name) return header.value;
  return {};
}

inline base::Uuid uuid_of(char digit) {
  std::string text = "00000000-0000-7000-8000-000000000000";
  text.back() = digit;
  return *base::Uuid::parse(text);
}
inline const base::TenantId kTenant{uuid_of('1')};
inline const base::TenantId kOther{uuid_of('2')};
inline const base::EventId kEvent{uuid_of('e')};
inline const std::string kVenue = "hall-7";
inline constexpr base::Timestamp kStarts{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1} +
                                         std::chrono::hours{19}};
inline constexpr base::Timestamp kEnds = kStarts + std::chrono::hours{3};

inline std::string venue_body(const base::TenantId& tenant = kTenant,
                              const std::string& status = "active") {
  return R"({"venueId":"hall-7","tenantId":")" + tenant.str() + R"(","status":")" + status +
         R"(","capacity":1200})";
}
inline std::string hold_body(const std::string& id = "hold-1") {
  return R"({"holdId":")" + id + R"(","eventId":")" + kEvent.str() +
         R"(","startsAt":"2026-06-01T19:00:00Z","endsAt":"2026-06-01T22:00:00Z"})";
}

class VenueTest : public testing::Test {
 protected:
  VenueTest() { start({.url = "https://venue.example/"}); }
  void start(Settings settings) {
    auto made = Client::create(std::move(settings), http_, http_.post(), clock_);
    ASSERT_TRUE(made.ok()) << made.error().message;
    client_ = std::move(*made);
  }

  // Where an answer is put; asserts that it comes once.
  template <class T>
  static ports::Answered<T> into(std::optional<Answer<T>>& place) {
    return [&place](Answer<T> answer) {
      ASSERT_FALSE(place.has_value()) << "answered twice";
      place = std::move(answer);
    };
  }
  [[nodiscard]] base::Instant later() const { return clock_.instant + std::chrono::hours{1}; }
  [[nodiscard]] static ports::VenueHoldRequest hold_request_of(const std::string& venue = kVenue) {
    return {kTenant, venue, kEvent, kStarts, kEnds, "key-1"};
  }

  // One call each, answered with `result` when it was made.
  Answer<VenueFacts> find(http::Ending result, const base::TenantId& tenant = kTenant) {
    std::optional<Answer<VenueFacts>> answer;
    client_->find(tenant, kVenue, later(), into(answer));
    return settle(answer, std::move(result));
  }
  Answer<VenueHold> hold(http::Ending result) {
    std::optional<Answer<VenueHold>> answer;
    client_->hold(hold_request_of(), later(), into(answer));
    return settle(answer, std::move(result));
  }
  Answer<std::vector<VenueHold>> holds(http::Ending result) {
    std::optional<Answer<std::vector<VenueHold>>> answer;
    client_->holds(kTenant, kVenue, kEvent, later(), into(answer));
    return settle(answer, std::move(result));
  }
  Answer<bool> release(http::Ending result) {
    std::optional<Answer<bool>> answer;
    client_->release(kTenant, kVenue, "hold-1", "key-2", later(), into(answer));
    return settle(answer, std::move(result));
  }

  ManualClock clock_;
  FakeHttp http_;
  std::unique_ptr<Client> client_;

 private:
  template <class T>
  T settle(std::optional<T>& answer, http::Ending result) {
    EXPECT_FALSE(answer.has_value()) << "from within the call";
    if (!http_.open.empty()) http_.answer(std::move(result));
    http_.run_tasks();
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(T::unknown("never answered"));
  }
};

inline http::Response response(int status, const std::string& body = {},
                               std::vector<http::Header> headers = {}) {
  return {status, std::move(headers), body};
}
inline base::Error lost(base::Effect effect, base::ErrorKind kind = base::ErrorKind::retry_call) {
  return {kind, effect, "https://venue.example:443: no answer before the deadline"};
}

}  // namespace admitone::venue
