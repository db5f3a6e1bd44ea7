#pragma once
// On what terms a call of a service outside is made: until when, and for whom. Only the first
// decides anything; the rest is for the service's own traces and for the log.

#include <string>
#include <utility>

#include "base/time.hpp"

namespace admitone::ports {

// What is not known is empty.
struct CallContext {
  std::string traceparent = {};  // with a span of this call's own
  std::string tracestate = {};
  std::string parent = {};      // id of the span that the command came from
  std::string command_id = {};  // as its producer named it
  std::string position = {};    // of the record that is decided
  std::string saga_id = {};
  // Of `traceparent`.
  [[nodiscard]] std::string trace_id() const {
    return traceparent.empty() ? std::string{} : traceparent.substr(3, 32);
  }
  [[nodiscard]] std::string span_id() const {
    return traceparent.empty() ? std::string{} : traceparent.substr(36, 16);
  }
};

struct CallTerms {
  CallTerms(base::Instant until) : deadline(until) {}  // NOLINT(*-explicit-*)
  CallTerms(base::Instant until, CallContext whose) : deadline(until), context(std::move(whose)) {}
  base::Instant deadline;
  CallContext context;
};

}  // namespace admitone::ports
