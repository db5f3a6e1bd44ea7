#pragma once
// Named points in production code that tests steer. In builds without ADMITONE_FAILPOINTS every
// call is a constant and vanishes. `hit` marks a durable point (a test may kill, stop, or fail
// there); `mutant` switches on the defect of a law, so that the law's test can be shown to catch
// it.
//
// Configuration (one string, ';' between entries):  NAME=ACTION[@N]
//   ACTION  kill | stop | fail | throw      N  the how-many-eth hit acts (default 1, 0 = every)
//   a mutant is switched on by  mutant:NAME
// Threads: `configure` before threads start; the rest from any thread.

#include <string_view>

namespace admitone::base::failpoint {

#if ADMITONE_FAILPOINTS
inline constexpr bool kEnabled = true;
// False with a one-line reason on stderr when `text` is malformed.
bool configure(std::string_view text);
// Forgets all points and mutants: between two tests of one program.
void clear();
// Returns true when the configured action is `fail`: the caller behaves as if the step had failed.
bool hit(std::string_view name);
bool mutant(std::string_view name);
#else
inline constexpr bool kEnabled = false;
inline bool configure(std::string_view) {
  return true;
}
inline void clear() {}
constexpr bool hit(std::string_view) {
  return false;
}
constexpr bool mutant(std::string_view) {
  return false;
}
#endif

}  // namespace admitone::base::failpoint
