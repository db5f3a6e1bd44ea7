#include "app/api/problem.hpp"

#include <array>

#include "app/output.hpp"

namespace admitone::app {
namespace {

struct Row {
  ProblemCode code;
  int status;
  const char* name;
  const char* title;
};

// In the order of the codes.
constexpr std::array kRows{
    Row{ProblemCode::invalid_request, 400, "INVALID_REQUEST", "The request is not valid"},
    Row{ProblemCode::idempotency_key_missing, 400, "IDEMPOTENCY_KEY_MISSING",
        "A change needs an Idempotency-Key"},
    Row{ProblemCode::idempotency_key_invalid, 400, "IDEMPOTENCY_KEY_INVALID",
        "The Idempotency-Key is not valid"},
    Row{ProblemCode::unauthenticated, 401, "UNAUTHENTICATED", "A token is needed"},
    Row{ProblemCode::forbidden, 403, "FORBIDDEN", "The token does not allow it"},
    Row{ProblemCode::not_found, 404, "NOT_FOUND", "There is no such thing"},
    Row{ProblemCode::method_not_allowed, 405, "METHOD_NOT_ALLOWED", "Not by this method"},
    Row{ProblemCode::conflict, 409, "CONFLICT", "It cannot be done as things stand"},
    Row{ProblemCode::not_configured, 409, "NOT_CONFIGURED", "This installation does not have it"},
    Row{ProblemCode::request_in_progress, 409, "REQUEST_IN_PROGRESS",
        "The first request with this key is still running"},
    Row{ProblemCode::length_required, 411, "LENGTH_REQUIRED", "The body's length must be told"},
    Row{ProblemCode::request_too_large, 413, "REQUEST_TOO_LARGE", "The body is too large"},
    Row{ProblemCode::uri_too_long, 414, "URI_TOO_LONG", "The address is too long"},
    Row{ProblemCode::unsupported_media_type, 415, "UNSUPPORTED_MEDIA_TYPE",
        "The body must be JSON"},
    Row{ProblemCode::expectation_failed, 417, "EXPECTATION_FAILED", "Nothing may be expected"},
    Row{ProblemCode::idempotency_key_reused, 422, "IDEMPOTENCY_KEY_REUSED",
        "The key came with another request"},
    Row{ProblemCode::headers_too_large, 431, "HEADERS_TOO_LARGE", "The headers are too many"},
    Row{ProblemCode::failed, 500, "FAILED", "It failed"},
    Row{ProblemCode::unavailable, 503, "UNAVAILABLE", "What it needs does not answer"},
    Row{ProblemCode::too_busy, 503, "TOO_BUSY", "Too many requests at once"},
    Row{ProblemCode::timed_out, 503, "TIMED_OUT", "It took too long"},
};
static_assert(kRows.size() == static_cast<std::size_t>(kLastProblemCode) + 1);

const Row& row_of(ProblemCode code) {
  return kRows.at(static_cast<std::size_t>(code));
}

// A pointer names a part of the body, all else a parameter.
Json document(const ProblemPart& part) {
  const bool of_body = part.where.empty() || part.where.front() == '/';
  return {{of_body ? "pointer" : "parameter", part.where}, {"detail", part.detail}};
}

}  // namespace

const char* name_of(ProblemCode code) {
  return row_of(code).name;
}

int status_of(ProblemCode code) {
  return row_of(code).status;
}

bool is_ours_to_mend(const VerbError& error) {
  return error.code() == kFailed;
}

ApiProblem problem_of(const VerbError& error) {
  const auto with = [&error](ProblemCode code, int seconds) {
    ApiProblem out(code, is_ours_to_mend(error) ? kLogSays : error.what());
    if (seconds > 0) out.retry_after = std::chrono::seconds{seconds};
    return out;
  };
  if (dynamic_cast<const Unavailable*>(&error) != nullptr) {
    return with(ProblemCode::unavailable, 5);
  }
  switch (error.code()) {
    case kUsage:
      return with(ProblemCode::invalid_request, 0);
    case kNotFound:
      return with(ProblemCode::not_found, 0);
    case kConflict:
      return with(ProblemCode::conflict, 0);
    case kNotMet:
      return with(ProblemCode::not_configured, 0);
    case kInterrupted:
      return with(ProblemCode::timed_out, 5);
    default:
      return with(ProblemCode::failed, 0);
  }
}

telemetry::ApiAnswer answer_of(const ApiProblem& problem, const std::string& request_id) {
  const Row& row = row_of(problem.code);
  Json errors = Json::array();
  for (const auto& part : problem.parts) errors.push_back(document(part));
  const Json body{{"type", std::string("urn:admitone:problem:") + row.name},
                  {"title", row.title},
                  {"status", row.status},
                  {"detail", problem.what()},
                  {"code", row.name},
                  {"requestId", request_id},
                  {"errors", errors}};
  telemetry::ApiAnswer out;
  out.status = row.status;
  out.content_type = "application/problem+json";
  out.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (problem.retry_after) {
    out.headers.emplace_back("Retry-After", std::to_string(problem.retry_after->count()));
  }
  if (!problem.allow.empty()) out.headers.emplace_back("Allow", problem.allow);
  if (problem.code == ProblemCode::unauthenticated) {
    out.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  return out;
}

}  // namespace admitone::app
