#include <gmock/gmock.h>

#include "app/settings.hpp"
#include "app/wiring.hpp"
#include "base/failpoint.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

std::vector<std::string> lines(const Settings& settings) {
  std::vector<std::string> out;
  for (const auto& problem : check_settings(settings)) out.push_back(problem.line());
  return out;
}

TEST(SettingsCheck, FindsNothingWrongWithTheDefaults) {
  EXPECT_THAT(lines({}), IsEmpty());
}

// Law L18: the horizon covers retention, dead letters and replay together.
TEST(Retention, NamesTheNumbersWhenTheHorizonIsTooShort) {
  Settings settings;
  settings.idempotency.completed_ttl = std::chrono::hours{24 * 6};
  EXPECT_THAT(
      lines(settings),
      ElementsAre("idempotency.completed_ttl: 6d is shorter than kafka.command_retention 3d "
                  "+ dead_letter.max_age 3d + replay.window 1d = 7d; keep keys for at least "
                  "7d or shorten one of the three (ADMITONE_IDEMPOTENCY_COMPLETED_TTL)"));
}

TEST(Retention, KeepsOutcomesAsLongAsKeys) {
  Settings settings;
  settings.kafka.outcome_retention = std::chrono::hours{24 * 6};
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("keep outcomes for at least 7d")));
}

// Audit B8.
TEST(Retention, MayBeThirtyDays) {
  Settings settings;
  settings.idempotency.completed_ttl = std::chrono::hours{24 * 30};
  settings.kafka.outcome_retention = std::chrono::hours{24 * 30};
  EXPECT_THAT(lines(settings), IsEmpty());
}

TEST(Retention, IsExactAtTheBorder) {
  Settings settings;
  settings.kafka.command_retention += std::chrono::milliseconds{1};
  EXPECT_EQ(lines(settings).size(), 1U);
}

#if ADMITONE_FAILPOINTS
TEST(Retention, IsNotCheckedByTheMutant) {
  Settings settings;
  settings.idempotency.completed_ttl = std::chrono::hours{24 * 6};
  ASSERT_TRUE(base::failpoint::configure("mutant:retention_unchecked"));
  const auto unchecked = lines(settings);
  base::failpoint::clear();
  EXPECT_NE(unchecked, lines(settings)) << "the tests above would not notice the mutant";
}
#endif

TEST(Topics, AreAllDifferent) {
  Settings settings;
  settings.kafka.outcome_topic = "ticketing.commands";
  settings.kafka.dead_letter_topic = "no spaces";
  EXPECT_THAT(lines(settings),
              ElementsAre(HasSubstr("'ticketing.commands' is used twice"),
                          HasSubstr("kafka.dead_letter_topic: 'no spaces' is not a topic name")));
}

TEST(Topics, MayBeBoundToTenantsOnlyWhenTheyAreRead) {
  Settings settings;
  settings.kafka.topic_tenants = {{"elsewhere", {"00000000-0000-0000-0000-00000000000A"}}};
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("'elsewhere' is no command topic"),
                                           HasSubstr("of topic 'elsewhere' is no UUID")));
}

TEST(KafkaOptions, MayNotBreakTheGuarantees) {
  for (const char* option :
       {"enable.auto.commit", "auto.commit.enable", "enable.auto.offset.store", "isolation.level",
        "transactional.id", "enable.idempotence", "acks", "group.id", "auto.offset.reset"}) {
    Settings settings;
    settings.kafka.options = {{option, "x"}};
    EXPECT_THAT(lines(settings), ElementsAre(HasSubstr(std::string("'") + option + "'"))) << option;
  }
  Settings settings;
  settings.kafka.options = {{"security.protocol", "ssl"}, {"ssl.ca.location", "/etc/ssl/ca.pem"}};
  EXPECT_THAT(lines(settings), IsEmpty());
}

TEST(Times, FitIntoEachOther) {
  Settings settings;
  settings.database.lock_timeout = settings.database.statement_timeout + std::chrono::seconds{1};
  settings.reservations.default_hold = std::chrono::hours{48};
  EXPECT_THAT(lines(settings),
              ElementsAre(HasSubstr("database.lock_timeout: 11s is longer than "
                                    "database.statement_timeout 10s; make it at most 10s"),
                          HasSubstr("reservations.default_hold: 2d is longer than "
                                    "reservations.max_hold 1d")));
}

TEST(Sizes, FitIntoEachOther) {
  Settings settings;
  settings.worker.batch_records = settings.worker.lane_queue_records + 1;
  settings.limits.max_value_bytes = settings.limits.max_record_bytes + 1;
  EXPECT_EQ(lines(settings).size(), 2U);
}

TEST(Http, ListensOnAHostAndAPort) {
  Settings settings;
  for (const char* listen : {"8080", "host:", "host:70000", "host:80x"}) {
    settings.http.listen = listen;
    EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("is not HOST:PORT"))) << listen;
  }
  for (const char* listen : {"0.0.0.0:8080", "[::1]:0", ":9090", ""}) {
    settings.http.listen = listen;
    EXPECT_THAT(lines(settings), IsEmpty()) << listen;
  }
}

TEST(Http, NeedsItsTokenFiles) {
  Settings settings;
  settings.http.admin_token_file = "/nowhere/token";
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("'/nowhere/token' cannot be read")));
}

constexpr const char* kTenant = "00000000-0000-0000-0000-000000000001";
constexpr const char* kHold = "ticketing.reservation.create.v1";

TEST(ContentKey, HasModesForTenantsAndWindowsForTypesAndTenants) {
  Settings settings;
  settings.content_key.tenants = {{kTenant, "percent"}};
  settings.content_key.windows = {
      {kHold, "2s"}, {kTenant, "1d"}, {std::string(kTenant) + "/" + kHold, "1ms"}};
  EXPECT_THAT(lines(settings), IsEmpty());
  Deployment deployment;
  deployment.topic_ids[settings.kafka.command_topics.front()] = 0;
  const auto options = engine_options(settings, deployment).content_key;
  const base::TenantId tenant{*base::Uuid::parse(kTenant)};
  constexpr auto kType = domain::CommandType::reservation_create;
  using Of = pipeline::ContentKeyOptions::WindowOf;
  EXPECT_THAT(options.windows,
              UnorderedElementsAre(Pair(Of{{}, kType}, 2s), Pair(Of{tenant, {}}, 24h),
                                   Pair(Of{tenant, kType}, 1ms)));
  EXPECT_THAT(options.tenant_mode,
              ElementsAre(Pair(tenant, pipeline::ContentKeyOptions::Mode::percent)));
}

TEST(ContentKey, SaysWhichEntryIsWrongAndWhy) {
  Settings settings;
  settings.content_key.tenants = {{kTenant, "maybe"}, {"nobody", "on"}};
  settings.content_key.windows = {{"nothing.v1", "1s"}};
  EXPECT_THAT(lines(settings),
              ElementsAre(HasSubstr("is no mode"), HasSubstr("is no UUID"),
                          HasSubstr("'nothing.v1' is neither a command type nor a tenant")));
  settings.content_key.tenants.clear();
  for (const auto& name : {std::string(kTenant) + "/nothing.v1", std::string(kTenant) + "/",
                           std::string(kHold) + "/" + kTenant, std::string("/") + kHold}) {
    settings.content_key.windows = {{name, "1s"}};
    EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("is neither"))) << name;
  }
  for (const char* window : {"1", "0ms", "2d", "soon"}) {
    settings.content_key.windows = {{kHold, window}};
    EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("is no duration between 1ms and 1d")))
        << window;
  }
}

TEST(AProblem, NamesTheVariableUnlessItsWayOutDoes) {
  EXPECT_EQ((Problem{"log.level", "is wrong", "mend it"}.line()),
            "log.level: is wrong; mend it (ADMITONE_LOG_LEVEL)");
  EXPECT_EQ((Problem{"log", "is wrong", "mend it"}.line()), "log: is wrong; mend it");
}

TEST(Required, NamesTheVariableToSet) {
  const auto problems = require_settings({}, {"database.url", "kafka.group_id"});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line(),
            "database.url: is not set; set ADMITONE_DATABASE_URL or 'database.url' in the file "
            "given with --config");
}

}  // namespace
}  // namespace admitone::app
