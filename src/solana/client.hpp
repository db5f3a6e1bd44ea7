#pragma once
// ports::Chain over JSON-RPC.
// Used by: the saga's step `chain.register` and its look-up. Lifetime: longer than the loop that
// answers, which is stopped first; `http` and `clock` outlive it.
// Threads, blocking, deadlines: as the port. Errors: the port's answers; trouble with a node is
//   `retry` (or `unknown`, for `send` only), never a no.
// Limits: 256 transactions of one record are looked up together; more is `retry`, with a text that
//   says so, and stays so: the state counts it.

#include <memory>
#include <vector>

#include "http/client.hpp"
#include "ports/chain.hpp"
#include "ports/clock.hpp"
#include "solana/endpoints.hpp"
#include "solana/settings.hpp"
#include "solana/state.hpp"

namespace admitone::solana {

class Client : public ports::Chain {
 public:
  // Reads the wallet and, where one is named, the IDL. Permanent errors say which setting or file
  // is wrong, and how.
  static base::Result<std::unique_ptr<Client>> make(const Settings& settings, http::Client& http,
                                                    const ports::Clock& clock, http::Post post);

  void prepare(const ports::ChainRecord& record, base::Instant deadline,
               ports::Answered<ports::SignedTransaction> answered) override;
  void send(const ports::SignedTransaction& transaction, base::Instant deadline,
            ports::Answered<bool> answered) override;
  void look_up(const std::vector<ports::SignedTransaction>& transactions, base::Instant deadline,
               ports::Answered<ports::ChainState> answered) override;

  // Asks the node whose turn it is whether it is well; of one not asked before, first for its
  // cluster. For health, and so that the first record meets a node that is known. Done or `retry`.
  void probe(base::Instant deadline, ports::Answered<bool> answered);

  [[nodiscard]] State state() const;

  struct Core;

 private:
  explicit Client(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

}  // namespace admitone::solana
