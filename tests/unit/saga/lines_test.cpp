// What the log says of calls that failed (audit EC4).
#include <gtest/gtest.h>

#include <map>

#include "planning.hpp"
#include "support/log_lines.hpp"

namespace admitone::saga {
namespace {

constexpr auto kOurs = Runner::From::this_owner;

struct Bench {
  // A saga whose hold was intended, is durable and under way.
  Saga holding() {
    auto saga = saga_at(StepId::venue_hold);
    write_next(saga, 0s);
    runner.adopt(saga, kOurs, now_at(0s));
    return saga;
  }
  HandServed services;
  Runner runner{{}, {.services = {&services, &services}, .random = [] { return 0U; }}};
  support::LogLines lines{"saga"};
};

TEST(SagaLines, NameStepAttemptKeyTenantAndStatusOfAFailedCall) {
  Bench bench;
  const auto saga = bench.holding();
  ASSERT_EQ(bench.services.hold_answers.size(), 1U);
  bench.services.hold_answers[0](
      ports::Answer<ports::VenueHold>::unknown("venue.hold: status 503\n"));
  bench.runner.turn(now_at(1s));
  EXPECT_EQ(bench.lines.count(), 1) << bench.lines.text();
  EXPECT_TRUE(bench.lines.text().starts_with(
      "warning saga " + saga.id.str() + ": venue.hold failed, attempt 1, request key " +
      find_step(saga, StepId::venue_hold)->request_key + ": venue.hold: status 503\\x0a"))
      << bench.lines.text();
  EXPECT_NE(bench.lines.text().find(saga.tenant.str()), std::string::npos) << bench.lines.text();
}

TEST(SagaLines, CarryTheCommandItsPositionAndItsTrace) {
  Bench bench;
  auto saga = saga_at(StepId::venue_hold);
  saga.trace = {"c-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", {}};
  write_next(saga, 0s);
  bench.runner.adopt(saga, kOurs, now_at(0s));
  bench.services.hold_answers[0](ports::Answer<ports::VenueHold>::unknown("status 503"));
  bench.runner.turn(now_at(1s));
  const auto text = bench.lines.text();
  const auto line = base::unpacked(text);
  const std::map<std::string_view, std::string_view> fields(line.fields.begin(), line.fields.end());
  EXPECT_EQ(fields.at("admitone.command_id"), "c-1");
  EXPECT_EQ(fields.at("admitone.position"), saga.origin);
  EXPECT_EQ(fields.at("admitone.saga_id"), saga.id.str());
  EXPECT_EQ(fields.at("admitone.tenant_id"), saga.tenant.str());
  EXPECT_TRUE(fields.at("trace.id").starts_with("0af7651916cd43dd8448eb211c80319c"));
}

TEST(SagaLines, CountTheAttempts) {
  Bench bench;
  bench.runner.adopt(make_saga(), kOurs, now_at(0s));
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto answered_at = 5s * attempt;
    bench.services.finds.back().answered(ports::Answer<ports::VenueFacts>::retry("status 502"));
    bench.runner.turn(now_at(answered_at));
    bench.runner.turn(now_at(answered_at + 2s));  // and it is asked again
    EXPECT_NE(bench.lines.text().find("venue.validate failed, attempt " + std::to_string(attempt) +
                                      ", request key none: status 502"),
              std::string::npos)
        << bench.lines.text();
  }
}

TEST(SagaLines, TellOfAnAttemptWithoutAnAnswer) {
  Bench bench;
  bench.holding();
  bench.runner.turn(now_at(30s));
  EXPECT_NE(bench.lines.text().find("venue.hold failed, attempt 1"), std::string::npos);
  EXPECT_NE(bench.lines.text().find("no answer by the attempt's deadline"), std::string::npos)
      << bench.lines.text();
}

TEST(SagaLines, SayNothingOfAnswers) {
  Bench bench;
  bench.runner.adopt(make_saga(Kind::event_create, 1), kOurs, now_at(0s));
  bench.runner.adopt(make_saga(Kind::event_create, 2), kOurs, now_at(0s));
  bench.services.finds[0].serve();
  bench.services.finds[1].answered(
      ports::Answer<ports::VenueFacts>::refused(domain::Code::venue_not_found, "status 404"));
  bench.runner.turn(now_at(1s));
  EXPECT_EQ(bench.lines.count(), 0) << bench.lines.text();
}

}  // namespace
}  // namespace admitone::saga
