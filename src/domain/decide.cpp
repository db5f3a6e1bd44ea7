#include "domain/decide.hpp"

#include <atomic>
#include <chrono>

#include "base/failpoint.hpp"
#include "domain/event_rules.hpp"
#include "domain/reservation_rules.hpp"

namespace admitone::domain {

namespace {

// The defect of law L24, for the test that must notice it: a time that nobody passed in, here one
// that ticks with every look. Gone from builds without failpoints.
View with_hidden_clock(View view) {
  static std::atomic<std::int64_t> seconds{0};
  view.now += std::chrono::seconds{++seconds};
  return view;
}

Decision decide_one(const Command& command, const View& view, const Rules& rules) {
  return std::visit(
      [&](const auto& c) {
        if constexpr (requires { decide_event(c, view); }) {
          return decide_event(c, view);
        } else if constexpr (requires { decide_reservation(c, view, rules); }) {
          return decide_reservation(c, view, rules);
        } else {
          return decide_reservation(c, view);
        }
      },
      command);
}

}  // namespace

Decision decide(const Command& command, const View& view, const Rules& rules) {
  if (base::failpoint::mutant("hidden_clock")) {
    return decide_one(command, with_hidden_clock(view), rules);
  }
  return decide_one(command, view, rules);
}

}  // namespace admitone::domain
