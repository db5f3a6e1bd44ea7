#pragma once
// Makes the calls that the planner asks for, through the ports, and collects the answers.
// Threads: `make` by the runner's; answers come in on the loop's thread and are taken out by the
// runner's. The inbox outlives the runner while an answer is on its way.
// Blocking: never (a mutex around a few moves).

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "ports/chain.hpp"
#include "ports/venue.hpp"
#include "saga/replies.hpp"

namespace admitone::saga {

// One for each call made, never used again: a late answer to a call that was given up finds nobody.
using CallNumber = std::uint64_t;

class Inbox {
 public:
  // `wake`: answers are there; called from the loop's thread.
  explicit Inbox(std::function<void()> wake) : wake_(std::move(wake)) {}
  void put(CallNumber number, Reply reply);
  std::vector<std::pair<CallNumber, Reply>> take();
  // Nobody is woken any more once it has returned; a wake-up under way is waited for.
  void disarm();

 private:
  std::mutex wake_mutex_;  // held while `wake_` runs: never together with the other
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<std::pair<CallNumber, Reply>> answers_;
};

// Null where the step is switched off: a saga that was begun before still needs its service, and
// waits for it as for one that does not answer.
struct Services {
  ports::Venue* venue = nullptr;
  ports::Chain* chain = nullptr;
};

bool serves(const Services& services, const MakeCall& call);
// Of a service that serves it.
void make_call(const Services& services, const std::shared_ptr<Inbox>& inbox, CallNumber number,
               const Saga& saga, const MakeCall& call, base::Instant deadline);

}  // namespace admitone::saga
