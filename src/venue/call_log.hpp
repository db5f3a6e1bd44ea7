#pragma once
// What the log says about calls of the venue service: failures, and at debug each as a span
// (decision 0075). Used by: Client. Threads: any. Errors: none.

#include <string>

#include "base/time.hpp"
#include "http/client.hpp"
#include "ports/call_terms.hpp"
#include "venue/requests.hpp"
#include "venue/state.hpp"

namespace admitone::venue {

// What a line of the log says about a call.
struct About {
  Call call = Call::find;
  std::string tenant;
  std::string key;  // empty: a call without one
  ports::CallContext context;
};

// Nothing for what never left us.
void log_failure(const About& about, const http::Ending& result, const std::string& why);
// Where it belongs, what it did, for how long.
void log_span(const About& about, const http::Ending& result, CallResult how, base::Duration took);

}  // namespace admitone::venue
