#pragma once
// The chain that keeps a public record of each event, as sagas see it. Implemented by
// solana/client, and by a model in simulations. Threads, blocking, deadlines: as ports/venue.hpp.
//
// The saga writes what `prepare` answered (bytes, signature, last valid height) durably before it
// calls `send` (law L13), sends the same bytes again until `look_up` is definite, and prepares anew
// only when `look_up` answered `dead` for every transaction that was ever prepared (law L14).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "domain/model.hpp"
#include "ports/answer.hpp"

namespace admitone::ports {

enum class ChainAction { create_event, cancel_event };

struct ChainRecord {
  ChainAction action = ChainAction::create_event;
  base::TenantId tenant;
  base::EventId event;
  std::string venue_id;
  std::optional<domain::Royalties> royalties;
  base::Fingerprint event_hash{};  // of the event's canonical form
};

struct SignedTransaction {
  std::string bytes;      // wire form, as it is sent
  std::string signature;  // base58, of the fee payer: the transaction's name
  std::int64_t last_valid_block_height = 0;
  std::string address;  // base58: the account that the transaction makes, which is the guard
  bool operator==(const SignedTransaction&) const = default;
};

enum class ChainStatus {
  landed,   // at the commitment asked for, without an error
  failed,   // landed with an error: it had no effect, and never will
  pending,  // not known yet, or not deep enough, or may still land
  dead,     // will never land: finalized height beyond the last valid height, *then* not found with
            // history search at a qualifying slot, and the guard account is absent at finalized
  taken,  // the guard account is there although none of these transactions is known to have landed
};

struct ChainState {
  ChainStatus status = ChainStatus::pending;
  std::string signature;  // landed, failed: which one
  std::string detail;     // failed: the chain's error
  // Pending: one has landed and is not deep enough yet. To send it again would change nothing.
  bool has_landed = false;
};

class Chain {
 public:
  virtual ~Chain() = default;
  // Builds and signs; nothing is sent. Refused: CHAIN_REFUSED (the wallet cannot pay the fee, or
  // the action cannot be expressed). Never `unknown`.
  virtual void prepare(const ChainRecord& record, base::Instant deadline,
                       Answered<SignedTransaction> answered) = 0;
  // Done: the RPC took it, which proves nothing. Never `refused`: a refused simulation or send says
  // nothing about earlier copies; `look_up` decides.
  virtual void send(const SignedTransaction& transaction, base::Instant deadline,
                    Answered<bool> answered) = 0;
  // What became of all transactions ever prepared for one record, together; of none, that they are
  // dead. Never `refused` or `unknown`.
  virtual void look_up(const std::vector<SignedTransaction>& transactions, base::Instant deadline,
                       Answered<ChainState> answered) = 0;
};

}  // namespace admitone::ports
