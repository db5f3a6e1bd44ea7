#pragma once
// The steps of sagas by the names that views and people know them by. Used by: operate/. Threads:
// pure functions, any.

#include <string_view>

#include "postgres/views.hpp"
#include "saga/definition.hpp"

namespace admitone::app {

// Null: this release knows no such step.
const saga::StepDefinition* step_named(std::string_view name);

// Carried out by the lane itself: nothing outside is in doubt at it.
bool is_of_the_lane(const saga::StepDefinition& step);

// Whether a saga with these rows of saga_step_log only goes forward, as saga::forward_only.
bool is_past_its_pivot(const postgres::CellTable& steps);

}  // namespace admitone::app
