#pragma once
// What a verb that sends records again is told. Used by: `dead-letters redrive`, `replay`. Threads:
// the main thread. Errors: VerbError.

#include <cstdint>
#include <string>

#include "app/operate/resend.hpp"
#include "app/verb.hpp"

namespace admitone::app {

struct ResendFlags {
  void declare(CLI::App& app);
  // VerbError(kUsage) when one cannot be used.
  void check() const;
  // `verb`: as the audit rows name it; `target`: what is sent, in words. What it says goes to
  // stderr.
  [[nodiscard]] Sending sending(Context& context, const std::string& verb,
                                const std::string& target) const;
  std::string reason;
  bool yes = false;
  std::int64_t rate = 500;  // records a second
};

}  // namespace admitone::app
