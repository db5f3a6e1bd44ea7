// What is told of venue service and chain, and how often they are asked for that (audit C12).
#include "app/outside.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "unit/app/outside_kit.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::app {
namespace {

// The first key of RFC 8032, section 7.1: seed, then public key.
constexpr const char* kWallet =
    "["
    "157,97,177,157,239,253,90,96,186,132,74,244,146,236,44,196,68,"
    "73,197,105,123,50,105,25,112,59,172,3,28,174,127,96,215,90,152,"
    "1,130,177,10,183,213,75,254,211,201,100,7,58,14,225,114,243,"
    "218,166,35,37,175,2,26,104,247,7,81,26"
    "]";

class OutsideTest : public testing::Test {
 protected:
  OutsideTest() {
    wallet_ = testing::TempDir() + "outside-wallet-" + std::to_string(::getpid()) + ".json";
    std::ofstream(wallet_) << kWallet;
    ::chmod(wallet_.c_str(), S_IRUSR | S_IWUSR);
  }
  ~OutsideTest() override { ::unlink(wallet_.c_str()); }
  std::unique_ptr<Outside> begin(const ports::Clock& clock) {
    auto made = Outside::create(settings_, clock, meters_, nullptr);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    (*made)->start(health_);
    return std::move(*made);
  }
  void name_a_chain(const http::RawServer& node) {
    settings_.solana.rpc_url = node.url();
    settings_.solana.allow_insecure = true;
    settings_.solana.wallet_file = wallet_;
  }
  // One look later; who is named decides nothing.
  std::string said(Outside& outside) {
    outside.look();
    const auto report = health_.ready();
    EXPECT_TRUE(report.good);
    return report.lines.at(0).detail;
  }

  std::string wallet_;
  Settings settings_;
  Gauges meters_;
  HandClock board_clock_;
  telemetry::Health health_{board_clock_};
};

TEST_F(OutsideTest, ProbesTheChainEveryThirtySecondsAndNotMoreOften) {
  std::atomic<int> probes{0};
  const http::RawServer node([&](http::RawConnection& connection) {
    for (auto request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      const auto call = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
      const bool probe = call.at("method") == "getHealth";
      const auto* result = probe ? "ok" : "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
      connection.answer(
          nlohmann::json{{"jsonrpc", "2.0"}, {"id", call.at("id")}, {"result", result}}.dump());
      probes += probe ? 1 : 0;
    }
  });
  name_a_chain(node);
  HandClock clock;
  const auto outside = begin(clock);
  const auto probed = [&](int times) {
    outside->look();
    return comes([&] { return probes == times; });
  };
  ASSERT_TRUE(probed(1)) << "at once";
  EXPECT_TRUE(comes([&] { return said(*outside) == "1 of 1 RPC nodes can be used"; }));
  // Too early at each second look.
  for (const int times : {1, 2, 2, 3}) {
    clock.pass(29'999ms);
    ASSERT_TRUE(probed(times)) << probes;
  }
  for (const int times : {4, 5, 6}) {
    clock.pass(30s);
    ASSERT_TRUE(probed(times)) << probes;
    outside->look();
  }
  EXPECT_FALSE(comes([&] { return probes > 6; }, 300ms)) << probes << ": some were too much";
  outside->stop();
}

TEST_F(OutsideTest, GivesAProbeOfTheChainTwoSecondsAndNobodyWaitsForIt) {
  std::atomic<bool> asked{false};
  std::atomic<bool> ended{false};
  std::atomic<std::chrono::milliseconds> after{0ms};
  const http::RawServer node([&](http::RawConnection& connection) {
    const auto since = std::chrono::steady_clock::now();
    if (connection.read_request().empty() || asked.exchange(true)) return;
    connection.wait_until_closed();
    after = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - since);
    ended = true;
  });
  name_a_chain(node);
  const RunningClock clock;
  const auto outside = begin(clock);
  const auto since = std::chrono::steady_clock::now();
  EXPECT_EQ(said(*outside), "degraded: 0 of 1 RPC nodes can be used");
  EXPECT_LT(std::chrono::steady_clock::now() - since, 1s);
  ASSERT_TRUE(comes([&] { return ended.load(); }));
  EXPECT_GE(after.load(), 1'500ms);  // (It is counted from where the node has accepted.)
  EXPECT_LT(after.load(), 8s) << "a call of a saga has ten";
  outside->stop();
}

// Its contract has no path that could be asked for no tenant.
TEST_F(OutsideTest, ShowsTheVenueServiceByTheCallsOfSagasAlone) {
  const http::RawServer venue([](http::RawConnection&) {});
  settings_.venue.url = venue.url("");
  settings_.venue.allow_insecure = true;
  HandClock clock;
  const auto outside = begin(clock);
  for (int looks = 0; looks < 10; ++looks) {
    EXPECT_EQ(said(*outside), "breaker closed");
    clock.pass(30s);
  }
  outside->stop();
  EXPECT_EQ(venue.connections(), 0);
}

}  // namespace
}  // namespace admitone::app
