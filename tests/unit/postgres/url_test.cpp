// Nothing of a connection string that libpq would not take reaches a message (law L22).

#include "postgres/url.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/lane_store.hpp"
#include "postgres/views.hpp"
#include "support/log_lines.hpp"

namespace admitone::postgres {
namespace {

const std::vector<std::string> kTorn{
    "postgresql://w:hush%me@h/d",   "postgresql://w:hu/sh@h/d", "postgresql://w:12/hush@h/d",
    "postgresql://w:hush@hush@h/d", "postgresql://w:x@[hush/d", "postgre://w:hush@h/d",
    "host=h password=very hush",    "host=h pasword=hush",      "hush",
};

TEST(DatabaseUrl, IsTakenWhenLibpqCanReadIt) {
  for (const char* url :
       {"", "postgresql://h/d",
        "postgresql://w%40server:p%40%25%2F@h:5432,h2:5433/d?sslmode=require",
        "postgres:///d?host=/run/postgresql", "host=h port=5432 password='very hush' dbname=d"}) {
    EXPECT_NO_THROW(check_url(url)) << url;
  }
}

TEST(DatabaseWay, IsLocalOnlyWhenEveryHostIs) {
  for (const char* url :
       {"postgresql://w:hush@localhost/d", "postgresql://127.0.0.1:5432/d", "postgresql://[::1]/d",
        "postgres:///d?host=/run/postgresql", "host=db.example hostaddr=127.0.0.1"}) {
    const auto way = way_of(url);
    ASSERT_TRUE(way.has_value()) << url;
    EXPECT_TRUE(way->local) << url;
  }
  for (const char* url : {"postgresql://w:hush@db.example/d", "postgresql://localhost,db.example/d",
                          "host=localhost hostaddr=192.0.2.1", "postgresql://127.example/d",
                          "postgresql:///?service=far", "host=localhost service=far"}) {
    EXPECT_FALSE(way_of(url)->local) << url;
  }
  EXPECT_EQ(way_of("postgresql://localhost,db.example/d")->host, "db.example");
  EXPECT_EQ(way_of("postgresql://h/d?sslmode=verify-full")->sslmode, "verify-full");
  EXPECT_EQ(way_of("postgresql://h/d")->sslmode, "prefer");
  EXPECT_EQ(way_of("service=far")->host, "service far");
  EXPECT_EQ(way_of("service=far sslmode=verify-full")->sslmode, "verify-full");
  EXPECT_FALSE(way_of("hush").has_value());
}

TEST(DatabaseWay, IsNoneOfAStringThatIsTorn) {
  for (const auto& url : kTorn) EXPECT_FALSE(way_of(url).has_value()) << url;
}

TEST(DatabaseUrl, IsReadAgainWhereItCameFromAFile) {
  const auto file =
      std::filesystem::path(testing::TempDir()) / ("admitone-url-" + std::to_string(getpid()));
  EXPECT_EQ(current_url("old", ""), "old");
  EXPECT_EQ(current_url("old", file.string()), "old") << "it is being replaced";
  std::ofstream(file) << "new\n";
  EXPECT_EQ(current_url("old", file.string()), "old") << "that is none";
  std::ofstream(file) << "postgresql://w:new@h/d\n";
  EXPECT_EQ(current_url("old", file.string()), "postgresql://w:new@h/d");
  std::filesystem::remove(file);
}

TEST(DatabaseUrl, StaysTheOneBeforeWhileItsFileHoldsNone) {
  const auto file =
      std::filesystem::path(testing::TempDir()) / ("admitone-bad-url-" + std::to_string(getpid()));
  auto bad = kTorn;
  bad.push_back("postgresql://w:hush@h/d?application_name=" + std::string(65'536, 'x'));
  for (const auto& url : bad) {
    const support::LogLines log("postgres");
    std::ofstream(file) << url << '\n';
    EXPECT_EQ(current_url("old", file.string()), "old") << url.substr(0, 60);
    EXPECT_NE(log.text().find(file.string()), std::string::npos);
    EXPECT_EQ(log.text().find("hush"), std::string::npos) << log.text();
  }
  std::filesystem::remove(file);
}

// The one of the start may be revoked by then.
TEST(DatabaseUrl, FallsBackOnTheLastGoodOneOfItsFile) {
  const auto file =
      std::filesystem::path(testing::TempDir()) / ("admitone-kept-url-" + std::to_string(getpid()));
  const auto holds = [&](const std::string& text) {
    std::ofstream(file) << text;
    return current_url("postgresql://w:first@h/d", file.string());
  };
  const std::string second = "postgresql://w:second@h/d";
  EXPECT_EQ(holds(second), second);
  for (const char* bad : {"postgresql://w:thi%", "", "\n"}) EXPECT_EQ(holds(bad), second) << bad;
  std::filesystem::remove(file);
  EXPECT_EQ(current_url("postgresql://w:first@h/d", file.string()), second);
  EXPECT_EQ(holds("postgresql://w:third@h/d"), "postgresql://w:third@h/d");
  std::filesystem::remove(file);
  EXPECT_EQ(current_url("old", file.string() + "-other"), "old") << "nothing is known of that";
}

// For whoever runs lanes: what is wrong with it is no record's fault.
TEST(DatabaseUrl, ThatIsNoneIsNoFaultOfARecord) {
  class Clock final : public ports::Clock {
   public:
    [[nodiscard]] base::Timestamp now() const override { return {}; }
    [[nodiscard]] base::Instant steady() const override { return {}; }
  };
  const Clock clock;
  LaneStoreOptions options;
  options.connection.url = kTorn.front();
  const auto asked = LaneStore(options, clock).database_now();
  ASSERT_FALSE(asked.ok());
  EXPECT_EQ(asked.error().kind, base::ErrorKind::retry_unit);
  EXPECT_EQ(asked.error().message.find("hush"), std::string::npos) << asked.error().message;
}

TEST(DatabaseUrl, IsNeverRepeatedWhenItIsMalformed) {
  for (const auto& url : kTorn) {
    try {
      check_url(url);
      ADD_FAILURE() << url;
    } catch (const Refused& refused) {
      EXPECT_EQ(refused.kind, base::ErrorKind::permanent);
      EXPECT_EQ(std::string(refused.what()).find("hush"), std::string::npos) << refused.what();
    }
  }
}

TEST(DatabaseUrl, IsLookedAtBeforeAnybodyConnects) {
  for (const auto& url : kTorn) {
    ConnectionSettings settings;
    settings.url = url;
    EXPECT_THROW(Connection(settings, RoleKind::worker), Refused);
    ViewSettings reader;
    reader.url = url;
    const auto views = Views::open(reader);
    ASSERT_FALSE(views.ok());
    EXPECT_EQ(views.error().message.find("hush"), std::string::npos) << views.error().message;
    EXPECT_EQ(views.error().message.find("refused"), std::string::npos);
  }
}

}  // namespace
}  // namespace admitone::postgres
