#include <gmock/gmock.h>

#include <atomic>

#include "integration/simulate/kit.hpp"

namespace admitone::simulate {
namespace {

using std::chrono::milliseconds;

Answer plain(const std::string& body) {
  Answer answer;
  answer.body = body;
  return answer;
}

TEST(Listener, HandsOverWhatWasAsked) {
  Request seen;
  const Serving serving([&seen](const Request& request) {
    seen = request;
    Answer answer = plain("done");
    answer.status = 201;
    answer.type = "text/plain";
    answer.headers.emplace_back("X-Extra", "1");
    return answer;
  });
  auto client = serving.client();
  const auto got =
      client.Post("/a%20b/c?x=1&y=%2F",
                  {{"X-Tenant-ID", "t"}, {"Idempotency-Key", "k"}, {"Authorization", "z"}}, "body",
                  "text/plain");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->status, 201);
  EXPECT_EQ(got->body, "done");
  EXPECT_EQ(got->get_header_value("Content-Type"), "text/plain");
  EXPECT_EQ(got->get_header_value("X-Extra"), "1");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/a b/c");
  EXPECT_EQ(seen.query, (std::map<std::string, std::string>{{"x", "1"}, {"y", "/"}}));
  EXPECT_EQ(seen.tenant + seen.idempotency_key + seen.authorization + seen.body, "tkzbody");
}

TEST(Listener, KeepsAConnectionForManyRequests) {
  const Serving serving([](const Request& request) { return plain(request.path); });
  auto client = serving.client();
  for (int i = 0; i < 50; ++i) {
    const auto got = client.Get(("/" + std::to_string(i)).c_str());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "/" + std::to_string(i));
  }
  EXPECT_EQ(serving.traffic().open, 1);
}

TEST(Listener, LetsAClientGoOnThatAsksBeforeItSendsABody) {
  const Serving serving([](const Request& request) { return plain(request.body); });
  const std::string head =
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
  RawConnection connection(serving.port());
  connection.send(head);
  EXPECT_THAT(connection.read_until("\r\n\r\n"), testing::StartsWith("HTTP/1.1 100 Continue"));
  connection.send("body");
  EXPECT_THAT(connection.read_until("body"), testing::StartsWith("HTTP/1.1 200 OK"));
}

TEST(Listener, TakesARequestWithoutABodyAndTheNextOneOnTheSameConnection) {
  const Serving serving([](const Request& request) { return plain(request.path); });
  RawConnection connection(serving.port());
  for (const char* path : {"/one", "/two"}) {
    connection.send(std::string("DELETE ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(connection.read_until(path), testing::StartsWith("HTTP/1.1 200 OK"));
  }
}

TEST(Listener, EndsAConnectionWithoutAByte) {
  const Serving serving([](const Request& request) {
    Answer answer = plain("x");
    answer.lost = request.path == "/lost";
    return answer;
  });
  auto client = serving.client();
  EXPECT_FALSE(client.Get("/lost"));
  EXPECT_TRUE(client.Get("/")) << "the next connection is as good as any";
}

TEST(Listener, AnswersLateAndByteByByte) {
  const Serving serving([](const Request& request) {
    Answer answer = plain("0123456789");
    if (request.path == "/late") answer.wait = milliseconds{60};
    if (request.path == "/drip") answer.drip_bytes = 10;
    if (request.path == "/drip") answer.drip_pause = milliseconds{10};
    return answer;
  });
  auto client = serving.client();
  for (const char* path : {"/late", "/drip"}) {
    httplib::Result got{nullptr, httplib::Error::Unknown};
    const auto time = took([&] { got = client.Get(path); });
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "0123456789");
    EXPECT_GE(time, milliseconds{50}) << path;
  }
}

TEST(Listener, DoesLaterWhatHasNoAnswer) {
  std::atomic<int> done{0};
  const Serving serving([&done](const Request&) {
    Answer answer;
    answer.lost = true;
    answer.later = [&done] { ++done; };
    answer.later_in = milliseconds{20};
    return answer;
  });
  EXPECT_FALSE(serving.client().Get("/"));
  EXPECT_TRUE(comes_true([&done] { return done == 1; }));
}

TEST(Listener, TurnsAwayMoreConnectionsThanItHasThreads) {
  const Serving serving([](const Request&) { return plain("x"); }, 2);
  auto first = serving.client();
  auto second = serving.client();
  auto third = serving.client();
  ASSERT_TRUE(first.Get("/"));
  ASSERT_TRUE(second.Get("/"));
  EXPECT_FALSE(third.Get("/"));
  EXPECT_EQ(serving.traffic().refused, 1);
  first.stop();
  EXPECT_TRUE(comes_true([&third] { return static_cast<bool>(third.Get("/")); }));
}

TEST(Listener, RefusesABodyOverItsLimit) {
  const Serving serving([](const Request&) { return plain("x"); });
  const std::string body((1 << 20) + 1, 'x');
  const auto got = serving.client().Post("/", body, "text/plain");
  EXPECT_TRUE(!got || got->status == 413);
}

TEST(Listener, StopsAtOnceHoweverLongAnAnswerIsToTake) {
  std::atomic<bool> asked{false};
  auto serving = std::make_unique<Serving>([&asked](const Request&) {
    asked = true;
    Answer answer = plain("x");
    answer.wait = std::chrono::minutes{10};
    return answer;
  });
  std::thread waiting([client = std::make_shared<httplib::Client>(serving->client())] {
    EXPECT_FALSE(client->Get("/"));
  });
  ASSERT_TRUE(comes_true([&asked] { return asked.load(); }));
  EXPECT_LT(took([&serving] { serving.reset(); }), milliseconds{1'000});
  waiting.join();
}

TEST(Listener, SaysWhichAddressItCannotListenOn) {
  const Serving serving([](const Request&) { return plain("x"); });
  for (const std::string& listen :
       {"127.0.0.1:" + std::to_string(serving.port()), std::string("nonsense"),
        std::string("127.0.0.1:99999"), std::string("127.0.0.1:"), std::string(":0")}) {
    Listener second({listen, 1}, [](const Request&) { return Answer{}; });
    const auto port = second.bind();
    ASSERT_FALSE(port.ok()) << listen;
    EXPECT_THAT(port.error().message, testing::HasSubstr("cannot listen on '" + listen + "'"));
  }
}

TEST(Listener, MayBeStoppedBeforeItRuns) {
  Listener listener({"127.0.0.1:0", 1}, [](const Request&) { return Answer{}; });
  ASSERT_TRUE(listener.bind().ok());
  listener.stop();
  listener.run();
  SUCCEED();
}

}  // namespace
}  // namespace admitone::simulate
