#include "app/operate/saga_steps.hpp"

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

}  // namespace admitone::app
