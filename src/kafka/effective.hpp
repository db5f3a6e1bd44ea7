#pragma once
// What librdkafka makes of what is set: it knows more than one spelling of a name and of a value.
// Used by: app (warnings). Threads: any. Blocking: never. Errors: none.

#include <map>
#include <string>

#include "kafka/security.hpp"

namespace admitone::kafka {

// One of librdkafka's settings in its own spelling, as a client will have it when `options`
// (kafka.options) come after ours. Empty: there is no such setting. Not for secrets.
std::string effective(const Security& security, const std::map<std::string, std::string>& options,
                      const char* name);

}  // namespace admitone::kafka
