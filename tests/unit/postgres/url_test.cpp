// Nothing of a connection string that libpq would not take reaches a message (law L22).

#include "postgres/url.hpp"

#include <gtest/gtest.h>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"
#include "postgres/views.hpp"

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
