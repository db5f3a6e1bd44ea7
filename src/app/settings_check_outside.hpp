#pragma once
// The parts of check_settings that are about services outside and sagas, and about who is who at
// the brokers. Used by: settings_check.cpp and its parts.
// Threads: pure, any.

#include <string>
#include <vector>

#include "app/settings.hpp"

namespace admitone::app {

void check_kafka_security(const Settings& settings, std::vector<Problem>& out);
void check_outside(const Settings& settings, std::vector<Problem>& out);

// Is it (HOST:PORT or [HOST]:PORT) this machine?
bool on_this_machine(const std::string& server);

}  // namespace admitone::app
