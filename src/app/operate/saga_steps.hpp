#pragma once
// The steps of sagas by the names that views and people know them by. Used by: operate/. Threads:
// pure functions, any.

#include <string_view>

#include "saga/definition.hpp"

namespace admitone::app {

// Null: this release knows no such step.
const saga::StepDefinition* step_named(std::string_view name);

// Carried out by the lane itself: nothing outside is in doubt at it.
bool is_of_the_lane(const saga::StepDefinition& step);

}  // namespace admitone::app
