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
