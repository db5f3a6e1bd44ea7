#pragma once
// The simulated chain: slots, blockhashes, accounts and what became of every transaction. Pure: the
// slot is passed in; whatever changes it is handed out as a journal entry, and the same entries
// replayed make the same chain. Every state can be read as it was at a slot, which is what
// commitments and lagging pool members are made of. Used by: rpc, solana_service. Threads: one at a
// time. Limits: accounts can be read 1,024 slots back, blockhashes 700 blocks.
//
// Every 20th slot has no block, so that heights and slots are different numbers. A blockhash may be
// used for 150 blocks after its own. A sent transaction lands some slots later, once, if its
// blockhash is still good, its signatures hold and its fee can be paid.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "simulate/execution.hpp"
#include "simulate/json.hpp"
#include "simulate/slot_clock.hpp"
#include "simulate/transaction.hpp"

namespace admitone::simulate {

inline constexpr std::int64_t kBlockhashLife = 150;

// What a fault makes of one copy that is sent.
struct SendPlan {
  bool drop = false;
  Slot late = 0;
  Json error;  // lands with it
  bool expire_blockhash = false;
};

class Chain {
 public:
  // `genesis` makes the blockhashes different from those of other chains.
  Chain(Programs programs, std::string genesis, Slot first);

  [[nodiscard]] Slot slot() const { return slot_; }
  static std::int64_t height_at(Slot slot) { return slot - slot / 20; }
  // Everything that is due until then happens. Never backwards.
  void advance(Slot to);

  // One copy of a transaction arrives; it is due `land_after` slots from now. `sound`: its
  // signatures hold. Returns the entry for the journal.
  Json send(const std::string& wire, const Transaction& transaction, bool sound, Slot land_after,
            const SendPlan& plan);
  // At once and at every commitment.
  Json airdrop(const Key& address, std::uint64_t lamports);
  // An entry that was handed out before; others are ignored.
  void replay(const Json& entry);

  // Of the newest block at that slot.
  [[nodiscard]] Key blockhash_at(Slot slot) const;
  // Can it be used at that slot?
  [[nodiscard]] bool is_usable(const Key& blockhash, Slot at) const;
  [[nodiscard]] Account account(const Key& address, Slot at) const;
  // What would happen to it at that slot: null, or the TransactionError.
  [[nodiscard]] Json preflight(const Transaction& transaction, Slot at) const;

  struct Landing {
    Slot slot = 0;
    Json error;
  };
  [[nodiscard]] std::optional<Landing> landing(const std::string& signature, Slot at) const;
  [[nodiscard]] bool knows(const std::string& signature) const {
    return by_signature_.contains(signature);
  }
  [[nodiscard]] std::string memo(const std::string& signature) const;
  [[nodiscard]] std::int64_t landed_count() const { return landed_; }
  [[nodiscard]] const Programs& programs() const { return programs_; }

  // Every transaction ever seen.
  [[nodiscard]] Json records() const;

 private:
  struct Seen {
    std::string signature;
    std::optional<Transaction> transaction;  // until it has landed
    bool sound = false;
    std::int64_t sends = 0;
    std::int64_t dropped = 0;
    Slot first_sent = 0;
    std::optional<std::int64_t> last_valid;  // none: its blockhash was not known
    std::optional<Slot> due;
    std::optional<Landing> landed;
    Json forced;
    Json why_not;  // it came to nothing so far
    std::string memo;
    std::vector<Key> created;
  };
  struct Version {
    Slot since = 0;
    Account account;
  };

  [[nodiscard]] Key blockhash(std::int64_t height) const;
  void remember_blockhashes();
  void replay_send(const Json& entry);
  void replay_airdrop(const Json& entry);
  Seen& seen(const Json& entry);
  void land(Seen& seen);
  [[nodiscard]] std::vector<Account> accounts_of(const Message& message, Slot at) const;
  void store(const Key& address, const Account& account);
  [[nodiscard]] Json record(const Seen& seen) const;

  Programs programs_;
  std::string genesis_;
  Slot slot_;
  std::int64_t landed_ = 0;
  std::map<Key, std::vector<Version>> accounts_;
  std::map<Key, std::int64_t> heights_;  // of recent blockhashes
  std::deque<Key> recent_;               // the same, oldest first
  std::int64_t newest_ = -1;             // height of the last of them
  std::set<Key> expired_;                // by a fault
  std::deque<Seen> seen_;
  std::unordered_map<std::string, std::size_t> by_signature_;
  std::set<std::pair<Slot, std::size_t>> pending_;  // due, and whose
};

}  // namespace admitone::simulate
