#include "app/operate/saga_steps.hpp"

#include "app/operate/means.hpp"
#include "app/output.hpp"

namespace admitone::app {

const saga::StepDefinition* step_named(std::string_view name) {
  using saga::Kind;
  for (const Kind kind : {Kind::event_create, Kind::event_update, Kind::event_cancel}) {
    for (const auto& step : saga::definition(kind)) {
      if (saga::name_of(step.step) == name) return &step;
    }
  }
  return nullptr;
}

bool is_of_the_lane(const saga::StepDefinition& step) {
  return step.where == saga::Where::database || step.where == saga::Where::drain;
}

bool is_past_its_pivot(const postgres::CellTable& steps) {
  for (std::size_t i = 0; i < steps.rows.size(); ++i) {
    const auto* step = step_named(cell_text(cell(steps, i, "step")));
    if (cell(steps, i, "status") == "done" && step != nullptr && step->pivot) return true;
  }
  return false;
}

}  // namespace admitone::app
