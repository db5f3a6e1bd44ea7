#include "saga/release.hpp"

#include <algorithm>

#include "base/failpoint.hpp"
#include "contract/keys.hpp"
#include "saga/definition.hpp"

namespace admitone::saga {
namespace {

constexpr std::size_t kMaxId = 128;

std::optional<std::string> kept_hold(const Saga& saga, const StepJournal& step) {
  if (saga.goes_back()) return saga.input.old_hold;
  if (step.step != StepId::venue_release_old) return std::nullopt;
  const auto* made = find_step(saga, StepId::venue_hold);
  return made == nullptr ? std::nullopt : std::optional(made->response);
}

}  // namespace

std::string hold_to_release(const Saga& saga, const StepJournal& step) {
  if (step.step == StepId::venue_hold || !step.response.empty()) return step.response;
  return saga.input.old_hold.value_or("");
}

std::string release_key(const Saga& saga, const StepJournal& step, bool undo) {
  const auto hold =
      base::failpoint::mutant("saga_release_key_is_one") ? "" : hold_to_release(saga, step);
  return contract::request_key(saga.id, name_of(step.step), (undo ? "undo " : "do ") + hold);
}

std::string release_request(const std::string& hold) {
  return "release hold " + hold;
}

const ports::VenueHold* left_over(const Saga& saga, const StepJournal& step,
                                  const std::vector<ports::VenueHold>& holds) {
  const auto kept = kept_hold(saga, step);
  const auto found = std::ranges::find_if(
      holds, [&kept](const ports::VenueHold& hold) { return hold.hold_id != kept; });
  return found == holds.end() ? nullptr : &*found;
}

bool is_hold_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxId &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F'; });
}

}  // namespace admitone::saga
