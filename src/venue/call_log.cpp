#include "venue/call_log.hpp"

#include "base/log.hpp"

namespace admitone::venue {
namespace {

base::Fields fields_of(const About& about) {
  const auto& context = about.context;
  return {.command = context.command_id,
          .tenant = about.tenant,
          .position = context.position,
          .saga = context.saga_id,
          .trace = context.trace_id(),
          .span = context.span_id(),
          .parent = context.parent};
}

}  // namespace

void log_failure(const About& about, const http::Ending& result, const std::string& why) {
  if (!result && (result.error().kind == base::ErrorKind::cancelled || result.nobody_was_asked()))
    return;
  base::logger("venue")->warn("{} failed, status {}, request key {}: {}{}", name_of(about.call),
                              result ? std::to_string(result->status) : "none",
                              about.key.empty() ? "none" : base::field(about.key), base::field(why),
                              fields_of(about));
}

void log_span(const About& about, const http::Ending& result, CallResult how, base::Duration took) {
  const auto log = base::logger("venue");
  if (!log->should_log(spdlog::level::debug)) return;
  log->debug("span venue.{} {} status {} took {} us{}", name_of(about.call), name_of(how),
             result ? std::to_string(result->status) : "none", took.count(), fields_of(about));
}

}  // namespace admitone::venue
