#pragma once
// Who is who between this process and the brokers; see wiring.hpp. Used by: wiring, the check of
// the settings. Threads: any.

#include "app/settings.hpp"
#include "kafka/security.hpp"

namespace admitone::app {

kafka::Security kafka_security(const Settings& settings);

}  // namespace admitone::app
