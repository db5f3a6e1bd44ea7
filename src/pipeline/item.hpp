#pragma once
// One record on its way to a verdict. Prepared once; decided as often as the unit of work is
// repeated.

#include <optional>
#include <string>

#include "base/log.hpp"
#include "base/record.hpp"
#include "contract/decode.hpp"
#include "domain/codes.hpp"
#include "pipeline/options.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

struct Item {
  enum class Kind {
    command,  // to be decided here
    invalid,  // answered INVALID_COMMAND
    dead,     // dead letter, and an outcome when its identity is readable
    forward,  // belongs to another lane
  };
  Kind kind = Kind::dead;
  base::Record record;
  std::string position;  // "<topic>/<partition>/<offset>" of this record
  std::string origin;    // of the record that is answered: differs for a forwarded one
  bool forwarded_in = false;

  contract::DecodedCommand command;  // kind command
  contract::Refusal refusal;         // kinds invalid and dead
  domain::Code refusal_code = domain::Code::invalid_command;
  std::int64_t attempts = 1;    // of a dead one
  std::int32_t forward_to = 0;  // kind forward
  bool forward_sent = false;    // by this process, durably: a unit that is repeated sends no more

  // Envelope of whatever could be read; null when nothing was.
  [[nodiscard]] const contract::Envelope* envelope() const;
  [[nodiscard]] base::TenantId tenant() const;  // nil when unreadable
  [[nodiscard]] std::optional<base::EventId> event() const;
  [[nodiscard]] ports::LedgerKey owned_key() const { return {tenant(), command.key}; }
  [[nodiscard]] ports::LedgerKey position_key() const;
  [[nodiscard]] ports::LedgerKey origin_key() const;
};

// Decodes, verifies an origin, checks the topic's tenants, routes. Threads: pure, any.
Item prepare(base::Record&& record, const EngineOptions& options);

// What a log line about the item carries.
base::Fields fields_of(const Item& item);

// The item becomes a dead letter for a technical reason: it crashed or failed `attempts` times.
void give_up(Item& item, std::int64_t attempts, const std::string& why);

// The record that carries `item` to its home partition, with its origin signed.
std::vector<base::Header> forward_headers(const Item& item, const EngineOptions& options);

}  // namespace admitone::pipeline
