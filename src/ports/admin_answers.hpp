#pragma once
// What changing calls of the HTTP API were answered, by their idempotency keys (contract.md, HTTP;
// audit RL2, HR2). A key is claimed before the call runs and answered after it; a claim that ends
// without an answer, also by a death, leaves the key to the next repeat, with what was begun.
// Implemented by: postgres. Used by: app/api. Lifetime: the worker's; a claim's is its call.
// Threads: any; a claim is of one thread. Blocking: connect and statement time-outs. Errors: as the
// database's; a call whose key could not be claimed must not run. Durable: on return.

#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace admitone::ports {

struct AdminRequest {
  std::string id;           // hash of the key and its scope, in hex
  std::string fingerprint;  // of what is asked for, in hex
  std::string route;
  std::string request_id;
};

struct AdminAnswer {
  int status = 0;
  std::string body;
};

// The right to run it; nobody else has it while this lives.
class AdminClaim {
 public:
  virtual ~AdminClaim() = default;
  [[nodiscard]] virtual const std::string& id() const = 0;  // the request's
  // Fences what is written in its name (postgres::NotedRequest).
  [[nodiscard]] virtual const std::string& run() const = 0;
  // JSON: what an earlier run had begun, with its action_id.
  [[nodiscard]] virtual const std::optional<std::string>& begun() const = 0;
  // Given to every repeat from now on, until it expires.
  virtual base::Status answer(const AdminAnswer& answer) = 0;
  // Without an answer: a repeat runs again.
  virtual base::Status fail() = 0;
};

struct Claimed {
  enum class Kind {
    ours,      // `claim`: run it
    answered,  // `answer`
    running,   // elsewhere
    mismatch,  // the key came with something else
  };
  Kind kind = Kind::running;
  std::unique_ptr<AdminClaim> claim{};
  AdminAnswer answer{};
};

class AdminAnswers {
 public:
  virtual ~AdminAnswers() = default;
  virtual base::Result<Claimed> claim(const AdminRequest& request) = 0;
};

}  // namespace admitone::ports
