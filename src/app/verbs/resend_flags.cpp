#include "app/verbs/resend_flags.hpp"

namespace admitone::app {

void ResendFlags::declare(CLI::App& app) {
  app.add_flag("--yes,--execute", yes, "Do it; without it only the plan is shown");
  app.add_option("--reason", reason, "Why; kept in the audit rows (view operator_log)");
  app.add_option("--rate", rate, "At most so many records a second")->check(CLI::Range(1, 100'000));
}

void ResendFlags::check() const {
  if (yes && (reason.empty() || reason.size() > 2'000)) {
    throw VerbError(kUsage, "--yes wants --reason, a text of up to 2000 bytes");
  }
}

Sending ResendFlags::sending(Context& context, const std::string& verb,
                             const std::string& target) const {
  return {
      .verb = verb,
      .target = target,
      .reason = reason,
      .rate = rate,
      .say = [&context](const std::string& line) { context.err << "admitone: " << line << '\n'; }};
}

}  // namespace admitone::app
