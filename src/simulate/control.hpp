#pragma once
// What both simulators have in common: the control API for faults and health, and how a fault is
// carried out on an answer. Used by: venue_service, solana_service. Threads: any. Blocking: never.

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "simulate/faults.hpp"
#include "simulate/listener.hpp"

namespace admitone::simulate {

// The body is the value's text.
Answer json_answer(int status, const Json& body);
// {"error": {"code", "message"}}
Answer error_answer(int status, const std::string& code, const std::string& message);

// GET, PUT, DELETE /control/faults and GET /control/health; nullopt: another path. A script that is
// refused leaves the one before in force.
std::optional<Answer> control(const Request& request, World world, Faults& faults,
                              const Json& health);

// The answer waits for what `spent` has left of the latency: the disk's time is part of it.
void delay(Answer& answer, std::chrono::milliseconds latency, base::Duration spent);

// The answer under a fault of either world. `apply` makes the effect and the true answer; it is
// called at most once, and for delay_then_apply after the connection has ended.
Answer spoil(const Action& action, std::function<Answer()> apply);

}  // namespace admitone::simulate
