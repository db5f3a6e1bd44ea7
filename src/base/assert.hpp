#pragma once
// ADMITONE_ASSERT: a statement about our own code, on in all builds. It ends the process;
// redelivery makes that harmless. Never reachable from the content of a message.

namespace admitone::base {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}

#define ADMITONE_ASSERT(expression) \
  (static_cast<bool>(expression)    \
       ? static_cast<void>(0)       \
       : ::admitone::base::assertion_failed(#expression, __FILE__, __LINE__))
