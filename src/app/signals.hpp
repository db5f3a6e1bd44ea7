#pragma once
// SIGINT and SIGTERM. The first asks to stop, the second ends the process at once with 128 + the
// signal's number. Used by: main and the worker verb. Lifetime: installed once, for the process.
// Threads: any. Blocking: only `wait_for`.

#include <chrono>

namespace admitone::app {

void install_signal_handlers();
// 0, or the number of the first signal that came.
int stop_signal();
// Waits until a signal has come or the time is over; true: a signal has come.
bool wait_for_signal(std::chrono::milliseconds limit);

}  // namespace admitone::app
