#include "venue/answers.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <variant>

#include "contract/fields.hpp"
#include "contract/json.hpp"
#include "resilience/retry_after.hpp"
#include "venue/requests.hpp"

namespace admitone::venue {
namespace {

using contract::Errors;
using contract::Fields;
using contract::JsonDocument;
using contract::Presence;
using domain::Code;
using ports::Answer;
using ports::VenueFacts;
using ports::VenueHold;

constexpr contract::JsonLimits kLimits{
    .max_depth = 16, .max_elements = 5'000, .max_string_bytes = 16 * 1024};
constexpr std::size_t kMaxHolds = 200;  // of one event at one venue
constexpr std::chrono::minutes kLongestPause{5};

constexpr std::array<std::string_view, 9> kOurs{"venueId",  "tenantId", "status",
                                                "capacity", "holds",    "holdId",
                                                "eventId",  "startsAt", "endsAt"};

// A name in capitals, as services give to their errors: nothing else of a refusal's body is fit for
// a log.
bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_hold_id(std::string_view text) {
  return is_segment(text) &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F'; });
}

constexpr contract::TextRule kHoldId{128, is_hold_id, "must be 1 to 128 visible characters"};
constexpr contract::TextRule kAnyText{256};

// Is something noted about a member of ours? Fractions and the like elsewhere are the service's
// business.
bool is_spoiled(const Errors& notes) {
  return notes.full() || std::ranges::any_of(notes.list(), [](const auto& note) {
           const auto slash = note.pointer.rfind('/');
           return slash == std::string::npos ||
                  std::ranges::find(kOurs, note.pointer.substr(slash + 1)) != kOurs.end();
         });
}

std::optional<JsonDocument> parse(std::string_view body) {
  auto parsed = contract::parse_json(body, kLimits);
  auto* const document = std::get_if<JsonDocument>(&parsed);
  if (document == nullptr || is_spoiled(document->errors())) return std::nullopt;
  return std::move(*document);
}

std::string code_in(std::string_view body) {
  const auto document = parse(body);
  if (!document) return {};
  const auto root = document->root();
  auto code = root.find("code");
  if (!code) {
    if (const auto error = root.find("error")) code = error->find("code");
  }
  const bool good = code && code->kind() == contract::JsonKind::string && is_code(code->text());
  return good ? ' ' + std::string(code->text()) : std::string{};
}

// `what`: of an answer that is no definite one.
template <class T>
Answer<T> indefinite(Call call, std::string what, std::optional<std::chrono::milliseconds> after) {
  auto why = "venue." + std::string(name_of(call)) + ": " + std::move(what);
  return changes(call) ? Answer<T>::unknown(std::move(why), after)
                       : Answer<T>::retry(std::move(why), after);
}

template <class T>
Answer<T> nonsense(Call call, const http::Response& response) {
  return indefinite<T>(
      call, "status " + std::to_string(response.status) + " with a body that is not the answer",
      {});
}

std::optional<Code> refusal_of(int status) {
  switch (status) {
    case 401:
    case 408:
    case 425:
    case 429:
      return std::nullopt;
    case 403:
      return Code::venue_forbidden;
    case 404:
    case 410:
      return Code::venue_not_found;
    default:
      return status >= 400 && status < 500 ? std::optional(Code::venue_refused) : std::nullopt;
  }
}

// Of a status that is not the call's success.
template <class T>
Answer<T> by_status(Call call, const http::Response& response, base::Timestamp now) {
  const auto status = response.status;
  auto what = "status " + std::to_string(status);
  if (const auto code = refusal_of(status))
    return Answer<T>::refused(
        *code, "venue." + std::string(name_of(call)) + ": " + what + code_in(response.body));
  const auto after = resilience::retry_after(response.header("Retry-After"), now, kLongestPause);
  if (status >= 400 && status < 500)
    return Answer<T>::retry("venue." + std::string(name_of(call)) + ": " + what, after);
  return indefinite<T>(call, std::move(what), after);
}

// Of an answer's member `pointer`.
std::optional<VenueHold> hold_in(contract::JsonValue value, const std::string& pointer) {
  Errors errors;
  Fields fields(value, pointer, errors);
  const auto id = fields.text("holdId", Presence::required, kHoldId);
  const auto event = fields.uuid("eventId", Presence::required);
  const auto starts_at = fields.time("startsAt", Presence::required);
  const auto ends_at = fields.time("endsAt", Presence::required);
  if (!errors.empty()) return std::nullopt;
  return VenueHold{*id, base::EventId{*event}, *starts_at, *ends_at};
}

std::optional<std::vector<VenueHold>> holds_in(const JsonDocument& document,
                                               const base::EventId& event) {
  Errors errors;
  Fields fields(document.root(), "", errors);
  const auto list = fields.array("holds", Presence::required, 0, kMaxHolds);
  if (!list || !errors.empty()) return std::nullopt;
  std::vector<VenueHold> out;
  std::set<std::string> ids;
  for (const auto child : list->children()) {
    auto hold = hold_in(child, "/holds");
    if (!hold || hold->event != event || !ids.insert(hold->hold_id).second) return std::nullopt;
    out.push_back(std::move(*hold));
  }
  return out;
}

}  // namespace

Answer<VenueFacts> read_venue(const http::Response& response, const base::TenantId& tenant,
                              const std::string& venue_id, base::Timestamp now) {
  if (response.status != 200) return by_status<VenueFacts>(Call::find, response, now);
  const auto document = parse(response.body);
  if (!document) return nonsense<VenueFacts>(Call::find, response);
  Errors errors;
  Fields fields(document->root(), "", errors);
  const auto id = fields.text("venueId", Presence::required, kAnyText);
  const auto owner = fields.uuid("tenantId", Presence::required);
  const auto status = fields.text("status", Presence::required, kAnyText);
  const auto capacity = fields.integer("capacity", Presence::required, 0, contract::kMaxInteger);
  if (!errors.empty() || *id != venue_id) return nonsense<VenueFacts>(Call::find, response);
  if (*owner != tenant.value)
    return Answer<VenueFacts>::refused(Code::venue_forbidden,
                                       "venue.find: the venue is another tenant's");
  return Answer<VenueFacts>::done({venue_id, tenant, *status == "active", *capacity, false});
}

Answer<VenueHold> read_hold(const http::Response& response, const ports::VenueHoldRequest& request,
                            base::Timestamp now) {
  if (response.status != 200 && response.status != 201)
    return by_status<VenueHold>(Call::hold, response, now);
  const auto document = parse(response.body);
  auto hold = document ? hold_in(document->root(), "") : std::nullopt;
  const bool asked_for = hold && hold->event == request.event &&
                         hold->starts_at == request.starts_at && hold->ends_at == request.ends_at;
  if (!asked_for) return nonsense<VenueHold>(Call::hold, response);
  return Answer<VenueHold>::done(std::move(*hold));
}

Answer<std::vector<VenueHold>> read_holds(const http::Response& response,
                                          const base::EventId& event, base::Timestamp now) {
  using Holds = std::vector<VenueHold>;
  if (response.status != 200) return by_status<Holds>(Call::holds, response, now);
  const auto document = parse(response.body);
  auto holds = document ? holds_in(*document, event) : std::nullopt;
  if (!holds) return nonsense<Holds>(Call::holds, response);
  return Answer<Holds>::done(std::move(*holds));
}

Answer<bool> read_release(const http::Response& response, base::Timestamp now) {
  switch (response.status) {
    case 200:
    case 204:
      return Answer<bool>::done(true);
    case 404:
    case 410:
      return Answer<bool>::done(false);
    default:
      return by_status<bool>(Call::release, response, now);
  }
}

}  // namespace admitone::venue
