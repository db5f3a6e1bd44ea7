#pragma once
// RPC nodes that say what a test wrote down, a loop that a test turns, and a wallet.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http/client.hpp"
#include "ports/clock.hpp"
#include "solana/base58.hpp"
#include "solana/client.hpp"
#include "solana/registry.hpp"
#include "solana/wallet.hpp"

namespace admitone::solana {

struct ManualClock : ports::Clock {
  base::Timestamp now() const override { return base::Timestamp{}; }
  base::Instant steady() const override { return instant; }
  void pass(std::chrono::milliseconds time) { instant += time; }
  base::Instant instant{std::chrono::hours(1)};
};

// What a node answers to one request.
struct Status {
  int code = 200;
  std::vector<http::Header> headers = {};
};
struct Raw {
  std::string body;
};
struct NobodyAsked {};
using Reply = std::variant<Json, RpcError, Status, Raw, base::Error, NobodyAsked>;

inline Reply not_reached() {
  return base::Error{base::ErrorKind::retry_call, base::Effect::not_applied, "connection refused"};
}
inline Reply timed_out() {
  return base::Error{base::ErrorKind::retry_call, base::Effect::unknown, "deadline"};
}

// Answers in the order of the script, and fails the test when anything else is asked for.
class ScriptedHttp : public http::Client {
 public:
  struct Asked {
    http::Request request;
    Json body;
  };

  void expect(std::string method, Reply reply) {
    script_.emplace_back(std::move(method), std::move(reply));
  }
  void send(http::Request request, http::Done done) override {
    const auto body = Json::parse(request.body);
    if (body.at("method") == "getGenesisHash") {
      genesis_asked.push_back(request.url);
      const auto said =
          genesis.contains(request.url) ? genesis.at(request.url) : Reply(Json(kGenesis));
      return post([done = std::move(done), response = response_of(said, body.at("id"))] {
        done(response);
      });
    }
    ASSERT_FALSE(script_.empty()) << "nobody expected " << request.body;
    auto [method, reply] = std::move(script_.front());
    script_.pop_front();
    EXPECT_EQ(body.at("method"), method);
    asked.push_back({std::move(request), body});
    post(
        [done = std::move(done), response = response_of(reply, body.at("id"))] { done(response); });
  }
  void post(std::function<void()> task) { tasks_.push_back(std::move(task)); }
  // Until nothing is left to do.
  void turn() {
    while (!tasks_.empty()) {
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  [[nodiscard]] bool all_asked() const { return script_.empty(); }
  [[nodiscard]] Json params(std::size_t at) const { return asked.at(at).body.at("params"); }

  std::vector<Asked> asked;
  // Nodes tell their cluster without being told to; here is who says something else.
  static constexpr const char* kGenesis = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
  std::map<std::string, Reply> genesis;
  std::vector<std::string> genesis_asked;

 private:
  static http::Ending response_of(const Reply& reply, const Json& id) {
    if (std::holds_alternative<NobodyAsked>(reply))
      return http::Ending::nobody_asked(
          {base::ErrorKind::retry_call, base::Effect::not_applied, "no free connection in time"});
    if (const auto* error = std::get_if<base::Error>(&reply)) return *error;
    if (const auto* status = std::get_if<Status>(&reply))
      return http::Response{status->code, status->headers, "<html>"};
    if (const auto* raw = std::get_if<Raw>(&reply)) return http::Response{200, {}, raw->body};
    Json body{{"jsonrpc", "2.0"}, {"id", id}};
    if (const auto* error = std::get_if<RpcError>(&reply))
      body["error"] = {{"code", error->code}, {"message", error->message}};
    else
      body["result"] = std::get<Json>(reply);
    return http::Response{200, {}, body.dump()};
  }

  std::deque<std::pair<std::string, Reply>> script_;
  std::deque<std::function<void()>> tasks_;
};

// A folder of its own for each test, gone after it.
class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "solanaXXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // A file with that text and mode.
  [[nodiscard]] std::string file(const std::string& name, const std::string& text,
                                 mode_t mode = 0600) const {
    const auto path = path_ + "/" + name;
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The first key of RFC 8032, section 7.1: seed, then public key.
inline std::vector<int> wallet_bytes() {
  return {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92,
          0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b,
          0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60, 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a,
          0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3,
          0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
}
inline Wallet test_wallet() {
  const Folder folder;
  auto wallet = Wallet::load(folder.file("wallet.json", Json(wallet_bytes()).dump()));
  EXPECT_TRUE(wallet.ok());
  return std::move(wallet.value());
}

inline ports::ChainRecord test_record() {
  ports::ChainRecord record;
  record.tenant = {base::Uuid::parse("7d1f4b62-30a5-4c88-9d5e-0b6c1c0f7a11").value()};
  record.event = {base::Uuid::parse("0b0e1a52-9f0c-4a35-8b71-3f2f5a4f9d10").value()};
  record.venue_id = "hall-1";
  record.royalties = {500, 250, "11111111111111111111111111111111",
                      "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"};
  record.event_hash.fill(7);
  return record;
}

inline Json with_slot(std::int64_t slot, Json value) {
  return {{"context", {{"slot", slot}, {"apiVersion", "2.0"}}}, {"value", std::move(value)}};
}

// A client with its nodes, on a loop that the test turns.
struct World {
  explicit World(Settings given = {}) : settings(std::move(given)) {
    if (settings.rpc_urls.empty()) settings.rpc_urls = {"http://one/?key=secret", "http://two/"};
    settings.wallet_file = folder.file("wallet.json", Json(wallet_bytes()).dump());
    auto made = Client::make(settings, http, clock,
                             [this](std::function<void()> task) { http.post(std::move(task)); });
    client = std::move(made.value());
  }
  [[nodiscard]] base::Instant later() const { return clock.instant + std::chrono::seconds(30); }

  Folder folder;
  ManualClock clock;
  ScriptedHttp http;
  Settings settings;
  std::unique_ptr<Client> client;
};

// Keeps the one answer that comes.
template <class T>
struct Kept {
  ports::Answered<T> take() {
    return [this](ports::Answer<T> answer) {
      EXPECT_FALSE(got.has_value()) << "answered twice";
      got = std::move(answer);
    };
  }
  std::optional<ports::Answer<T>> got;
};

}  // namespace admitone::solana
