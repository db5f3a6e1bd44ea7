#include "app/signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>

#include "base/assert.hpp"

namespace admitone::app {
namespace {

std::atomic<int> first_signal{0};
std::array<int, 2> wake{-1, -1};
static_assert(std::atomic<int>::is_always_lock_free);

// Only what is safe in a handler: lock-free atomics, write, _exit.
extern "C" void on_signal(int number) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number)) _exit(128 + number);
  const char byte = 0;
  // The pipe keeps the byte for as long as the process lives, so every waiter sees it.
  if (write(wake[1], &byte, 1) < 0) _exit(128 + number);
}

}  // namespace

void install_signal_handlers() {
  ADMITONE_ASSERT(pipe2(wake.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A reader of our stdout that went away is an error of that write, not the end of the worker.
  std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal() {
  return first_signal.load();
}

bool wait_for_signal(std::chrono::milliseconds limit) {
  pollfd waiting{wake[0], POLLIN, 0};
  poll(&waiting, 1, static_cast<int>(limit.count()));
  return stop_signal() != 0;
}

}  // namespace admitone::app
