// The audit against an outcome topic that somebody else has written to.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/system_clock.hpp"
#include "integration/app_verbs/installation.hpp"
#include "kafka/sender.hpp"
#include "support/servers.hpp"

namespace admitone::tests {
namespace {

using Json = nlohmann::json;

void forge(const Installation& installation, const std::string& seq) {
  const app::SystemClock clock;
  kafka::ClientSettings client;
  client.bootstrap_servers = from_environment("ADMITONE_KAFKA_BOOTSTRAP_SERVERS");
  kafka::Sender sender(client, {installation.outcome_topic(), "", ""}, std::chrono::seconds{10},
                       clock);
  ports::OutgoingRecord record;
  record.topic = ports::OutgoingRecord::Topic::outcomes;
  record.partition = 0;
  record.value = "{}";
  record.headers = {
      {"ce_id", "forged"}, {"ce_type", "ticketing.event.created.v1"}, {"admitone-seq", seq}};
  const auto sent = sender.send({&record, 1});
  ASSERT_TRUE(sent.ok()) << sent.error().message;
}

Json checks_of(const Finished& audit) {
  return Json::parse(audit.out)["checks"];
}

std::int64_t violations(const Json& checks, const std::string& name) {
  for (const auto& check : checks) {
    if (check["check"] == name) return check["violations"].get<std::int64_t>();
  }
  return -1;
}

TEST(AuditOfATamperedLog, FindsAForgedOutcomeAndAGap) {
  ADMITONE_TEST_NEEDS("ADMITONE_KAFKA_BOOTSTRAP_SERVERS");
  Installation installation;
  ASSERT_EQ(installation.run("topics create").code, 0);
  ASSERT_EQ(installation.run("migrate up").code, 0);
  const auto nothing = installation.run("audit -o json");
  EXPECT_EQ(Json::parse(nothing.out)["result"], "nothing");
  ASSERT_EQ(nothing.code, 1) << "nothing is proven of nothing";
  ASSERT_NE(nothing.err.find("nothing was consumed"), std::string::npos) << nothing.err;

  forge(installation, "0:1");
  const auto unknown = installation.run("audit -o json");
  EXPECT_EQ(unknown.code, 3) << unknown.err;
  EXPECT_EQ(violations(checks_of(unknown), "sequences"), 0);
  EXPECT_EQ(violations(checks_of(unknown), "outcome log"), 1);

  forge(installation, "0:3");
  const auto gap = installation.run("audit -o json");
  EXPECT_EQ(gap.code, 3);
  EXPECT_EQ(violations(checks_of(gap), "sequences"), 1);
}

}  // namespace
}  // namespace admitone::tests
