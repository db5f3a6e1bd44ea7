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

}  // namespace
}  // namespace admitone::postgres::testing
