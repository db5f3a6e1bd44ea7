#include "app/measured_http.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace admitone::app {
namespace {

struct ManualClock : ports::Clock {
  base::Timestamp now() const override { return {}; }
  base::Instant steady() const override { return at; }
  base::Instant at{std::chrono::hours{1}};
};

struct KeptMeters : ports::Meters {
  void add(ports::Counter, std::string_view, double) override {}
  void set(ports::Gauge, std::string_view, double) override {}
  void observe(ports::Histogram histogram, double value) override {
    EXPECT_EQ(histogram, ports::Histogram::chain_call_seconds);
    observed.push_back(value);
  }
  std::vector<double> observed;
};

struct KeptHttp : http::Client {
  void send(http::Request request, http::Done done) override {
    url = request.url;
    waiting = std::move(done);
  }
  std::string url;
  http::Done waiting;
};

class Measured : public testing::Test {
 protected:
  // Whether the caller got that ending, half a second after it asked.
  bool answered(const http::Ending& ending) {
    std::optional<bool> got;
    http::Request request;
    request.url = "https://one";
    client.send(request, [&](const http::Ending& end) { got = end.ok(); });
    EXPECT_EQ(to.url, "https://one");
    clock.at += std::chrono::milliseconds{500};
    to.waiting(ending);
    return got == ending.ok();
  }
  static base::Error error(base::ErrorKind kind) {
    return {kind, base::Effect::unknown, "no answer"};
  }

  ManualClock clock;
  KeptMeters meters;
  KeptHttp to;
  MeasuredHttp client{to, ports::Histogram::chain_call_seconds, meters, clock};
};

TEST_F(Measured, AnswersAndSilenceTakeTheirTime) {
  EXPECT_TRUE(answered(http::Response{503, {}, {}}));
  EXPECT_TRUE(answered(error(base::ErrorKind::retry_call)));
  EXPECT_EQ(meters.observed, (std::vector{0.5, 0.5}));
}

TEST_F(Measured, WhatNobodyWasAskedTakesNone) {
  EXPECT_TRUE(answered(error(base::ErrorKind::cancelled)));
  EXPECT_TRUE(answered(error(base::ErrorKind::permanent)));
  EXPECT_TRUE(answered(http::Ending::nobody_asked(error(base::ErrorKind::retry_call))));
  EXPECT_TRUE(meters.observed.empty());
}

}  // namespace
}  // namespace admitone::app
