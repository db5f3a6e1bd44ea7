#include "simulate/control.hpp"

#include <algorithm>
#include <utility>

namespace admitone::simulate {
namespace {

Answer instead(const Action& action, int usual_status, const std::string& code) {
  const int status = action.status == 0 ? usual_status : action.status;
  Answer out = error_answer(status, code, "a fault of the script");
  if (action.body) {
    out.body = action.body->is_string() ? action.body->get<std::string>() : text_of(*action.body);
  }
  if (action.retry_after)
    out.headers.emplace_back("Retry-After", std::to_string(*action.retry_after));
  return out;
}

Answer without_answer(std::chrono::milliseconds time) {
  Answer out;
  out.wait = time;
  out.lost = true;
  return out;
}

Answer put_faults(const Request& request, World world, Faults& faults) {
  auto parsed = parse_script(request.body, world);
  if (const auto* error = std::get_if<ScriptError>(&parsed)) {
    return json_answer(
        400,
        {{"error",
          {{"code", "INVALID_SCRIPT"}, {"pointer", error->pointer}, {"message", error->message}}}});
  }
  faults.set(std::move(std::get<Script>(parsed)));
  return json_answer(200, faults.report());
}

}  // namespace

Answer json_answer(int status, const Json& body) {
  Answer out;
  out.status = status;
  out.body = text_of(body);
  return out;
}

Answer error_answer(int status, const std::string& code, const std::string& message) {
  return json_answer(status, {{"error", {{"code", code}, {"message", message}}}});
}

std::optional<Answer> control(const Request& request, World world, Faults& faults,
                              const Json& health) {
  if (request.path == "/control/health" && request.method == "GET") return json_answer(200, health);
  if (request.path != "/control/faults") return std::nullopt;
  if (request.method == "PUT") return put_faults(request, world, faults);
  if (request.method == "DELETE") {
    faults.set({});
    Answer gone;
    gone.status = 204;
    return gone;
  }
  if (request.method == "GET") return json_answer(200, faults.report());
  return error_answer(405, "METHOD_NOT_ALLOWED", "GET, PUT or DELETE");
}

void delay(Answer& answer, std::chrono::milliseconds latency, base::Duration spent) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(latency - spent);
  answer.wait += std::max(left, std::chrono::milliseconds{0});
}

Answer spoil(const Action& action, std::function<Answer()> apply) {
  switch (action.kind) {
    case FaultKind::refuse:
      return instead(action, 422, "REFUSED");
    case FaultKind::status:
      return instead(action, 503, "UNAVAILABLE");
    case FaultKind::hang:
      return without_answer(action.time);
    case FaultKind::apply_then_lose:
      apply();
      return without_answer(action.time);
    case FaultKind::delay_then_apply: {
      Answer out = without_answer({});
      out.later = std::move(apply);
      out.later_in = action.time;
      return out;
    }
    default:
      break;
  }
  Answer out = apply();
  if (action.kind == FaultKind::drip) {
    out.drip_bytes = static_cast<std::size_t>(action.bytes);
    out.drip_pause = action.time;
  } else if (action.kind == FaultKind::wrong_type) {
    out.type = action.type.empty() ? "text/html" : action.type;
  } else if (action.kind == FaultKind::wrong_body) {
    out.body = !action.body               ? out.body.substr(0, out.body.size() / 2)
               : action.body->is_string() ? action.body->get<std::string>()
                                          : text_of(*action.body);
  }
  return out;
}

}  // namespace admitone::simulate
