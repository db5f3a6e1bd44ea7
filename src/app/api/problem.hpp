#pragma once
// How the API says no: problem details (RFC 9457) with a code that stays. Used by: app/api.
// Threads: values, any.

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/verb_error.hpp"
#include "telemetry/http_api.hpp"

namespace admitone::app {

// Clients rely on the names; schemas/http/openapi.json lists them.
enum class ProblemCode {
  invalid_request,
  idempotency_key_missing,
  idempotency_key_invalid,
  unauthenticated,
  forbidden,
  not_found,
  method_not_allowed,
  conflict,
  not_configured,
  request_in_progress,
  length_required,
  request_too_large,
  uri_too_long,
  unsupported_media_type,
  expectation_failed,
  idempotency_key_reused,
  headers_too_large,
  failed,
  unavailable,
  too_busy,
  timed_out,
};
inline constexpr ProblemCode kLastProblemCode = ProblemCode::timed_out;
const char* name_of(ProblemCode code);  // "NOT_FOUND"
int status_of(ProblemCode code);

// One part of a request that cannot be: of the body by its pointer, of the query by its name.
struct ProblemPart {
  std::string where;  // "/reason", "limit"
  std::string detail;
};

// The early end of a call.
class ApiProblem : public std::runtime_error {
 public:
  ApiProblem(ProblemCode c, const std::string& detail, std::vector<ProblemPart> p = {})
      : std::runtime_error(detail), code(c), parts(std::move(p)) {}
  ProblemCode code;
  std::vector<ProblemPart> parts;
  std::optional<std::chrono::seconds> retry_after{};  // Retry-After
  std::string allow{};                                // Allow
};

// What the end of an operation means here. Of what is nobody's fault who asked, only the log tells:
// texts of servers name hosts, roles and statements.
ApiProblem problem_of(const VerbError& error);
bool is_ours_to_mend(const VerbError& error);
inline constexpr const char* kLogSays = "the worker's log says why, by the id of this request";

telemetry::ApiAnswer answer_of(const ApiProblem& problem, const std::string& request_id);

}  // namespace admitone::app
