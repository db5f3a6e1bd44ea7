// Answers to changing calls of the API, by their keys: one run at a time, one answer for good.

#include "postgres/admin_answers.hpp"

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/housekeeper.hpp"
#include "postgres/operator_actions.hpp"

namespace admitone::postgres::testing {
namespace {

using ::testing::HasSubstr;
using Kind = ports::Claimed::Kind;

class NoMeters final : public ports::Meters {
 public:
  void add(ports::Counter, std::string_view, double) override {}
  void set(ports::Gauge, std::string_view, double) override {}
  void observe(ports::Histogram, double) override {}
};

class AdminAnswersTest : public DatabaseTest {
 protected:
  // The same numbers as nobody else's: locks are of the whole database.
  void SetUp() override {
    DatabaseTest::SetUp();
    if (!db) return;
    answers = std::make_unique<AdminAnswers>(db->settings(RoleKind::worker), std::chrono::hours{1});
    id = db->value(RoleKind::worker, "select md5(current_schema()) || md5('x')");
  }

  [[nodiscard]] ports::AdminRequest request(const std::string& fingerprint = "f") const {
    return {id, fingerprint, "/api/v1/keys/release", "r-1"};
  }
  ports::Claimed claim(const std::string& fingerprint = "f") {
    auto out = answers->claim(request(fingerprint));
    EXPECT_TRUE(out.ok()) << out.error().message;
    return std::move(out.value());
  }
  [[nodiscard]] std::string row(const std::string& what) const {
    return db->truth("select " + what + " from admin_answers");
  }
  // As the worker's role, naming a request.
  [[nodiscard]] std::string seen_by(const std::string& request, const std::string& sql) const {
    const auto session = db->session(RoleKind::worker);
    pqxx::work tx(*session);
    tx.exec_params("select set_config('admitone.request', $1, true)", request);
    return tx.exec1(sql)[0].as<std::string>("");
  }
  void age(const std::string& by) const {
    const auto session = db->session(RoleKind::worker);
    pqxx::work tx(*session);
    tx.exec_params("select set_config('admitone.request', $1, true)", id);
    tx.exec_params("update admin_answers set ended_at = now() - $1::interval", by);
    tx.commit();
  }
  OperatorAction action(const ports::AdminClaim& of, const std::string& note) {
    return {tenant(1),
            0,
            "admin token",
            "sagas retry",
            "saga 7",
            "it's back",
            NotedRequest{of.id(), of.run(), note}};
  }

  std::unique_ptr<AdminAnswers> answers;
  std::string id;
};

TEST_F(AdminAnswersTest, AreGivenToEveryRepeat) {
  {
    auto first = claim();
    ASSERT_EQ(first.kind, Kind::ours);
    EXPECT_FALSE(first.claim->begun());
    ASSERT_TRUE(first.claim->answer({409, "{\"detail\":\"it's so\"}"}).ok());
  }
  for (int i = 0; i < 2; ++i) {
    const auto repeat = claim();
    ASSERT_EQ(repeat.kind, Kind::answered);
    EXPECT_EQ(repeat.answer.status, 409);
    EXPECT_EQ(repeat.answer.body, "{\"detail\":\"it's so\"}");
  }
  EXPECT_EQ(claim("another").kind, Kind::mismatch);
  EXPECT_EQ(row("concat_ws('|', state, route, request_id)"), "answered|/api/v1/keys/release|r-1");
}

TEST_F(AdminAnswersTest, AreAwaitedWhileTheFirstRuns) {
  auto first = claim();
  ASSERT_EQ(first.kind, Kind::ours);
  EXPECT_EQ(claim().kind, Kind::running);
  EXPECT_EQ(claim("another").kind, Kind::mismatch);
  ASSERT_TRUE(first.claim->fail().ok());
  EXPECT_EQ(claim().kind, Kind::running) << "its claim still lives";
  first.claim.reset();
  EXPECT_EQ(claim().kind, Kind::ours);
}

// Dropping a claim is what a death does: its session ends.
TEST_F(AdminAnswersTest, LeaveWhatADeadRunHadBegunToTheNext) {
  base::Uuid begun;
  std::string run;
  {
    auto dead = claim();
    ASSERT_EQ(dead.kind, Kind::ours);
    run = dead.claim->run();
    const auto action_of = begin_action(db->settings(RoleKind::worker),
                                        action(*dead.claim, R"({"step":"venue.hold","lane":0})"));
    ASSERT_TRUE(action_of.ok()) << action_of.error().message;
    begun = action_of->id;
  }
  auto next = claim();
  ASSERT_EQ(next.kind, Kind::ours);
  EXPECT_NE(next.claim->run(), run);
  EXPECT_EQ(next.claim->begun(),
            R"({"step":"venue.hold","lane":0,"action_id":")" + begun.str() + "\"}");
  EXPECT_EQ(forward_secret(db->settings(RoleKind::worker)).value().size(), 32U);
  next.claim.reset();
  EXPECT_TRUE(claim().claim->begun());
}

TEST_F(AdminAnswersTest, TellTheNextRunHowFarTheLastOneHasCome) {
  const auto settings = db->settings(RoleKind::worker);
  base::Uuid begun;
  {
    auto first = claim();
    begun = begin_action(settings, action(*first.claim, R"({"from":"0"})"))->id;
    const NotedRequest further{first.claim->id(), first.claim->run(), R"({"from":"7"})"};
    ASSERT_TRUE(note_progress(settings, further).ok());
    ASSERT_TRUE(first.claim->fail().ok());
    EXPECT_FALSE(note_progress(settings, further).ok()) << "its run has ended";
  }
  EXPECT_EQ(claim().claim->begun(), R"({"from":"7","action_id":")" + begun.str() + "\"}");
}

TEST_F(AdminAnswersTest, OfARunThatHasLostItsKeyWriteNothing) {
  auto late = claim();
  ASSERT_EQ(late.kind, Kind::ours);
  // Its session is ended under it, and another run begins.
  {
    const auto owner = db->session(RoleKind::worker);
    pqxx::work tx(*owner);
    tx.exec(
        "select pg_terminate_backend(pid) from pg_locks"
        " where locktype = 'advisory' and granted and pid <> pg_backend_pid()"
        " and classid = (('x' || substr('" +
        id + "', 1, 8))::bit(32)::bigint)::oid");
    tx.commit();
  }
  auto next = claim();
  for (int i = 0; i < 1'000 && next.kind == Kind::running; ++i) next = claim();
  ASSERT_EQ(next.kind, Kind::ours);
  const auto begun = begin_action(db->settings(RoleKind::worker), action(*late.claim, "{}"));
  ASSERT_FALSE(begun.ok());
  EXPECT_THAT(begun.error().message, HasSubstr("another run"));
  EXPECT_EQ(db->value(RoleKind::reader, "select count(*) from operator_log"), "0");
  EXPECT_FALSE(late.claim->answer({200, "{}"}).ok());
  ASSERT_TRUE(next.claim->answer({200, "{\"by\":\"next\"}"}).ok());
  EXPECT_EQ(claim().answer.body, "{\"by\":\"next\"}");
}

TEST_F(AdminAnswersTest, AreForgottenWhenTheyAreOld) {
  ASSERT_TRUE(claim().claim->answer({200, "{}"}).ok());
  age("59 minutes");
  EXPECT_EQ(claim().kind, Kind::answered);
  age("61 minutes");
  EXPECT_EQ(claim("another").kind, Kind::ours) << "whether or not anybody has tidied up";
}

TEST_F(AdminAnswersTest, GoWithTheHousekeepingAlsoWhenNobodyAsks) {
  ASSERT_TRUE(claim().claim->answer({200, "{}"}).ok());
  HousekeeperOptions options;
  options.connection = db->settings(RoleKind::worker);
  options.answers_kept = std::chrono::hours{1};
  NoMeters meters;
  Housekeeper housekeeper(options, clock, meters);
  age("59 minutes");
  EXPECT_EQ(housekeeper.step().value().answers, 0);
  EXPECT_EQ(row("count(*)"), "1");
  age("61 minutes");
  EXPECT_EQ(housekeeper.step().value().answers, 1);
  EXPECT_EQ(row("count(*)"), "0");
}

// Law L17: their texts name tenants' keys and sagas, and they have no tenant.
TEST_F(AdminAnswersTest, AreThereOnlyForWhoNamesTheirRequest) {
  ASSERT_TRUE(claim().claim->answer({200, R"({"idempotency_key":"order-7"})"}).ok());
  const std::string count = "select count(*) from admin_answers";
  EXPECT_EQ(row("count(*)"), "1");
  EXPECT_EQ(db->value(RoleKind::worker, count), "0");
  EXPECT_EQ(db->value(RoleKind::owner, count), "0");
  EXPECT_EQ(db->value_for(tenant(1).str(), count), "0");
  for (const std::string& other : {std::string(), id.substr(1) + "0", std::string("%")}) {
    EXPECT_EQ(seen_by(other, count), "0") << other;
  }
  EXPECT_EQ(seen_by(id, count), "1");
  // Nor can it be changed, taken away, or made for another.
  const auto session = db->session(RoleKind::worker);
  {
    pqxx::work tx(*session);
    EXPECT_EQ(tx.exec("update admin_answers set answer = '{}'").affected_rows(), 0U);
    EXPECT_EQ(tx.exec("delete from admin_answers").affected_rows(), 0U);
    EXPECT_THROW(tx.exec("insert into admin_answers (id, request, route, request_id)"
                         " values ('x', 'f', '/', 'r')"),
                 pqxx::sql_error);
  }
  // What is the owner's is not to be had by saying so.
  pqxx::work tx(*session);
  tx.exec("set local admitone.maintenance = 'on'");
  EXPECT_EQ(tx.exec1(count)[0].as<int>(), 0);
}

}  // namespace
}  // namespace admitone::postgres::testing
