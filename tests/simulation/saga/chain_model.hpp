#pragma once
// A chain with faults on demand: blocks every 400 ms, final after 32 of them, a transaction is
// valid for 150. Its answers about transactions keep the promises of ports/chain.hpp.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "faults.hpp"
#include "ports/chain.hpp"
#include "schedule.hpp"

namespace admitone::saga::sim {

class ChainModel : public ports::Chain {
 public:
  ChainModel(Schedule& schedule, Faults& faults) : schedule_(schedule), faults_(faults) {}

  void prepare(const ports::ChainRecord& record, base::Instant deadline,
               ports::Answered<ports::SignedTransaction> answered) override;
  void send(const ports::SignedTransaction& transaction, base::Instant deadline,
            ports::Answered<bool> answered) override;
  void look_up(const std::vector<ports::SignedTransaction>& transactions, base::Instant deadline,
               ports::Answered<ports::ChainState> answered) override;

  // Records that landed for the event by that action, in order: their signatures.
  [[nodiscard]] std::vector<std::string> records(const base::EventId& event,
                                                 ports::ChainAction action) const;
  std::function<void(const base::EventId&, const ports::SignedTransaction&)> leaves;
  // More than one of them could have landed: the newer was signed before the older was dead.
  int signed_too_early = 0;

 private:
  struct Known {
    ports::ChainRecord record;
    std::int64_t last_valid = 0;
    std::optional<std::int64_t> landed;  // height
    bool failed = false;
    bool sent = false;
  };
  [[nodiscard]] std::int64_t height() const;
  [[nodiscard]] std::int64_t final_height() const;
  void land(const std::string& signature, bool failing);
  [[nodiscard]] ports::ChainState judge(const std::vector<ports::SignedTransaction>& all) const;

  Schedule& schedule_;
  Faults& faults_;
  std::map<std::string, Known> known_;  // by signature
  std::vector<std::string> order_;      // of landing
  int last_ = 0;
};

}  // namespace admitone::saga::sim
