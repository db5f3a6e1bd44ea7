#pragma once
// What people change by hand, and why: a row in `operator_actions` before anything is sent to a
// lane, its end when that is known (view operator_log). Used by: app, the verbs that change
// something. Threads: any (a connection of its own per call); ActionLog: one at a time. Blocking:
// connect and statement time-outs. Errors: as the database's; `begin` has then written nothing, or
// (effect unknown) a row that stays pending. Durable: on return.

#include <memory>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

class Connection;

// The request that asks for it, where one with an idempotency key does
// (postgres/admin_answers.hpp).
struct NotedRequest {
  std::string id;
  std::string run;
  std::string note;  // JSON: what a later run of the request has to know
};

struct OperatorAction {
  base::TenantId tenant;
  std::int32_t lane = 0;
  std::string actor;   // who
  std::string verb;    // "sagas retry"
  std::string target;  // "saga <id>"
  std::string reason;
  // Noted in the same transaction; when the request is another run's by now nothing is written.
  std::optional<NotedRequest> request{};
};

struct BegunAction {
  base::Uuid id;
  std::string forward_secret;  // proves to the lane that the command is ours; never logged
};
enum class ActionEnd { applied, refused };

// Several rows over one connection, which is made when it is wanted: whoever waits between two of
// them for longer than a server lets a session be idle closes it meanwhile. After an error the next
// call makes another one.
class ActionLog {
 public:
  explicit ActionLog(ConnectionSettings settings);
  ~ActionLog();
  ActionLog(const ActionLog&) = delete;
  ActionLog& operator=(const ActionLog&) = delete;

  base::Result<BegunAction> begin(const OperatorAction& action);
  base::Status end(const base::TenantId& tenant, const base::Uuid& id, ActionEnd end,
                   const std::string& result);
  void close();

 private:
  Connection& connection();
  const ConnectionSettings settings_;
  std::unique_ptr<Connection> connection_;
};

// One row, over a connection of its own.
base::Result<BegunAction> begin_action(const ConnectionSettings& settings,
                                       const OperatorAction& action);
base::Status end_action(const ConnectionSettings& settings, const base::TenantId& tenant,
                        const base::Uuid& id, ActionEnd end, const std::string& result);

// How far a request that has begun an action has come, in place of what was noted with that.
base::Status note_progress(const ConnectionSettings& settings, const NotedRequest& request);

// The secret alone, for an action that was begun before.
base::Result<std::string> forward_secret(const ConnectionSettings& settings);

}  // namespace admitone::postgres
