// The operators' verbs against a real broker, a real database and a real worker, run as people run
// them.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "integration/app_verbs/installation.hpp"
#include "support/servers.hpp"

namespace admitone::tests {
namespace {

using Json = nlohmann::ordered_json;

const std::string kEvent = "7d9b7d4c-c80b-4916-a40c-c8e1cffb9836";
const std::string kReservation = "332a5401-25af-4407-934e-3a54f61dc441";

Json command(const std::string& id, const std::string& type, Json data) {
  data["eventId"] = kEvent;
  return {{"specversion", "1.0"},
          {"id", id},
          {"source", "/test"},
          {"type", "ticketing." + type + ".v1"},
          {"tenantid", "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"},
          {"idempotencykey", "key-" + id},
          {"data", std::move(data)}};
}

Json create_event() {
  return command("create", "event.create",
                 {{"venueId", "hall"},
                  {"name", "Evening"},
                  {"startsAt", "2035-06-01T19:00:00Z"},
                  {"endsAt", "2035-06-01T22:00:00Z"},
                  {"timezone", "Europe/Berlin"},
                  {"sections",
                   {{{"sectionId", "floor"},
                     {"name", "Floor"},
                     {"capacity", 10},
                     {"priceMinor", 100},
                     {"currency", "EUR"}}}}});
}

Json hold(const std::string& id, const std::string& reservation, int quantity) {
  return command(id, "reservation.create",
                 {{"reservationId", reservation},
                  {"customerId", "c"},
                  {"items", {{{"sectionId", "floor"}, {"quantity", quantity}}}}});
}

std::string lines(const std::vector<Json>& commands) {
  std::string all;
  for (const auto& each : commands) all += each.dump() + "\n";
  return all;
}

std::set<std::string> refuted(const Finished& audit) {
  std::set<std::string> names;
  const Json proof = Json::parse(audit.out);
  for (const auto& check : proof["checks"]) {
    if (check["violations"] > 0) names.insert(check["check"]);
  }
  return names;
}

// One event, a hold, its retry with another id, the same key with other content, a release of
// nothing: once for all tests of a suite.
class Verbs : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (from_environment("ADMITONE_KAFKA_BOOTSTRAP_SERVERS").empty()) return;
    installation = std::make_unique<Installation>();
    ASSERT_EQ(installation->run("topics create").code, 0);
    ASSERT_EQ(installation->run("migrate up").code, 0);
    ASSERT_TRUE(installation->start_worker());
    Json retry = hold("hold", kReservation, 2);
    retry["id"] = "hold-again";
    Json other = hold("hold", kReservation, 3);
    other["id"] = "hold-other";
    produced = installation->run(
        "produce - --wait -o json",
        lines({create_event(), hold("hold", kReservation, 2), retry, other,
               command("release", "reservation.release",
                       {{"reservationId", "00000000-0000-4000-8000-000000000001"}})}));
    ASSERT_TRUE(installation->settled(30));
  }
  static void TearDownTestSuite() { installation.reset(); }
  void SetUp() override { ADMITONE_TEST_NEEDS("ADMITONE_KAFKA_BOOTSTRAP_SERVERS"); }

  static inline std::unique_ptr<Installation> installation;
  static inline Finished produced;
};

TEST_F(Verbs, ProduceWaitsForTheOutcomeOfEveryLine) {
  ASSERT_EQ(produced.code, 0) << produced.err;
  const auto rows = Json::parse(produced.out);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0]["code"], "EVENT_CREATED");
  EXPECT_EQ(rows[1]["code"], "RESERVATION_HELD");
  EXPECT_EQ(rows[1]["replayed"], false);
  EXPECT_EQ(rows[2]["code"], "RESERVATION_HELD");
  EXPECT_EQ(rows[2]["replayed"], true);
  EXPECT_EQ(rows[2]["outcome_id"], rows[1]["outcome_id"]);
  EXPECT_EQ(rows[3]["code"], "IDEMPOTENCY_KEY_REUSED");
  EXPECT_EQ(rows[4]["code"], "RESERVATION_NOT_FOUND");
}

TEST_F(Verbs, ProduceSendsNothingForALineThatBreaksTheContract) {
  const auto run = installation->run("produce -", "{\"id\":\"x\"}\n");
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.err.find("line 1: "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("0 sent, 1 refused"), std::string::npos) << run.err;
}

TEST_F(Verbs, ProduceThatWaitsInVainShowsWhereItsCommandsAre) {
  Installation alone;  // without a worker
  ASSERT_EQ(alone.run("topics create").code, 0);
  const auto run = alone.run("produce - --wait --timeout 1s -o json --no-validate", "{}\n");
  EXPECT_EQ(run.code, 6) << run.err;
  const auto rows = Json::parse(run.out);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["position"].get<std::string>().rfind(alone.home_topic() + "/", 0), 0U);
  EXPECT_TRUE(rows[0]["status"].is_null());
  EXPECT_NE(run.err.find("1 of 1 commands have no outcome after 1s"), std::string::npos) << run.err;

  ASSERT_EQ(alone.run("migrate up").code, 0);
  const auto doctor = alone.run("doctor -o json");
  EXPECT_NE(doctor.out.find("has no member, and 1 commands wait"), std::string::npos)
      << doctor.out << doctor.err;
  ASSERT_TRUE(alone.start_worker());
  alone.stop_worker();
  const auto lanes = alone.run("lanes");
  EXPECT_NE(lanes.err.find("no worker runs in the group"), std::string::npos) << lanes.err;
}

TEST_F(Verbs, TopicsCreateShowsWhatIsThere) {
  const auto run = installation->run("topics create --set kafka.partitions=24 -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  for (const auto& row : Json::parse(run.out)) {
    EXPECT_EQ(row["result"], "existed");
    EXPECT_NE(row["partitions"], 24);
  }
  EXPECT_NE(run.err.find("admitone topics check"), std::string::npos) << run.err;
}

TEST_F(Verbs, AuditProvesACleanInstallation) {
  const auto audit = installation->run("audit -o json");
  EXPECT_EQ(audit.code, 0) << audit.out << audit.err;
  const auto proof = Json::parse(audit.out);
  EXPECT_EQ(proof["result"], "proved");
  for (const auto& check : proof["checks"]) {
    // Everything was good and sent to where it belongs.
    const bool of_nothing = check["check"] == "forwards" || check["check"] == "dead letters";
    EXPECT_TRUE(of_nothing || check["looked_at"] > 0) << check["check"];
  }
}

struct Tampering {
  const char* name;
  const char* change;
  const char* back;
  const char* caught_by;
};

// Without a worker, whose own writes would meet ours.
class AuditRefutes : public Verbs, public testing::WithParamInterface<Tampering> {
 protected:
  void SetUp() override {
    ADMITONE_TEST_NEEDS("ADMITONE_KAFKA_BOOTSTRAP_SERVERS");
    installation->stop_worker();
  }
};

TEST_P(AuditRefutes, ADatabaseThatWasTamperedWith) {
  const Tampering& tampering = GetParam();
  installation->sql(tampering.change);
  const auto audit = installation->run("audit -o json");
  installation->sql(tampering.back);
  EXPECT_EQ(audit.code, 3) << audit.out << audit.err;
  EXPECT_TRUE(refuted(audit).contains(tampering.caught_by)) << audit.out;
  EXPECT_EQ(installation->run("audit").code, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Tampered, AuditRefutes,
    testing::Values(
        Tampering{"a verdict is missing",
                  "create table kept as select * from ledger where verdict = 3; "
                  "delete from ledger where verdict = 3",
                  "insert into ledger select * from kept; drop table kept", "records"},
        Tampering{"a duplicate claims to have been executed",
                  "update ledger set verdict = 1 where verdict = 2",
                  "update ledger set verdict = 2 where verdict = 1 and replayed", "owners"},
        Tampering{"a verdict is given to another tenant",
                  "update ledger set tenant_id = gen_random_uuid() where verdict = 3",
                  "update ledger set tenant_id = (select tenant_id from ledger where verdict = 1 "
                  "limit 1) where verdict = 3",
                  "records"},
        Tampering{"a refusal has no answer",
                  "create table kept as select tenant_id, key_hash, outcome_id from ledger "
                  "where verdict = 3; update ledger set outcome_id = null where verdict = 3",
                  "update ledger l set outcome_id = k.outcome_id from kept k "
                  "where k.tenant_id = l.tenant_id and k.key_hash = l.key_hash; drop table kept",
                  "records"},
        Tampering{"an outcome has another id",
                  "create table kept as select tenant_id, key_hash, outcome_id from ledger "
                  "where verdict = 3; update ledger set outcome_id = gen_random_uuid() "
                  "where verdict = 3",
                  "update ledger l set outcome_id = k.outcome_id from kept k "
                  "where k.tenant_id = l.tenant_id and k.key_hash = l.key_hash; drop table kept",
                  "outcome log"},
        Tampering{"a stored answer claims to be a first one",
                  "update ledger set replayed = false where verdict = 2",
                  "update ledger set replayed = true where verdict = 2", "answers"},
        Tampering{"seats are counted twice", "update sections set held = held + 1",
                  "update sections set held = held - 1", "capacity"},
        Tampering{"a number is given twice",
                  "update ledger set out_seq = out_seq - 1 where verdict = 3",
                  "update ledger set out_seq = out_seq + 1 where verdict = 3", "sequences"},
        Tampering{"the position went back",
                  "update partition_progress set next_offset = next_offset - 1 "
                  "where next_offset > 1",
                  "update partition_progress set next_offset = next_offset + 1 "
                  "where next_offset > 0",
                  "positions"}),
    [](const auto& each) {
      std::string name = each.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST_F(Verbs, InspectTellsTheStoryOfAKeyOnOneScreen) {
  const auto run = installation->run("inspect key-hold -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto story = Json::parse(run.out);
  EXPECT_EQ(story["key"]["status"], "completed");
  ASSERT_EQ(story["timeline"].size(), 4U) << run.out;
  EXPECT_EQ(story["timeline"][0]["what"], "record applied");
  EXPECT_EQ(story["timeline"][2]["what"], "record duplicate");
}

TEST_F(Verbs, InspectTakesAnyIdentity) {
  const auto rows = Json::parse(produced.out);
  for (const std::string& id :
       {kEvent, kReservation, rows[1]["outcome_id"].get<std::string>(),
        rows[3]["position"].get<std::string>(), std::string("hold-again")}) {
    const auto run = installation->run("inspect " + id);
    EXPECT_EQ(run.code, 0) << id << ": " << run.err;
    EXPECT_FALSE(run.out.empty()) << id;
  }
  const auto reservation = installation->run("inspect " + kReservation + " -o json");
  EXPECT_EQ(Json::parse(reservation.out)["reservation"]["status"], "held");
  EXPECT_FALSE(Json::parse(reservation.out)["timeline"].empty());
}

// Producers like to take the id of what they make.
TEST_F(Verbs, InspectTellsOfAKeyThatIsCalledLikeAnEventOrAReservation) {
  const std::string reservation = "332a5401-25af-4407-934e-3a54f61dc442";
  Json of_event = hold("of-event", "332a5401-25af-4407-934e-3a54f61dc443", 1);
  of_event["idempotencykey"] = kEvent;
  Json of_reservation = hold("of-reservation", reservation, 1);
  of_reservation["idempotencykey"] = reservation;
  ASSERT_EQ(installation->run("produce - --wait", lines({of_event, of_reservation})).code, 0);
  for (const auto& [name, id] :
       {std::pair{"event", kEvent}, std::pair{"reservation", reservation}}) {
    const auto run = installation->run("inspect " + id + " -o json");
    ASSERT_EQ(run.code, 0) << run.err;
    const auto story = Json::parse(run.out);
    EXPECT_TRUE(story.contains(name)) << run.out;
    ASSERT_EQ(story["also"].size(), 1U) << run.out;
    EXPECT_EQ(story["also"][0]["key"]["idempotency_key"], id) << run.out;
    EXPECT_EQ(story["also"][0]["keys"].size(), 1U);
  }
}

// In a large ledger the look for a key by that name may end with its time.
TEST_F(Verbs, InspectShowsWhatItHasFoundWhenThereIsNoTimeToLookForKeys) {
  setenv("ADMITONE_FAILPOINTS", "inspect.by_name=fail@0", 1);
  const auto event = installation->run("inspect " + kEvent + " -o json");
  const auto key = installation->run("inspect hold-again -o json");
  unsetenv("ADMITONE_FAILPOINTS");
  ASSERT_EQ(event.code, 0) << event.err;
  const auto story = Json::parse(event.out);
  EXPECT_EQ(story["event"]["status"], "on_sale") << event.out;
  EXPECT_EQ(story["note"]["keys"], "incomplete") << event.out;
  EXPECT_NE(key.code, 0) << "there is nothing else to show: " << key.out;
  EXPECT_NE(key.code, 4) << "nobody knows that there is nothing";
}

TEST_F(Verbs, InspectOfTheUnknownEndsWithFour) {
  EXPECT_EQ(installation->run("inspect nobody-knows").code, 4);
  EXPECT_EQ(installation->run("inspect 00000000-0000-4000-8000-00000000ffff").code, 4);
  EXPECT_EQ(installation->run("inspect nowhere/1/2").code, 4);
}

TEST_F(Verbs, DoctorFindsNothingWrongAndCountsInvariants) {
  const auto run = installation->run("doctor -o json");
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_NE(run.out.find("set for steady load"), std::string::npos) << run.out;
  const auto invariants = installation->run("doctor --invariants -o json");
  EXPECT_EQ(invariants.code, 0) << invariants.out;
  for (const auto& row : Json::parse(invariants.out)) EXPECT_EQ(row["violations"], 0);
}

TEST_F(Verbs, DoctorNamesABrokenInvariantAndEndsWithThree) {
  installation->sql("update sections set held = held + 1");
  const auto run = installation->run("doctor --invariants");
  installation->sql("update sections set held = held - 1");
  EXPECT_EQ(run.code, 3);
  EXPECT_NE(run.out.find("seats_match_reservations"), std::string::npos) << run.out;
}

TEST_F(Verbs, DoctorSaysWhatToDoAboutABrokerThatIsNotThere) {
  const auto run = installation->run("--kafka 127.0.0.1:1 --set kafka.request_timeout=2s doctor");
  EXPECT_EQ(run.code, 3);
  EXPECT_NE(run.out.find("kafka.bootstrap_servers"), std::string::npos) << run.out;
}

TEST_F(Verbs, LanesShowOwnersAndNoLag) {
  const auto run = installation->run("lanes -o json");
  ASSERT_EQ(run.code, 0) << run.err;
  const auto lanes = Json::parse(run.out);
  ASSERT_EQ(lanes.size(), 2U);
  EXPECT_EQ(run.err.find("no worker runs"), std::string::npos) << run.err;
  for (const auto& lane : lanes) {
    EXPECT_EQ(lane["lag"], 0);
    EXPECT_EQ(lane["unpublished"], 0);
    EXPECT_GT(lane["epoch"], 0);
  }
}

TEST_F(Verbs, KeysAndTimersAreListed) {
  const auto keys = installation->run("keys list --status completed -o jsonl");
  ASSERT_EQ(keys.code, 0) << keys.err;
  EXPECT_NE(keys.out.find("key-hold"), std::string::npos) << keys.out;
  EXPECT_EQ(installation->run("keys list --tenant NOBODY").code, 2);
  const auto timers = installation->run("timers list -o json");
  ASSERT_EQ(timers.code, 0) << timers.err;
  EXPECT_EQ(Json::parse(timers.out)["holds"][0]["reservation_id"], kReservation);
}

TEST_F(Verbs, DeadLettersAreGroupedAndShownWithTheirBytes) {
  const auto sent = installation->run("produce - --no-validate -o json", "{{{ not json\n");
  ASSERT_EQ(sent.code, 0) << sent.err;
  const auto position = Json::parse(sent.out)[0]["position"].get<std::string>();
  // No outcome tells when an unreadable record is done; its letter does.
  Finished shown;
  for (int i = 0; i < 100 && shown.code != 0; ++i) {
    shown = installation->run("dead-letters show " + position + " -o json");
  }
  ASSERT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(Json::parse(shown.out)["record"]["value"], "{{{ not json");
  const auto story = installation->run("inspect " + position);
  EXPECT_NE(story.out.find("admitone dead-letters show " + position), std::string::npos)
      << story.out << story.err;
  const auto list = installation->run("dead-letters list -o json");
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_EQ(Json::parse(list.out)[0]["letters"], 1);
  EXPECT_EQ(installation->run("dead-letters show " + installation->home_topic() + "/0/99999").code,
            4);
}

}  // namespace
}  // namespace admitone::tests
