#pragma once
// Keys of earlier commands in a schema that was made to be thrown away: what its ledger would hold
// after a horizon of traffic, made by the database itself. Only the ledger: no events, no
// reservations, no lane's position, nothing in Kafka. Their sequence numbers end at zero, so what
// comes after them begins with one.
// Used by: the verb `bench`, tests. Threads: any, each call has a connection of its own, the
// owner's. Blocking: making and dropping take as long as it takes; no worker may run. Errors:
// permanent for a name that is not a throw-away's; cancelled when `go_on` said so. Durable: each
// page of rows, then the whole, when it returns.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct EarlierKeys {
  std::int64_t count = 0;
  base::TenantId tenant;
  std::int32_t lanes = 1;  // whose they are, in turn
  // They were completed evenly over the time that keys are kept, up to now. The current part has
  // lasted for half of its length.
  std::chrono::milliseconds horizon = std::chrono::hours{24 * 7};
  std::chrono::milliseconds part_length = std::chrono::hours{24};
  // Of one such command; the others' differ in what is unique, and have as many bytes.
  std::string command_source;
  std::string idempotency_key;
  std::string outcome_value;
};

// In a schema that has no commands yet. Ends with what a server does to such tables in time:
// vacuumed, analysed, and, where the role may, a checkpoint. `go_on` is asked after each page, with
// how many there are.
base::Status make_earlier_keys(const ConnectionSettings& settings, const EarlierKeys& keys,
                               const std::function<bool(std::int64_t)>& go_on);
// Takes them out again, whatever else the ledger has by now.
base::Status drop_earlier_keys(const ConnectionSettings& settings);

struct LedgerSize {
  std::int64_t bytes = 0;  // on disk, with all of its parts' indexes
  std::int64_t index_bytes = 0;
};
base::Result<LedgerSize> ledger_size(const ConnectionSettings& settings);

}  // namespace admitone::postgres
