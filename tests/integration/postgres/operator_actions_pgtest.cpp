// What people change by hand is written down before it is sent, for their tenant only.

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/operator_actions.hpp"

namespace admitone::postgres::testing {
namespace {

using OperatorActions = DatabaseTest;

TEST_F(OperatorActions, AreThereBeforeAndAfterTheirEnd) {
  const auto settings = db->settings(RoleKind::worker);
  const auto begun =
      begin_action(settings, {tenant(1), 3, "ann@desk", "sagas retry", "saga 7", "it's back"});
  ASSERT_TRUE(begun.ok()) << begun.error().message;
  EXPECT_EQ(begun->forward_secret.size(), 32U);
  const std::string all =
      "select concat_ws('|', action_id, lane, actor, verb, target, reason, state, result)"
      " from operator_log";
  const auto id = begun->id.str();
  EXPECT_EQ(db->value(RoleKind::reader, all),
            id + "|3|ann@desk|sagas retry|saga 7|it's back|pending");
  ASSERT_TRUE(end_action(settings, tenant(2), begun->id, ActionEnd::refused, "of another").ok());
  ASSERT_TRUE(end_action(settings, tenant(1), begun->id, ActionEnd::applied, "c/3/9").ok());
  ASSERT_TRUE(end_action(settings, tenant(1), begun->id, ActionEnd::refused, "too late").ok());
  EXPECT_EQ(db->value(RoleKind::reader, all),
            id + "|3|ann@desk|sagas retry|saga 7|it's back|applied|c/3/9");
  EXPECT_EQ(db->value_for(tenant(2).str(), "select count(*) from operator_actions"), "0");
}

// What is about a lane and nobody's records (`replay --move-group`) is the nil tenant's.
TEST_F(OperatorActions, OfNoTenantAreWrittenAndReadLikeOthers) {
  const auto settings = db->settings(RoleKind::worker);
  const auto begun = begin_action(settings, {base::TenantId{}, 1, "ann", "replay dedupe",
                                             "commands/1 from 7", "positions were lost"});
  ASSERT_TRUE(begun.ok()) << begun.error().message;
  const std::string all =
      "select concat_ws('|', tenant_id, lane, verb, target, reason, state, result)"
      " from operator_log";
  const std::string row =
      base::TenantId{}.str() + "|1|replay dedupe|commands/1 from 7|positions were lost|";
  EXPECT_EQ(db->value(RoleKind::reader, all), row + "pending");
  ASSERT_TRUE(end_action(settings, tenant(1), begun->id, ActionEnd::refused, "another's").ok());
  ASSERT_TRUE(
      end_action(settings, base::TenantId{}, begun->id, ActionEnd::applied, "stands at 7").ok());
  EXPECT_EQ(db->value(RoleKind::reader, all), row + "applied|stands at 7");
  EXPECT_EQ(db->value_for(base::TenantId{}.str(), "select count(*) from operator_log"), "1");
  for (const auto& other : {tenant(1).str(), std::string{}})
    EXPECT_EQ(db->value_for(other, "select count(*) from operator_log"), "0") << other;
}

TEST_F(OperatorActions, AreWrittenOverOneConnectionUntilItBreaks) {
  auto settings = db->settings(RoleKind::worker);
  settings.application_name = db->schema();
  const auto sessions = [this](const std::string& what) {
    return db->value(RoleKind::worker, "select " + what +
                                           " from pg_stat_activity where application_name = '" +
                                           db->schema() + "'");
  };
  const auto pids = [&sessions] { return sessions("coalesce(string_agg(pid::text, ' '), '')"); };
  ActionLog log(settings);
  const OperatorAction action{tenant(1), 0, "ann", "replay re-emit", "outcomes", "lost"};
  const auto first = log.begin(action);
  ASSERT_TRUE(first.ok()) << first.error().message;
  const auto one = pids();
  EXPECT_NE(one, "");
  ASSERT_TRUE(log.begin(action).ok());
  ASSERT_TRUE(log.end(tenant(1), first->id, ActionEnd::applied, "1 of 1 sent").ok());
  EXPECT_EQ(pids(), one);
  sessions("bool_and(pg_terminate_backend(pid))");
  for (int i = 0; i < 1'000 && !pids().empty(); ++i) {
  }
  EXPECT_FALSE(log.begin(action).ok());
  EXPECT_TRUE(log.begin(action).ok()) << "over another one";
  EXPECT_EQ(
      db->value(RoleKind::reader, "select string_agg(state, ' ' order by state) from operator_log"),
      "applied pending pending");
}

// A lane holds what it is asked for against them, and uses each up in the unit that gives the
// verdict.
TEST_F(OperatorActions, AreFoundByTheirLaneWhilePendingAndEndOnce) {
  const auto settings = db->settings(RoleKind::worker);
  const auto id =
      begin_action(settings, {tenant(1), 0, "ann", "sagas retry", "saga 7", "it's back"})->id;
  Owner owner(db->store());
  const auto found = [&](base::TopicPartition lane, base::TenantId of, base::Uuid action) {
    const auto asked = owner.store->pending_action(lane, of, action);
    EXPECT_TRUE(asked.ok());
    return asked.value();
  };
  EXPECT_EQ(found(kLane0, tenant(1), id),
            (ports::AuditedAction{"sagas retry", "saga 7", "it's back"}));
  EXPECT_FALSE(found({0, 1}, tenant(1), id));
  EXPECT_FALSE(found(kLane0, tenant(2), id));
  EXPECT_FALSE(found(kLane0, tenant(1), uuid_of(1, 1)));

  const auto end = [&](base::TenantId of, bool applied) {
    auto writes = owner.begin(std::vector<base::TenantId>{});
    writes.actions.push_back({of, id, applied, "commands/0/9"});
    return owner.commit(writes).end;
  };
  EXPECT_EQ(end(tenant(2), true), ports::UnitEnd::stale);
  EXPECT_EQ(end(tenant(1), true), ports::UnitEnd::committed);
  EXPECT_FALSE(found(kLane0, tenant(1), id));
  EXPECT_EQ(end(tenant(1), false), ports::UnitEnd::stale) << "it has ended";
  const std::string all =
      "select string_agg(concat_ws('|', state, result), ' ' order by requested_at)"
      " from operator_log";
  EXPECT_EQ(db->value(RoleKind::reader, all), "applied|commands/0/9");
  const auto other = begin_action(settings, {tenant(1), 0, "ann", "sagas retry", "saga 7", "-"});
  auto writes = owner.begin(std::vector<base::TenantId>{});
  writes.actions.push_back({tenant(1), other->id, false, "commands/0/10"});
  EXPECT_EQ(owner.commit(writes).end, ports::UnitEnd::committed);
  EXPECT_EQ(db->value(RoleKind::reader, all), "applied|commands/0/9 refused|commands/0/10");
}

}  // namespace
}  // namespace admitone::postgres::testing
