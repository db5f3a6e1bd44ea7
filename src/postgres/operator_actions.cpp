#include "postgres/operator_actions.hpp"

#include <pqxx/pqxx>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"

namespace admitone::postgres {
namespace {

void set_tenant(pqxx::transaction_base& tx, const base::TenantId& tenant) {
  tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant.str());
}

}  // namespace

base::Result<BegunAction> begin_action(const ConnectionSettings& settings,
                                       const OperatorAction& action) {
  try {
    Connection connection(settings, RoleKind::worker);
    pqxx::work tx(connection.session());
    set_tenant(tx, action.tenant);
    const auto made = tx.exec_params1(
        "insert into operator_actions (tenant_id, lane, actor, verb, target, reason)"
        " values ($1::uuid, $2, $3, $4, $5, $6) returning action_id::text",
        action.tenant.str(), action.lane, action.actor, action.verb, action.target, action.reason);
    const pqxx::binarystring secret(tx.exec1("select forward_secret from deployment")[0]);
    BegunAction out{base::Uuid::parse(made[0].as<std::string>()).value(), secret.str()};
    tx.commit();
    return out;
  } catch (...) {
    return translate_current("writing down what is to be done");
  }
}

base::Status end_action(const ConnectionSettings& settings, const base::TenantId& tenant,
                        const base::Uuid& id, ActionEnd end, const std::string& result) {
  try {
    Connection connection(settings, RoleKind::worker);
    pqxx::work tx(connection.session());
    set_tenant(tx, tenant);
    tx.exec_params0(
        "update operator_actions set state = $3, result = $4"
        " where tenant_id = $1::uuid and action_id = $2::uuid and state = 'pending'",
        tenant.str(), id.str(), end == ActionEnd::applied ? "applied" : "refused", result);
    tx.commit();
    return {};
  } catch (...) {
    return translate_current("writing down what became of it");
  }
}

}  // namespace admitone::postgres
