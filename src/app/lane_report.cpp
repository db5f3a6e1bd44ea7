#include "app/lane_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>
#include <string>

#include "base/log.hpp"

namespace admitone::app {
namespace {

using telemetry::Condition;

constexpr const char* kName = "group";

// Empty: nothing.
std::string what_waits(const pipeline::Standing& standing) {
  std::string text;
  if (!standing.stopped.empty())
    text = fmt::format("stopped: {}", fmt::join(standing.stopped, ", "));
  if (!standing.hanging.empty()) {
    text += fmt::format("{}waiting for a Kafka transaction that hangs: {}",
                        text.empty() ? "" : "; ", fmt::join(standing.hanging, ", "));
  }
  return text;
}

}  // namespace

LaneReport::LaneReport(telemetry::Health& health, std::ostream& out) : health_(health), out_(out) {
  health_.expect(kName);
}

void LaneReport::look(const pipeline::Standing& standing) {
  if (standing.begun) health_.started();
  const auto waits = what_waits(standing);
  if (!standing.ready) {
    health_.report(kName, Condition::waiting,
                   "lanes are being taken" + (waits.empty() ? waits : "; " + waits));
    return;
  }
  health_.report(kName, waits.empty() ? Condition::ok : Condition::degraded,
                 waits.empty() ? "every assigned lane is taken" : waits);
  if (told_ready_) return;
  told_ready_ = true;
  out_ << "ready\n" << std::flush;
  base::logger("app")->info("ready{}", waits.empty() ? waits : ", " + waits);
}

}  // namespace admitone::app
