#include "postgres/operator_actions.hpp"

#include <pqxx/pqxx>
#include <utility>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"

namespace admitone::postgres {
namespace {

void set_tenant(pqxx::transaction_base& tx, const base::TenantId& tenant) {
  tx.exec_params("select set_config('admitone.tenants', $1, true)", tenant.str());
}

std::string read_secret(pqxx::transaction_base& tx) {
  return pqxx::binarystring(tx.exec1("select forward_secret from deployment")[0]).str();
}

// `action`: the one that is begun with it; none: that of before.
void note(pqxx::transaction_base& tx, const NotedRequest& request,
          const std::optional<base::Uuid>& action) {
  tx.exec_params("select set_config('admitone.request', $1, true)", request.id);
  const auto noted = tx.exec_params(
      "update admin_answers set begun = $3, action_id = coalesce(nullif($4, '')::uuid, action_id)"
      " where id = $1 and run = $2::uuid and state = 'running'",
      request.id, request.run, request.note, action ? action->str() : std::string());
  if (noted.affected_rows() != 1) {
    throw Refused(base::ErrorKind::retry_call, "another run of this request has begun meanwhile");
  }
}

}  // namespace

base::Result<std::string> forward_secret(const ConnectionSettings& settings) {
  try {
    Connection connection(settings, RoleKind::worker);
    pqxx::work tx(connection.session());
    return read_secret(tx);
  } catch (...) {
    return translate_current("reading the secret of the deployment");
  }
}

ActionLog::ActionLog(ConnectionSettings settings) : settings_(std::move(settings)) {}

ActionLog::~ActionLog() = default;

void ActionLog::close() {
  connection_.reset();
}

Connection& ActionLog::connection() {
  if (!connection_) connection_ = std::make_unique<Connection>(settings_, RoleKind::worker);
  return *connection_;
}

base::Result<BegunAction> ActionLog::begin(const OperatorAction& action) {
  try {
    pqxx::work tx(connection().session());
    set_tenant(tx, action.tenant);
    const auto made = tx.exec_params1(
        "insert into operator_actions (tenant_id, lane, actor, verb, target, reason)"
        " values ($1::uuid, $2, $3, $4, $5, $6) returning action_id::text",
        action.tenant.str(), action.lane, action.actor, action.verb, action.target, action.reason);
    BegunAction out{base::Uuid::parse(made[0].as<std::string>()).value(), read_secret(tx)};
    if (action.request) note(tx, *action.request, out.id);
    tx.commit();
    return out;
  } catch (...) {
    close();
    return translate_current("writing down what is to be done");
  }
}

base::Status ActionLog::end(const base::TenantId& tenant, const base::Uuid& id, ActionEnd end,
                            const std::string& result) {
  try {
    pqxx::work tx(connection().session());
    set_tenant(tx, tenant);
    tx.exec_params0(
        "update operator_actions set state = $3, result = $4"
        " where tenant_id = $1::uuid and action_id = $2::uuid and state = 'pending'",
        tenant.str(), id.str(), end == ActionEnd::applied ? "applied" : "refused", result);
    tx.commit();
    return {};
  } catch (...) {
    close();
    return translate_current("writing down what became of it");
  }
}

base::Result<BegunAction> begin_action(const ConnectionSettings& settings,
                                       const OperatorAction& action) {
  return ActionLog(settings).begin(action);
}

base::Status end_action(const ConnectionSettings& settings, const base::TenantId& tenant,
                        const base::Uuid& id, ActionEnd end, const std::string& result) {
  return ActionLog(settings).end(tenant, id, end, result);
}

base::Status note_progress(const ConnectionSettings& settings, const NotedRequest& request) {
  try {
    Connection connection(settings, RoleKind::worker);
    pqxx::work tx(connection.session());
    note(tx, request, std::nullopt);
    tx.commit();
    return {};
  } catch (...) {
    return translate_current("writing down how far it has come");
  }
}

}  // namespace admitone::postgres
