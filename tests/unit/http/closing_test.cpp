#include <gmock/gmock.h>

#include "unit/http/loop.hpp"
#include "unit/http/raw_server.hpp"

namespace admitone::http {
namespace {

using namespace std::chrono_literals;
using base::Effect;
using base::ErrorKind;

class ClosingTest : public testing::Test {
 protected:
  void expect_cancelled(std::future<Outcome> future, Effect effect) {
    expect_failed(Loop::wait(std::move(future)), ErrorKind::cancelled, effect, "closing");
  }

  std::promise<void> read_;
  std::promise<void> may_answer_;
  std::shared_future<void> allowed_ = may_answer_.get_future().share();
  RawServer server_{[this](RawConnection& connection) {
    connection.read_request();
    read_.set_value();
    allowed_.wait();
    connection.answer("late");
    connection.wait_until_closed();
  }};
};

TEST_F(ClosingTest, EndsWhatIsOnItsWayWithinItsLimit) {
  Loop loop({.allow_insecure = true, .max_connections_per_origin = 1, .close_limit = 100ms});
  auto sent = loop.send(loop.get(server_.url(), 1h));
  read_.get_future().wait();
  auto waiting = loop.send(loop.get(server_.url(), 1h));
  const auto before = std::chrono::steady_clock::now();
  loop.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  expect_cancelled(std::move(sent), Effect::unknown);
  expect_cancelled(std::move(waiting), Effect::not_applied);
  may_answer_.set_value();
}

TEST_F(ClosingTest, TakesAnAnswerThatComesInTime) {
  Loop loop({.allow_insecure = true, .close_limit = 1h});
  auto sent = loop.send(loop.get(server_.url(), 1h));
  read_.get_future().wait();
  loop.request_stop();
  may_answer_.set_value();
  const auto outcome = Loop::wait(std::move(sent));
  ASSERT_TRUE(outcome.ok()) << outcome.error().message;
  EXPECT_EQ(outcome->body, "late");
  loop.stop();
}

TEST_F(ClosingTest, AnswersWhatIsSentAfterwardsWhenItIsDestroyed) {
  may_answer_.set_value();
  std::future<Outcome> late;
  bool ran = false;
  {
    Loop loop;
    loop.stop();
    late = loop.send(loop.get(server_.url()));
    loop.client().post([&] { ran = true; });
    EXPECT_EQ(late.wait_for(0s), std::future_status::timeout) << "never from within send";
  }
  expect_cancelled(std::move(late), Effect::not_applied);
  EXPECT_TRUE(ran);
  EXPECT_EQ(server_.connections(), 0);
}

TEST_F(ClosingTest, AnswersWhoAsksOnceMoreWhenToldThatItIsOver) {
  may_answer_.set_value();
  std::promise<Outcome> second;
  {
    Loop loop;
    loop.stop();
    auto& client = loop.client();
    const auto request = loop.get(server_.url());
    client.send(request, [&client, &second, request](const Outcome&) {
      client.send(request, [&](Outcome outcome) { second.set_value(std::move(outcome)); });
    });
  }
  expect_cancelled(second.get_future(), Effect::not_applied);
}

TEST(Closing, IsQuickWhenNothingIsOnItsWay) {
  Loop loop({.allow_insecure = true, .close_limit = 1h});
  loop.stop();
  EXPECT_GE(loop.client().rounds(), 1U);
}

}  // namespace
}  // namespace admitone::http
