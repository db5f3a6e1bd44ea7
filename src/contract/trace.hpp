#pragma once
// W3C Trace Context: the trace that a command belongs to, and the spans of the calls that it leads
// to (decision 0075). `traceparent` is one that read_envelope has let in, or none: then the trace
// is one of our own, derived from the position of the record that is decided, so that it is the
// same wherever and whenever it is asked for. Threads: pure functions, any.

#include <optional>
#include <string>
#include <string_view>

namespace admitone::contract {

// 32 digits.
std::string trace_id(const std::optional<std::string>& traceparent, std::string_view position);
// 16 digits: of the span that the command came from; empty: there is none.
std::string parent_span_id(const std::optional<std::string>& traceparent);
// What a call carries: the trace, a span of its own named by `call` (another one for each), and
// whether it is sampled, as the command says; a trace of our own is not.
std::string next_traceparent(const std::optional<std::string>& traceparent,
                             std::string_view position, std::string_view call);

// What goes with it; empty where there is none, or one that a strict server would refuse a request
// for: CloudEvents lets more into an attribute than HTTP wants in a header.
std::string next_tracestate(const std::optional<std::string>& tracestate);

}  // namespace admitone::contract
