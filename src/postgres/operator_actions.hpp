#pragma once
// What people change by hand, and why: a row in `operator_actions` before anything is sent to a
// lane, its end when that is known (view operator_log). Used by: app, the verbs that change
// something. Threads: any (a connection of its own per call). Blocking: connect and statement
// time-outs. Errors: as the database's; `begin` has then written nothing, or (effect unknown) a row
// that stays pending. Durable: on return.

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct OperatorAction {
  base::TenantId tenant;
  std::int32_t lane = 0;
  std::string actor;   // who
  std::string verb;    // "sagas retry"
  std::string target;  // "saga <id>"
  std::string reason;
};

struct BegunAction {
  base::Uuid id;
  std::string forward_secret;  // proves to the lane that the command is ours; never logged
};
base::Result<BegunAction> begin_action(const ConnectionSettings& settings,
                                       const OperatorAction& action);

enum class ActionEnd { applied, refused };
base::Status end_action(const ConnectionSettings& settings, const base::TenantId& tenant,
                        const base::Uuid& id, ActionEnd end, const std::string& result);

}  // namespace admitone::postgres
