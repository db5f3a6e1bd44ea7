#include "app/verbs/change_flags.hpp"

#include <fmt/format.h>

#include "app/duration.hpp"

namespace admitone::app {

void ChangeFlags::declare(CLI::App& app) {
  app.add_option("--reason", reason, "Why; kept in the audit row (view operator_log)")->required();
  app.add_flag("--yes,--execute", yes, "Do it; without it only the plan is shown");
  app.add_option("--timeout", timeout, "How long to wait for the lane's verdict");
}

void ChangeFlags::check() {
  if (reason.empty() || reason.size() > 2'000) {
    throw VerbError(kUsage, "--reason wants a text of up to 2000 bytes");
  }
  const auto length = parse_duration(timeout);
  if (!length) throw VerbError(kUsage, "--timeout wants a length like 30s, not " + timeout);
  patience = *length;
}

int tell(Context& context, const ChangeEnd& end, const ChangeFlags& flags,
         const std::string& lane_refused) {
  using Kind = ChangeEnd::Kind;
  context.print(end.document);
  switch (end.kind) {
    case Kind::applied:
      return kOk;
    case Kind::planned:
      context.err << "admitone: nothing was done; --yes does it\n";
      return kOk;
    case Kind::undecided:
      context.err << fmt::format(
          "admitone: not decided after {}: it is on the home topic and will be; `admitone inspect "
          "{}` shows its verdict, `admitone lanes` who owns lane {}\n",
          flags.timeout, end.position, end.lane);
      return kPartly;
    case Kind::refused:
      break;
  }
  context.err << "admitone: the lane refused it: " << lane_refused
              << "; the worker's log says why\n";
  return kConflict;
}

}  // namespace admitone::app
