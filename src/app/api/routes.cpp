// Each route takes what it was told to the operation that the verb of the same name calls.

#include <algorithm>

#include "app/api/document.hpp"
#include "app/api/problem.hpp"
#include "app/api/route.hpp"
#include "app/duration.hpp"
#include "app/operate/caches.hpp"
#include "app/operate/dead_letters.hpp"
#include "app/operate/inspect.hpp"
#include "app/operate/keys.hpp"
#include "app/operate/lanes.hpp"
#include "app/operate/redrive_call.hpp"
#include "app/operate/replay_call.hpp"
#include "app/operate/sagas.hpp"
#include "app/operate/timers.hpp"

namespace admitone::app {
namespace {

using Action = contract::SagaChange::Action;
using Kind = Member::Kind;

constexpr std::chrono::milliseconds kPatience = std::chrono::seconds{10};
constexpr std::chrono::milliseconds kMostPatience = std::chrono::seconds{30};
constexpr std::int64_t kMostRows = 10'000;

const Member kTenant{.name = "tenant", .most = 36};
const Member kLimit{.name = "limit", .kind = Kind::whole, .most = kMostRows};
const Member kReason{.name = "reason", .required = true};
const Member kPlan{.name = "plan", .kind = Kind::flag};
const Member kMostSent{.name = "limit", .kind = Kind::whole, .most = kMostOfACall};
const Member kRate{.name = "rate", .kind = Kind::whole, .most = 100'000};
const Member kTimeout{.name = "timeout", .most = 20};

template <std::size_t N>
std::vector<std::string> all_of(const char* const (&names)[N]) {
  return {std::begin(names), std::end(names)};
}

std::chrono::milliseconds patience_of(const Arguments& told) {
  if (!told.has("timeout")) return kPatience;
  const auto length = parse_duration(told.text("timeout"));
  if (length && *length <= kMostPatience) return *length;
  throw ApiProblem(ProblemCode::invalid_request, "/timeout wants a length up to 30s",
                   {{"/timeout", "wants a length up to 30s, like 5s or 500ms"}});
}

// 202: sent, and decided later; a repeat with the same key tells what came of it.
Reply reply_of(ChangeEnd end, const std::string& lane_refused) {
  switch (end.kind) {
    case ChangeEnd::Kind::planned:
    case ChangeEnd::Kind::applied:
      return {200, std::move(end.document)};
    case ChangeEnd::Kind::undecided:
      return {202, std::move(end.document)};
    case ChangeEnd::Kind::refused:
      break;
  }
  throw ApiProblem(ProblemCode::conflict, "the lane refused it at " + end.position + ": " +
                                              lane_refused + "; the worker's log says why");
}

// ---------------------------------------------------------------- reading

Reply keys(const Means& means, const Arguments& told) {
  return {200,
          to_list(list_keys(means, {told.text("tenant"), told.text("status"), told.text("type"),
                                    told.text("older_than"), told.whole("limit", 100)}))};
}

Reply sagas(const Means& means, const Arguments& told) {
  return {200, to_list(list_sagas(means, {told.flag("stuck"), told.text("tenant"),
                                          told.text("status"), told.whole("limit", 100)}))};
}

Reply one_saga(const Means& means, const Arguments& told) {
  return {200, show_saga(means, told.text("saga_id")).json()};
}

Reply dead_letters(const Means& means, const Arguments& told) {
  return {200, list_dead_letters(means, {told.text("reason"), told.whole("limit", 1000)}).json()};
}

Reply one_dead_letter(const Means& means, const Arguments& told) {
  const auto position =
      told.text("topic") + "/" + told.text("partition") + "/" + told.text("offset");
  return {200, show_dead_letter(means, position).json()};
}

Reply lanes(const Means& means, const Arguments& /*told*/) {
  return {200, list_lanes(means).json()};
}

Reply story(const Means& means, const Arguments& told) {
  return {200, inspect(means, told.text("id")).json()};
}

Reply timers(const Means& means, const Arguments& told) {
  return {200, list_timers(means, told.whole("limit", 20)).json()};
}

Reply document(const Means& /*means*/, const Arguments& /*told*/) {
  return {200, Json::parse(openapi_document())};
}

// ---------------------------------------------------------------- changing

Reply release(const Means& means, const Arguments& told) {
  KeyReleaseAsked asked;
  asked.key = told.text("key");
  asked.tenant = told.text("tenant");
  asked.type = told.text("type");
  asked.actor = told.text("actor");
  asked.reason = told.text("reason");
  asked.plan = told.flag("plan");
  asked.patience = patience_of(told);
  return reply_of(release_key(means, asked), kReleaseRefused);
}

Reply saga_changed(const Means& means, const Arguments& told, Action action) {
  SagaChangeAsked asked;
  asked.saga = told.text("saga_id");
  asked.action = action;
  asked.result = told.text("result");
  asked.reason = told.text("reason");
  asked.plan = told.flag("plan");
  asked.patience = patience_of(told);
  return reply_of(change_saga(means, asked), kSagaRefused);
}

Reply retry(const Means& means, const Arguments& told) {
  return saga_changed(means, told, Action::retry);
}

Reply compensate(const Means& means, const Arguments& told) {
  return saga_changed(means, told, Action::compensate);
}

Reply resolve(const Means& means, const Arguments& told) {
  return saga_changed(
      means, told, told.text("as") == "done" ? Action::resolve_as_done : Action::resolve_as_undone);
}

Reply run_due(const Means& means, const Arguments& told) {
  const auto ran =
      run_timers(means, {told.flag("execute"), told.text("reason"), patience_of(told)});
  return {!told.flag("execute") || ran.is_all() ? 200 : 202, ran.json()};
}

Reply flush(const Means& means, const Arguments& told) {
  return {200, flush_cache(means, {told.text("tenant"), told.text("reason")})};
}

Reply redrive(const Means& means, const Arguments& told) {
  RedriveCallAsked asked;
  asked.selection.positions = told.texts("positions");
  asked.selection.reason = told.text("reason_code");
  asked.selection.tenant = told.text("tenant");
  asked.limit = told.whole("limit", kMostOfACall);
  asked.rate = told.whole("rate", asked.rate);
  asked.reason = told.text("reason");
  asked.plan = told.flag("plan");
  auto ended = redrive_by_call(means, asked);
  return {ended.is_whole ? 200 : 202, std::move(ended.document)};
}

Reply replay(const Means& means, const Arguments& told) {
  const auto offset = [&told](const char* name) {
    return told.has(name) ? std::optional(told.whole(name, 0)) : std::nullopt;
  };
  ReplayCallAsked asked;
  asked.mode = told.text("mode") == "re-emit" ? ReplayMode::reemit : ReplayMode::dedupe;
  asked.range.topic = told.text("topic");
  if (const auto partition = offset("partition"))
    asked.range.partition = static_cast<std::int32_t>(*partition);
  asked.range.from = offset("from");
  asked.range.to = offset("to");
  asked.range.since = told.text("since");
  asked.range.until = told.text("until");
  asked.next = told.text("next");
  asked.limit = told.whole("limit", kMostOfACall);
  asked.rate = told.whole("rate", asked.rate);
  asked.reason = told.text("reason");
  asked.plan = told.flag("plan");
  auto ended = replay_by_call(means, asked);
  return {ended.is_whole ? 200 : 202, std::move(ended.document)};
}

// What to redrive, and how.
std::vector<Member> redrive_members() {
  return {{.name = "positions", .kind = Kind::texts, .most = 100},
          {.name = "reason_code", .most = 200},
          kTenant,
          kMostSent,
          kRate,
          kReason,
          kPlan};
}

// Offsets are told as whole numbers, which programs keep exactly up to this one.
std::vector<Member> replay_members() {
  constexpr std::int64_t kMostOffset = 9'007'199'254'740'991;
  const Member from{.name = "from", .kind = Kind::whole, .most = kMostOffset, .least = 0};
  Member to = from;
  to.name = "to";
  return {{.name = "mode", .required = true, .one_of = {"dedupe", "re-emit"}},
          {.name = "topic", .most = 249},
          {.name = "partition", .kind = Kind::whole, .most = 1'000'000, .least = 0},
          from,
          to,
          {.name = "since", .most = 40},
          {.name = "until", .most = 40},
          {.name = "next", .most = Next::kMost},
          kMostSent,
          kRate,
          kReason,
          kPlan};
}

Member needed(Member member) {
  member.required = true;
  return member;
}

}  // namespace

std::vector<Route> all_routes() {
  const Member key_status{.name = "status", .one_of = all_of(kKeyStatuses)};
  const Member saga_status{.name = "status", .one_of = all_of(kSagaStatuses)};
  const Member type{.name = "type"};
  const Member as{.name = "as", .required = true, .one_of = {"done", "undone"}};
  const std::string saga = "/api/v1/sagas/{saga_id}";
  return {
      {"GET", "/api/v1/openapi.json", "", {}, document},
      {"GET",
       "/api/v1/keys",
       "keys list",
       {kTenant, key_status, type, {.name = "older_than", .most = 20}, kLimit},
       keys},
      {"POST",
       "/api/v1/keys/release",
       "keys release",
       {needed({.name = "key"}), kTenant, type, {.name = "actor"}, kReason, kPlan, kTimeout},
       release},
      {"GET",
       "/api/v1/sagas",
       "sagas list",
       {{.name = "stuck", .kind = Kind::flag}, kTenant, saga_status, kLimit},
       sagas},
      {"GET", saga, "sagas show", {}, one_saga},
      {"POST", saga + "/retry", "sagas retry", {kReason, kPlan, kTimeout}, retry},
      {"POST", saga + "/compensate", "sagas compensate", {kReason, kPlan, kTimeout}, compensate},
      {"POST",
       saga + "/resolve",
       "sagas resolve",
       {as, {.name = "result"}, kReason, kPlan, kTimeout},
       resolve},
      {"GET",
       "/api/v1/dead-letters",
       "dead-letters list",
       {{.name = "reason"}, kLimit},
       dead_letters},
      {"GET",
       "/api/v1/dead-letters/{topic}/{partition}/{offset}",
       "dead-letters show",
       {},
       one_dead_letter},
      {"POST", "/api/v1/dead-letters/redrive", "dead-letters redrive", redrive_members(), redrive},
      {"POST", "/api/v1/replay", "replay", replay_members(), replay},
      {"GET", "/api/v1/lanes", "lanes", {}, lanes},
      {"GET", "/api/v1/inspect", "inspect", {needed({.name = "id"})}, story},
      {"GET", "/api/v1/timers", "timers list", {kLimit}, timers},
      {"POST",
       "/api/v1/timers/run",
       "timers run",
       {{.name = "execute", .kind = Kind::flag}, kReason, kTimeout},
       run_due},
      {"POST", "/api/v1/cache/flush", "cache flush", {needed(kTenant), kReason}, flush},
  };
}

}  // namespace admitone::app
