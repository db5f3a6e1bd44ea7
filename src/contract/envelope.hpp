#pragma once
// What the envelope of a command says (schemas/), after it has been checked.

#include <optional>
#include <string>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "domain/codes.hpp"

namespace admitone::contract {

struct Envelope {
  std::string id;
  std::string source;
  std::string type;  // as sent, e.g. "ticketing.event.create.v1"
  base::TenantId tenant;
  std::optional<std::string> idempotency_key;  // never empty
  std::optional<std::string> actor_id;
  std::optional<std::string> correlation_id;
  std::optional<std::string> subject;
  std::optional<base::Timestamp> time;
  std::optional<base::Timestamp> expiry;
  std::optional<std::string> traceparent;
  std::optional<std::string> tracestate;
};

}  // namespace admitone::contract
