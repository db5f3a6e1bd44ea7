#include "simulate/venue_service.hpp"

#include <utility>

#include "simulate/control.hpp"
#include "simulate/token.hpp"

namespace admitone::simulate {
namespace {

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> out;
  std::size_t at = 1;
  while (at <= path.size()) {
    const auto end = std::min(path.find('/', at), path.size());
    out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string query_of(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string{} : found->second;
}

}  // namespace

VenueService::VenueService(const Options& options, const ports::Clock& clock)
    : clock_(clock), secret_(options.secret), latency_(options.latency), book_(options.any) {
  for (const VenueRow& venue : options.venues) book_.add(venue);
  faults_.set(options.faults);
}

base::Result<std::unique_ptr<VenueService>> VenueService::open(const Options& options,
                                                               const ports::Clock& clock) {
  auto opened = Journal::open(options.state, options.keep);
  if (!opened) return opened.error();
  std::unique_ptr<VenueService> service(new VenueService(options, clock));
  for (const Json& entry : opened->entries) service->book_.replay(entry);
  service->journal_ = std::move(opened->journal);
  return service;
}

VenueService::Ask VenueService::ask_of(const Request& request) {
  const auto path = segments(request.path);
  if (path.size() < 4 || path[0] != "api" || path[1] != "v1" || path[2] != "venues") return {};
  const std::string& method = request.method;
  if (path.size() == 4 && method == "GET") return {"venue.find", path[3], {}, {}};
  if (path.size() < 5 || path[4] != "holds") return {};
  if (path.size() == 5 && method == "POST") {
    return {"venue.hold", path[3], {}, Json::parse(request.body, nullptr, false)};
  }
  if (path.size() == 5 && method == "GET") return {"venue.holds", path[3], {}, {}};
  if (path.size() == 6 && method == "DELETE") return {"venue.release", path[3], path[5], {}};
  return {};
}

Call VenueService::call_of(const Ask& ask, const Request& request) const {
  Call call{ask.operation, {request.idempotency_key}, {}, request.tenant, 0};
  if (ask.operation == "venue.hold") {
    call.events = {text_at(ask.body, "eventId")};
  } else if (ask.operation == "venue.holds") {
    call.events = {query_of(request, "eventId")};
  } else if (ask.operation == "venue.release") {
    const std::lock_guard lock(mutex_);
    call.events = {book_.event_of(ask.hold)};
  }
  return call;
}

Answer VenueService::handle(const Request& request) {
  const Json health{{"status", "ok"}, {"world", "venue"}};
  if (auto answer = control(request, World::venue, faults_, health)) return std::move(*answer);
  if (request.path == "/control/records") {
    const Json all = records();
    if (const auto kept = journal_->sync(); !kept) {
      return error_answer(500, "JOURNAL", kept.error().message);
    }
    return json_answer(200, all);
  }
  const base::Instant began = clock_.steady();
  Answer answer = api(request);
  delay(answer, latency_, std::chrono::floor<base::Duration>(clock_.steady() - began));
  return answer;
}

Json VenueService::records() {
  const std::lock_guard lock(mutex_);
  return book_.records();
}

Answer VenueService::api(const Request& request) {
  const Ask ask = ask_of(request);
  if (ask.operation.empty()) return error_answer(404, "NOT_FOUND", "there is nothing here");
  if (!secret_.empty()) {
    const auto fault = token_fault(request.authorization, secret_, clock_.now());
    if (!fault.empty()) return error_answer(401, "UNAUTHENTICATED", fault);
  }
  const auto fault = faults_.next(call_of(ask, request));
  if (!fault) return apply(ask, request);
  return spoil(*fault, [this, ask, request] { return apply(ask, request); });
}

VenueReply VenueService::decide(const Ask& ask, const Request& request) {
  const std::lock_guard lock(mutex_);
  VenueReply reply;
  if (ask.operation == "venue.find") {
    reply = book_.find(request.tenant, ask.venue);
  } else if (ask.operation == "venue.hold") {
    reply = book_.hold(request.tenant, ask.venue, request.idempotency_key, ask.body, clock_.now());
  } else if (ask.operation == "venue.holds") {
    reply = book_.holds(request.tenant, ask.venue, query_of(request, "eventId"));
  } else {
    reply =
        book_.release(request.tenant, ask.venue, ask.hold, request.idempotency_key, clock_.now());
  }
  for (const Json& entry : reply.entries) journal_->append(entry);
  return reply;
}

Answer VenueService::apply(const Ask& ask, const Request& request) {
  const VenueReply reply = decide(ask, request);
  // Also when nothing was added: what others added may be in this answer.
  if (const auto kept = journal_->sync(); !kept) {
    return error_answer(500, "JOURNAL", kept.error().message);
  }
  Answer answer;
  answer.status = reply.status;
  if (!reply.body.is_null()) answer.body = text_of(reply.body);
  if (reply.replayed) answer.headers.emplace_back("Idempotent-Replayed", "true");
  return answer;
}

}  // namespace admitone::simulate
