#pragma once
// The RPC nodes, each with a breaker. An operation chooses one and stays with it for all its calls;
// each is made once. After one that failed, and after a node stood still, the next operation
// chooses the next node whose breaker lets it through.
//
// Nodes of two clusters would prove a death to each other that is none (law L14): before its first
// use a node is asked for its genesis hash. One that does not say it is not used, and one whose
// hash is not that of the first that answered (or of the settings) never is.
//
// Used by: client. Lifetime: the client's, and until its last call was answered.
// Threads: any; answers on the loop's thread, never from within `call`. `choose` may go on from
//   within, when the node is known already.
// Blocking: never. Errors: a Trouble, of which `maybe_applied` says what is not known. What a node
//   said is shown bounded and escaped; URLs never are, as they may hold keys.
// Limits: per call the deadline, and the settings' time-out from when it is on a connection, twice
//   that with the wait for one; bytes of an answer; what a node asks to be left alone for: half a
//   minute, and only while no other node can be asked.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "http/client.hpp"
#include "ports/clock.hpp"
#include "resilience/breaker.hpp"
#include "solana/rpc.hpp"
#include "solana/settings.hpp"
#include "solana/state.hpp"

namespace admitone::solana {

struct Trouble {
  bool maybe_applied = false;
  std::string why;
  std::optional<std::chrono::milliseconds> retry_after = {};
  bool bad_parameters = false;  // the node says that what it was asked is wrong
};

// One operation of the client, with what the log says about it.
struct Errand {
  std::string operation;
  std::string tenant;  // empty: not known
  std::string key;     // what names the attempt: a signature, where there is one
  base::Instant deadline;
  std::size_t node = 0;  // once chosen
};

class Endpoints {
 public:
  // Takes the result and says whether it is of the shape it must have.
  using Accept = std::function<bool(const Json&)>;
  using Done = std::function<void(std::optional<Trouble>)>;
  using Chosen = std::function<void(const Errand&)>;
  using Otherwise = std::function<void(const Trouble&)>;

  Endpoints(const Settings& settings, http::Client& http, const ports::Clock& clock,
            http::Post post);
  void choose(const Errand& errand, Chosen then, Otherwise otherwise);
  // At the errand's node.
  void call(const Errand& errand, const RpcCall& call, Accept accept, Done done);
  // The slot of a search's answer. A node whose slot has stood still for a while has stopped
  // without failing: the next operation asks another one.
  void saw(std::size_t node, std::int64_t slot);
  [[nodiscard]] State state() const;

 private:
  struct Waiting {
    Errand errand;
    Chosen then;
    Otherwise otherwise;
  };
  struct Endpoint {
    std::string url;
    resilience::Breaker breaker;
    NodeState seen;
    base::Instant slot_since{};
    bool asked_for_cluster = false;
    std::vector<Waiting> waiting = {};  // for the answer to that
  };
  struct Start {
    std::size_t node = 0;
    std::string method;
    resilience::Breaker::Pass pass;
    base::Instant at;
  };
  // What an exchange showed about the node, and what the caller learns.
  struct Judgement {
    resilience::CallEnd node = resilience::CallEnd::success;
    CallResult result = CallResult::done;
    std::optional<Trouble> trouble = {};
  };

  [[nodiscard]] std::optional<std::size_t> next_usable(base::Instant now) const;
  [[nodiscard]] bool another_could_be_asked(std::size_t node, base::Instant now) const;
  void pass_over(std::size_t node);
  void ask_for_cluster(const Errand& errand, std::size_t node);
  void take_cluster(std::size_t node, const std::optional<Trouble>& trouble,
                    const std::string& genesis);
  void learn_cluster(std::size_t node, const std::string& genesis);
  void make(const Errand& errand, const RpcCall& call, std::int64_t id, Accept accept, Done done);
  void hold_back(std::string why, Otherwise otherwise);
  void settle(const Start& start, Judgement& judgement);
  void tell(const Errand& errand, const std::string& method, Judgement& judgement) const;
  [[nodiscard]] std::string name_of_node(std::size_t node) const;
  http::Request request_of(std::size_t node, std::string body, base::Instant deadline) const;
  [[nodiscard]] Judgement judge(const http::Ending& ending, std::int64_t id,
                                const Accept& accept) const;

  const Settings settings_;
  http::Client& http_;
  const ports::Clock& clock_;
  const http::Post post_;
  std::atomic<std::int64_t> next_id_{1};
  mutable std::mutex mutex_;
  std::vector<Endpoint> endpoints_;
  std::size_t preferred_ = 0;
  std::string genesis_;
  std::map<std::string, MethodState> methods_;
  std::uint64_t held_back_ = 0;
};

}  // namespace admitone::solana
