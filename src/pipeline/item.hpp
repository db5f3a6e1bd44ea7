#pragma once
// One record on its way to a verdict. Prepared once; decided as often as the unit of work is
// repeated.

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/log.hpp"
#include "base/record.hpp"
#include "contract/decode.hpp"
#include "contract/saga_change.hpp"
#include "domain/codes.hpp"
#include "pipeline/options.hpp"
#include "ports/lane_store.hpp"

namespace admitone::pipeline {

// What an operator asks for, whether a pending row in the database says so, and whether it could be
// made in memory; none: not tried yet.
struct AskedChange {
  contract::SagaChange what;
  bool is_audited = false;
  std::optional<base::Status> made = std::nullopt;
};

struct Item {
  enum class Kind {
    unread,   // as it came: not decoded yet
    command,  // to be decided here
    invalid,  // answered INVALID_COMMAND
    dead,     // dead letter, and an outcome when its identity is readable
    forward,  // belongs to another lane
    change,   // an operator's, of a saga of this lane: AdmitOne's own, no command of the contract
  };
  Kind kind = Kind::dead;
  base::Record record;
  std::string position;  // "<topic>/<partition>/<offset>" of this record
  std::string origin;    // of the record that is answered: differs for a forwarded one
  bool forwarded_in = false;
  // Of a redriven dead letter: when the record that died first was written; of a forward, when what
  // it forwards was. See sent_at.
  std::optional<base::Timestamp> first_sent = std::nullopt;

  contract::DecodedCommand command;  // kind command
  contract::Refusal refusal;         // kinds invalid and dead
  domain::Code refusal_code = domain::Code::invalid_command;
  std::int64_t attempts = 1;                      // of a dead one
  std::int32_t forward_to = 0;                    // kind forward
  std::shared_ptr<AskedChange> change = nullptr;  // kind change
  bool forward_sent = false;  // by this process, durably: a unit that is repeated sends no more
  // Of the present unit: not looked for, believed to be new (see KnownKeys).
  bool unseen_key = false;
  bool unseen_reservation = false;

  // Envelope of whatever could be read; null when nothing was.
  [[nodiscard]] const contract::Envelope* envelope() const;
  [[nodiscard]] base::TenantId tenant() const;  // nil when unreadable
  [[nodiscard]] std::optional<base::EventId> event() const;
  // A command that creates, updates or cancels an event.
  [[nodiscard]] bool is_of_event() const {
    return kind == Kind::command && !domain::reservation_of(command.command);
  }
  [[nodiscard]] ports::LedgerKey owned_key() const { return {tenant(), command.key}; }
  [[nodiscard]] ports::LedgerKey position_key() const;
  [[nodiscard]] ports::LedgerKey origin_key() const;
};

// The record as it came: nothing has looked into it.
Item unread(base::Record&& record, const EngineOptions& options);
// Decodes an unread item, verifies an origin, checks the topic's tenants, routes. When it throws,
// the item still has its record. Threads: pure, any.
void prepare(Item& item, const EngineOptions& options);
Item prepare(base::Record&& record, const EngineOptions& options);

// What a log line about the item carries.
base::Fields fields_of(const Item& item);

// The item becomes a dead letter for a technical reason: it crashed or failed `attempts` times. One
// that is unread has no identity: nobody is answered.
void give_up(Item& item, std::int64_t attempts, const std::string& why);

// When the broker had it from its sender, not later than this record: what is forwarded or redriven
// carries that along. From a topic with producers' times a forward is as old as itself.
base::Timestamp sent_at(const Item& item);

// The record that carries `item` to its home partition, with its origin signed.
std::vector<base::Header> forward_headers(const Item& item, const EngineOptions& options);

// Where the record that is answered was sent to, and its headers as they were sent: of a forwarded
// one without those that the forward has added.
struct Origin {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
Origin origin_of(const Item& item);
std::span<const base::HeaderView> headers_as_sent(const Item& item);

}  // namespace admitone::pipeline
