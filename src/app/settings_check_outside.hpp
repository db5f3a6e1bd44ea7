#pragma once
// The part of check_settings that is about services outside and sagas. Used by: settings_check.cpp.
// Threads: pure, any.

#include <vector>

#include "app/settings.hpp"

namespace admitone::app {

void check_outside(const Settings& settings, std::vector<Problem>& out);

}  // namespace admitone::app
