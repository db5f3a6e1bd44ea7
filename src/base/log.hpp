#pragma once
// The room's logger. The category is the room's name; sinks, level and format are set once by app.
// Payloads and secrets are never logged; a field that came from a message goes through `field`.
// Threads: any.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace admitone::base {

// Never null; shares sinks and level with the default logger.
std::shared_ptr<spdlog::logger> logger(const std::string& room);

// At most 200 bytes of `text`, with everything but printable ASCII escaped.
std::string field(std::string_view text);

// What a line about a command or a lane is about, as the last argument behind its text:
//   log->error("given up after {} attempts{}", n, Fields{.position = "commands/3/17"});
// A line of JSON has them as fields of their own. What is empty is left out, what came from a
// message is bounded and escaped as by `field`.
struct Fields {
  std::string command = {};   // admitone.command_id
  std::string tenant = {};    // admitone.tenant_id
  std::string position = {};  // admitone.position: <topic>/<partition>[/<offset>]
  std::string saga = {};      // admitone.saga_id
  std::string trace = {};     // trace.id
  std::string span = {};      // span.id: of the call that the line is about
  std::string parent = {};    // parent.id: of the span before it
  std::string request = {};   // http.request.id
};

// How the fields travel behind the text, and back.
std::string packed(const Fields& fields);
struct Line {
  std::string_view text;
  std::vector<std::pair<std::string_view, std::string_view>> fields;  // name and value
};
Line unpacked(std::string_view payload);

}  // namespace admitone::base

template <>
struct fmt::formatter<admitone::base::Fields> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const admitone::base::Fields& fields, Context& context) const {
    return fmt::format_to(context.out(), "{}", admitone::base::packed(fields));
  }
};
