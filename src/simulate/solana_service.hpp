#pragma once
// A pool of Solana RPC members on one simulated chain: JSON-RPC, faults, control API, and the
// journal before each answer. Used by: app/verbs/simulate_solana. Lifetime: outlives its listeners.
// Threads: `handle` from any. Blocking: `handle` waits for the disk. Errors: a disk that fails is
// 500 from then on. Durable: what an answer says is in the journal when it is given; slots go on
// with the wall clock while nothing runs.
//
//   POST /                   JSON-RPC, one request at a time
//   GET  /control/records, /control/health; GET PUT DELETE /control/faults
//   POST /control/airdrop    {"address", "lamports"}
//   POST /control/step       {"slots"}
//
// Operations of fault scripts are the method names; key is a signature or an address, event is
// looked for in the memo.

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "ports/clock.hpp"
#include "simulate/chain.hpp"
#include "simulate/faults.hpp"
#include "simulate/journal.hpp"
#include "simulate/listener.hpp"
#include "simulate/rpc.hpp"

namespace admitone::simulate {

class SolanaService {
 public:
  struct Options {
    std::string state;  // path of the journal
    Keep keep = Keep::what_is_there;
    Programs programs;
    std::chrono::milliseconds slot_time{400};  // 0: only steps
    Slot land_after = 2;
    Slot finality = 31;
    std::vector<Slot> lags{0};  // one for each member of the pool
    Script faults;
    std::chrono::milliseconds latency{0};  // of every answer that is not of the control API
  };
  static base::Result<std::unique_ptr<SolanaService>> open(const Options& options,
                                                           const ports::Clock& clock);

  Answer handle(int member, const Request& request);

 private:
  struct Ask {
    Json id;
    std::string method;
    Json params = Json::array();
    Submission submission;  // of sendTransaction only
  };
  // What a fault changes about one call.
  struct Twist {
    SendPlan plan;
    Slot lag = 0;
  };

  SolanaService(const Options& options, const ports::Clock& clock, std::string genesis, Slot first);
  void go_on(const std::vector<Json>& entries);

  Answer control_answer(const Request& request);
  Answer airdrop(const Json& body);
  Answer step(const Json& body);
  Json now();

  Answer rpc(int member, const Request& request);
  Answer apply(int member, const Ask& ask, const Twist& twist);
  Answer carry_out(int member, const Ask& ask, const Action& action, const Call& call);
  void hide(const Call& call, std::chrono::milliseconds time);
  [[nodiscard]] Call call_of(int member, const Ask& ask) const;
  Answer kept(Answer answer);

  Options options_;
  const ports::Clock& clock_;
  Faults faults_;
  std::unique_ptr<Journal> journal_;
  mutable std::mutex mutex_;  // of everything below, and of the order in the journal
  std::string genesis_;
  Chain chain_;
  SlotClock slots_;
  // Signatures that a member of the pool does not find until then.
  std::map<std::pair<int, std::string>, base::Instant> hidden_;
};

}  // namespace admitone::simulate
