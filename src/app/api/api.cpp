#include "app/api/api.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "contract/hash.hpp"

namespace admitone::app {
namespace {

using telemetry::Access;
using telemetry::ApiAnswer;
using telemetry::ApiRequest;
using Kind = ports::Claimed::Kind;

constexpr std::chrono::seconds kReadLimit{25};
constexpr std::size_t kMaxBody = std::size_t{16} * 1024;
constexpr std::size_t kMaxKey = 255;

ApiAnswer given(const Reply& reply) {
  ApiAnswer out;
  out.status = reply.status;
  out.body = reply.body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return out;
}

// The contract's: 1 to 255 visible ASCII characters; the two names must agree.
std::string key_of(const ApiRequest& request) {
  const auto& given = request.idempotency_keys;
  if (given.empty() || given.front().empty()) {
    throw ApiProblem(ProblemCode::idempotency_key_missing,
                     "send an Idempotency-Key of your own making with each change, and the same "
                     "with its repeats");
  }
  const std::string& key = given.front();
  const bool one = std::ranges::all_of(given, [&key](const auto& other) { return other == key; });
  const bool visible = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!one || !visible || key.size() > kMaxKey) {
    throw ApiProblem(ProblemCode::idempotency_key_invalid,
                     one ? "the Idempotency-Key wants 1 to 255 visible ASCII characters"
                         : "Idempotency-Key and X-Idempotency-Key differ");
  }
  return key;
}

// The same for what is the same JSON: members in any order. With a secret: who sees only the hash
// must not find what it is of by trying.
std::string fingerprint_of(const std::string& secret, const ApiRequest& request) {
  const auto body = nlohmann::json::parse(request.body, nullptr, false);
  contract::Parts parts;
  parts.add("admitone.api.request").add(request.path).add(body.dump());
  return contract::to_hex(contract::hmac_sha256(secret, parts.bytes()));
}

std::string id_of(const std::string& secret, const std::string& scope, const Route& route,
                  const std::string& key) {
  contract::Parts parts;
  parts.add("admitone.api.key").add(scope).add(route.method).add(route.path).add(key);
  return contract::to_hex(contract::hmac_sha256(secret, parts.bytes()));
}

bool is_json(const std::string& content_type) {
  return content_type.substr(0, content_type.find(';')) == "application/json";
}

// What is kept: a definite answer. What was not carried out for a fault of the request does not
// take the key, what failed runs again, and what is not decided yet is decided for a repeat.
bool is_definite(int status) {
  return status == 200 || status == 404 || status == 409;
}

std::shared_ptr<spdlog::logger> log() {
  return base::logger("app");
}

// What the answer does not tell.
void tell(const std::string& what, const std::exception& error, const std::string& request_id) {
  const auto* ended = dynamic_cast<const VerbError*>(&error);
  if (ended != nullptr && !is_ours_to_mend(*ended)) return;
  log()->error("{} failed: {}{}", what, base::field(error.what()),
               base::Fields{.request = request_id});
}

}  // namespace

Api::Api(Options options, ports::AdminAnswers& answers, const ports::Clock& clock)
    : options_(std::move(options)), answers_(answers), clock_(clock) {}

ApiAnswer Api::answer(const ApiRequest& request) {
  try {
    return checked(request);
  } catch (const ApiProblem& problem) {
    return answer_of(problem, request.request_id);
  } catch (const VerbError& error) {
    tell("a request", error, request.request_id);
    return answer_of(problem_of(error), request.request_id);
  } catch (const std::exception& error) {
    tell("a request", error, request.request_id);
    return answer_of(ApiProblem(ProblemCode::failed, kLogSays), request.request_id);
  }
}

ApiAnswer Api::refusal(int status, const std::string& request_id) {
  const auto no = [&request_id](ProblemCode code, const std::string& detail) {
    return answer_of(ApiProblem(code, detail), request_id);
  };
  switch (status) {
    case 404:
      return no(ProblemCode::not_found, "it cannot be read as a request");
    case 411:
      return no(ProblemCode::length_required,
                "send the body in one piece, with its Content-Length");
    case 413:
      return no(ProblemCode::request_too_large,
                "a body has at most " + std::to_string(kMaxBody) + " bytes");
    case 414:
      return no(ProblemCode::uri_too_long, "the first line has at most 4 KiB");
    case 415:
      return no(ProblemCode::unsupported_media_type,
                "send the body as it is, without a Content-Encoding");
    case 417:
      return no(ProblemCode::expectation_failed, "send the body at once, without an Expect");
    case 431:
      return no(ProblemCode::headers_too_large, "a head has at most 16 KiB and 100 headers");
    case 503: {
      ApiProblem busy(ProblemCode::too_busy, "as many requests as may run at once are running");
      busy.retry_after = std::chrono::seconds{1};
      return answer_of(busy, request_id);
    }
    default:
      return no(status >= 500 ? ProblemCode::failed : ProblemCode::invalid_request,
                "it cannot be read as a request");
  }
}

ApiAnswer Api::checked(const ApiRequest& request) {
  if (request.access == Access::none) {
    throw ApiProblem(ProblemCode::unauthenticated,
                     "send the admin token or the reader token as a bearer token");
  }
  const Found found = find(request);
  if (stopping_) {
    ApiProblem stopping(ProblemCode::unavailable, "this worker is stopping");
    stopping.retry_after = std::chrono::seconds{1};
    throw stopping;
  }
  if (found.route->method == "GET") return read(request, found);
  if (request.access != Access::admin) {
    throw ApiProblem(ProblemCode::forbidden, "only the admin token changes anything");
  }
  return change(request, found);
}

Api::Found Api::find(const ApiRequest& request) const {
  std::string allow;
  for (const auto& route : options_.routes) {
    auto parts = match(route.path, request.path);
    if (!parts) continue;
    if (route.method == request.method) return {&route, std::move(*parts)};
    allow += (allow.empty() ? "" : ", ") + route.method;
  }
  if (allow.empty()) {
    throw ApiProblem(ProblemCode::not_found,
                     "nothing is served at this path; /api/v1/openapi.json says what is");
  }
  ApiProblem problem(ProblemCode::method_not_allowed, "this path takes " + allow);
  problem.allow = allow;
  throw problem;
}

void Api::set_secret(std::string secret) {
  const std::scoped_lock lock(secret_mutex_);
  options_.secret = std::move(secret);
}

std::string Api::secret() const {
  const std::scoped_lock lock(secret_mutex_);
  return options_.secret;
}

Means Api::means_for(const ApiRequest& request) const {
  Means means = options_.means();
  const char* whose = request.access == Access::admin ? "admin token" : "reader token";
  means.who = std::string(whose) + ", request " + request.request_id;
  means.words = Words::members;
  return means;
}

ApiAnswer Api::read(const ApiRequest& request, const Found& found) {
  Arguments arguments = read_query(*found.route, request.query);
  add_parts(arguments, found.parts);
  Means means = means_for(request);
  const auto until = clock_.steady() + kReadLimit;
  means.interrupted = [this, until] { return stopping_ || clock_.steady() >= until; };
  means.views.interrupted = means.interrupted;
  return given(found.route->run(means, arguments));
}

ApiAnswer Api::change(const ApiRequest& request, const Found& found) {
  if (request.body.size() > kMaxBody) return refusal(413, request.request_id);
  if (!is_json(request.content_type)) {
    throw ApiProblem(ProblemCode::unsupported_media_type, "send Content-Type: application/json");
  }
  const std::string key = key_of(request);
  if (!request.query.empty()) {
    throw ApiProblem(ProblemCode::invalid_request, "a change is told in its body",
                     {{request.query.front().first, "is not known here"}});
  }
  Arguments arguments = read_body(*found.route, request.body);
  add_parts(arguments, found.parts);
  const std::string present = secret();
  auto claimed = must(
      answers_.claim({id_of(present, options_.scope, *found.route, key),
                      fingerprint_of(present, request), found.route->path, request.request_id}));
  switch (claimed.kind) {
    case Kind::mismatch:
      throw ApiProblem(ProblemCode::idempotency_key_reused,
                       "this key came with another path or body; nothing was done");
    case Kind::running: {
      ApiProblem running(ProblemCode::request_in_progress, "ask again for its answer");
      running.retry_after = std::chrono::seconds{1};
      throw running;
    }
    case Kind::answered: {
      ApiAnswer out;
      out.status = claimed.answer.status;
      out.body = std::move(claimed.answer.body);
      if (out.status >= 400) out.content_type = "application/problem+json";
      out.headers.emplace_back("Idempotency-Replayed", "true");
      return out;
    }
    case Kind::ours:
      break;
  }
  return run(request, found, arguments, *claimed.claim);
}

ApiAnswer Api::run(const ApiRequest& request, const Found& found, const Arguments& arguments,
                   ports::AdminClaim& claim) {
  Means means = means_for(request);
  means.interrupted = [this] { return stopping_.load(); };
  means.request = KeyedRequest{.id = claim.id(), .run = claim.run()};
  if (claim.begun()) means.request->begun = Json::parse(*claim.begun());
  ApiAnswer out;
  std::optional<ApiProblem> problem;
  try {
    out = given(found.route->run(means, arguments));
  } catch (const ApiProblem& error) {
    problem = error;
  } catch (const VerbError& error) {
    tell(found.route->verb, error, request.request_id);
    problem = problem_of(error);
  } catch (const std::exception& error) {
    tell(found.route->verb, error, request.request_id);
    problem = ApiProblem(ProblemCode::failed, kLogSays);
  }
  if (problem) out = answer_of(*problem, request.request_id);
  if (out.status == 202) out.headers.emplace_back("Retry-After", "5");
  log()->info("{} by the {}: {}{}{}", found.route->verb, means.who, out.status,
              means.request->begun ? ", taken up where an earlier run ended" : "",
              base::Fields{.request = request.request_id});
  const bool definite = is_definite(out.status);
  const auto kept = definite ? claim.answer({out.status, out.body}) : claim.fail();
  if (!kept) {
    // The change is what it is: a repeat finds what was begun, and says the same.
    log()->warn("the answer could not be kept: {}{}", kept.error().message,
                base::Fields{.request = request.request_id});
  } else if (definite) {
    out.headers.emplace_back("Idempotency-Stored", "true");
  }
  return out;
}

}  // namespace admitone::app
