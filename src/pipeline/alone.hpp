#pragma once
// The one turn of a process to try something alone (decision 0012): whoever counts an attempt has
// it until that is settled. Were two counted at a time, the one that kills nobody would be counted
// as often as the one that does, and given up with it. Threads: any.

#include <deque>
#include <mutex>

#include "pipeline/intake.hpp"

namespace admitone::pipeline {

class AloneTurn {
 public:
  // Each pipeline is known by its wake. True: the turn is `who`'s, as it may have been before.
  // False: another has it, or comes first; `who` waits in line and is woken when it may ask again.
  bool take(Wake& who);
  // `who` neither has the turn nor waits for it any more.
  void leave(Wake& who);

 private:
  std::mutex mutex_;
  Wake* holder_ = nullptr;
  std::deque<Wake*> line_;
};

}  // namespace admitone::pipeline
