#include "kafka/watchdog.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace admitone::kafka {
namespace {

void end_process(const std::string& call) {
  // Not through the log: its writer is a thread of its own and would not get to it any more.
  std::fprintf(stderr, "admitone: %s did not return within its limit: ending the process\n",
               call.c_str());
  std::_Exit(1);
}

}  // namespace

Watchdog::Watchdog(const ports::Clock& clock, Expired expired)
    : clock_(clock), expired_(expired ? std::move(expired) : Expired(end_process)) {}

Watchdog::Guard::Guard(Watchdog& dog, std::string call, Milliseconds limit) : dog_(dog) {
  const std::scoped_lock lock(dog_.mutex_);
  number_ = ++dog_.last_;
  dog_.calls_.emplace(number_, Call{std::move(call), dog_.clock_.steady() + limit});
}

Watchdog::Guard::~Guard() {
  const std::scoped_lock lock(dog_.mutex_);
  dog_.calls_.erase(number_);
}

void Watchdog::check() {
  std::vector<std::string> late;
  {
    const std::scoped_lock lock(mutex_);
    const auto now = clock_.steady();
    for (auto call = calls_.begin(); call != calls_.end();) {
      if (call->second.until > now) {
        ++call;
        continue;
      }
      late.push_back(call->second.name);
      call = calls_.erase(call);
    }
  }
  for (const auto& call : late) expired_(call);
}

}  // namespace admitone::kafka
