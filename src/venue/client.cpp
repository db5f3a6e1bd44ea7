#include "venue/client.hpp"

#include <functional>
#include <mutex>
#include <utility>
#include <variant>

#include "http/rules.hpp"
#include "resilience/deadline.hpp"
#include "venue/answers.hpp"
#include "venue/call_log.hpp"
#include "venue/requests.hpp"

namespace admitone::venue {
namespace {

using base::Instant;
using domain::Code;
using ports::Answer;
using ports::Answered;
using ports::AnswerKind;
using ports::CallTerms;
using ports::VenueFacts;
using ports::VenueHold;
using resilience::Breaker;
using resilience::CallEnd;
using std::chrono::milliseconds;

template <class T>
using Read = std::function<Answer<T>(const http::Response&)>;

CallResult result_of(AnswerKind kind) {
  switch (kind) {
    case AnswerKind::done:
      return CallResult::done;
    case AnswerKind::refused:
      return CallResult::refused;
    case AnswerKind::retry:
      return CallResult::retry;
    case AnswerKind::unknown:
      break;
  }
  return CallResult::unknown;
}

// `definite`: the answer was a done or a refusal.
CallEnd end_of(const http::Ending& result, bool definite) {
  if (!result) {
    // Closing, against a rule, or without a free connection.
    const bool ours =
        result.error().kind != base::ErrorKind::retry_call || result.nobody_was_asked();
    return ours ? CallEnd::neither : CallEnd::failure;
  }
  if (result->status < 400 && !definite) return CallEnd::failure;
  return resilience::judge_status(result->status);
}

std::string value_of(const http::Request& request, std::string_view name) {
  for (const auto& header : request.headers)
    if (http::same_name(header.name, name)) return header.value;
  return {};
}

}  // namespace

struct Client::Core : std::enable_shared_from_this<Client::Core> {
  Core(Settings s, std::optional<Tokens> t, http::Client& h, http::Post p, const ports::Clock& c,
       ports::SharedVenues* v)
      : settings(std::move(s)),
        http(h),
        post(std::move(p)),
        clock(c),
        shared(v),
        tokens(std::move(t)),
        breaker(settings.breaker),
        cache(settings.cache) {}

  // Why a call is not made, and when to come back.
  struct HeldBack {
    std::string why;
    bool by_breaker = false;
    std::optional<milliseconds> after = {};
  };
  struct Start {
    Breaker::Pass pass;
    Instant at;
    Instant deadline;
  };
  std::variant<Start, HeldBack> begin(Instant deadline);

  // Begins, sends, answers. `read` is called on the loop's thread.
  template <class T>
  void make(Call call, http::Request request, const CallTerms& terms, Read<T> read,
            Answered<T> answered);
  template <class T>
  void send(Call call, const Start& start, const ports::CallContext& context, http::Request request,
            Read<T> read, Answered<T> answered);
  template <class T>
  void finish(const About& about, const Start& start, const http::Ending& result,
              const Read<T>& read, const Answered<T>& answered);
  // An answer that needs no call, on the loop's thread.
  template <class T>
  void answer_without(Call call, CallResult how, Answered<T> answered, Answer<T> answer);

  void note_end(Call call, const Start& start, const http::Ending& result, AnswerKind kind);
  // What an answer to `find` says about the cached one.
  void learn(const base::TenantId& tenant, const std::string& venue_id,
             const Answer<VenueFacts>& answer);
  std::optional<VenueFacts> cached(const base::TenantId& tenant, const std::string& venue_id);
  // Instead of a call that the breaker holds back: from the cache, or from that of all workers.
  void find_cached(const base::TenantId& tenant, const std::string& venue_id, const HeldBack& held,
                   Answered<VenueFacts> answered);
  void answer_cached(std::optional<VenueFacts> facts, const HeldBack& held,
                     Answered<VenueFacts> answered);
  void count(Call call, CallResult how) {
    ++state.calls[static_cast<std::size_t>(call)][static_cast<std::size_t>(how)];
  }

  const Settings settings;
  http::Client& http;
  const http::Post post;
  const ports::Clock& clock;
  ports::SharedVenues* const shared;

  mutable std::mutex mutex;
  std::optional<Tokens> tokens;
  Breaker breaker;
  Cache cache;
  State state;
};

std::variant<Client::Core::Start, Client::Core::HeldBack> Client::Core::begin(Instant deadline) {
  const auto now = clock.steady();
  // Twice: it may wait for a connection, but not until the breaker has changed its mind.
  const auto due =
      resilience::call_deadline(now, deadline, 2 * settings.call_limit, settings.least_time);
  if (!due) return HeldBack{.why = "too little time is left to ask the venue service"};
  const std::scoped_lock lock(mutex);
  if (const auto pass = breaker.admit(now)) return Start{*pass, now, *due};
  HeldBack held{.why = "the venue service has failed lately and is left alone for a while",
                .by_breaker = true};
  const auto wait = std::chrono::ceil<milliseconds>(breaker.wait(now));
  if (wait.count() > 0) held.after = wait;
  return held;
}

template <class T>
void Client::Core::make(Call call, http::Request request, const CallTerms& terms, Read<T> read,
                        Answered<T> answered) {
  const auto begun = begin(terms.deadline);
  if (const auto* held = std::get_if<HeldBack>(&begun))
    return answer_without<T>(call, CallResult::held_back, std::move(answered),
                             Answer<T>::retry(held->why, held->after));
  send<T>(call, std::get<Start>(begun), terms.context, std::move(request), std::move(read),
          std::move(answered));
}

template <class T>
void Client::Core::send(Call call, const Start& start, const ports::CallContext& context,
                        http::Request request, Read<T> read, Answered<T> answered) {
  const About about{call, value_of(request, "X-Tenant-ID"), value_of(request, "Idempotency-Key"),
                    context};
  if (!context.traceparent.empty()) {
    request.headers.push_back({"traceparent", context.traceparent});
    if (!context.tracestate.empty()) request.headers.push_back({"tracestate", context.tracestate});
  }
  request.deadline = start.deadline;
  request.limit = settings.call_limit;
  request.max_answer_bytes = settings.max_answer_bytes;
  if (tokens) {
    const std::scoped_lock lock(mutex);
    request.headers.push_back({"Authorization", "Bearer " + tokens->current(clock.now())});
  }
  http.send(std::move(request), [self = shared_from_this(), about, start, read = std::move(read),
                                 answered = std::move(answered)](const http::Ending& result) {
    self->finish<T>(about, start, result, read, answered);
  });
}

template <class T>
void Client::Core::finish(const About& about, const Start& start, const http::Ending& result,
                          const Read<T>& read, const Answered<T>& answered) {
  auto answer = result ? read(*result) : not_answered<T>(about.call, result.error());
  note_end(about.call, start, result, answer.kind);
  log_span(about, result, result_of(answer.kind),
           std::chrono::duration_cast<base::Duration>(clock.steady() - start.at));
  if (answer.kind == AnswerKind::retry || answer.kind == AnswerKind::unknown)
    log_failure(about, result, answer.why);
  answered(std::move(answer));
}

template <class T>
void Client::Core::answer_without(Call call, CallResult how, Answered<T> answered,
                                  Answer<T> answer) {
  {
    const std::scoped_lock lock(mutex);
    count(call, how);
  }
  post([answered = std::move(answered), answer = std::move(answer)] { answered(answer); });
}

void Client::Core::note_end(Call call, const Start& start, const http::Ending& result,
                            AnswerKind kind) {
  const bool definite = kind == AnswerKind::done || kind == AnswerKind::refused;
  const auto now = clock.steady();
  const std::scoped_lock lock(mutex);
  breaker.end(start.pass, end_of(result, definite), now);
  count(call, result_of(kind));
  state.spent[static_cast<std::size_t>(call)] +=
      std::chrono::duration_cast<base::Duration>(now - start.at);
  constexpr int kUnauthorized = 401;
  if (!result || result->status != kUnauthorized) return;
  ++state.unauthorized;
  if (tokens) tokens->forget();
}

void Client::Core::learn(const base::TenantId& tenant, const std::string& venue_id,
                         const Answer<VenueFacts>& answer) {
  if (answer.kind != AnswerKind::done && answer.kind != AnswerKind::refused) return;
  const bool active = answer.kind == AnswerKind::done && answer.value->active;
  {
    const std::scoped_lock lock(mutex);
    if (active) {
      cache.put(*answer.value, clock.steady());
    } else {
      cache.evict(tenant, venue_id);
    }
  }
  if (shared == nullptr) return;
  if (active) {
    shared->keep(*answer.value);
  } else {
    shared->forget(tenant, venue_id);
  }
}

std::optional<VenueFacts> Client::Core::cached(const base::TenantId& tenant,
                                               const std::string& venue_id) {
  const std::scoped_lock lock(mutex);
  return cache.find(tenant, venue_id, clock.steady());
}

void Client::Core::find_cached(const base::TenantId& tenant, const std::string& venue_id,
                               const HeldBack& held, Answered<VenueFacts> answered) {
  auto own = cached(tenant, venue_id);
  if (own || shared == nullptr) return answer_cached(std::move(own), held, std::move(answered));
  shared->find(tenant, venue_id,
               [self = shared_from_this(), held,
                answered = std::move(answered)](std::optional<VenueFacts> facts) {
                 self->answer_cached(std::move(facts), held, answered);
               });
}

void Client::Core::answer_cached(std::optional<VenueFacts> facts, const HeldBack& held,
                                 Answered<VenueFacts> answered) {
  {
    const std::scoped_lock lock(mutex);
    ++(facts ? state.cache_hits : state.cache_misses);
  }
  answer_without(
      Call::find, facts ? CallResult::from_cache : CallResult::held_back, std::move(answered),
      facts ? Answer<VenueFacts>::done(*facts) : Answer<VenueFacts>::retry(held.why, held.after));
}

namespace {

// "." and the like would be another path. The contract allows no such id.
template <class T>
Answer<T> no_such_venue() {
  return Answer<T>::refused(Code::venue_not_found, "no venue can have that id");
}

base::Result<std::string> base_url(const Settings& settings) {
  const auto schemes =
      settings.allow_insecure ? http::Schemes::https_and_http : http::Schemes::https_only;
  if (const auto origin = http::origin_of(settings.url, schemes); !origin)
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "the venue service cannot be used: " + origin.error().message};
  if (settings.url.find('?') != std::string::npos)
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "the venue service's URL has a query; only its path may follow the host"};
  return settings.url.substr(0, settings.url.find_last_not_of('/') + 1);
}

}  // namespace

base::Result<std::unique_ptr<Client>> Client::create(Settings settings, http::Client& http,
                                                     http::Post post, const ports::Clock& clock,
                                                     ports::SharedVenues* shared) {
  auto url = base_url(settings);
  if (!url) return url.error();
  settings.url = std::move(*url);
  std::optional<Tokens> tokens;
  if (settings.token) {
    auto made = Tokens::create(std::move(*settings.token));
    if (!made) return made.error();
    tokens = std::move(*made);
    settings.token.reset();
  }
  return std::unique_ptr<Client>(new Client(std::make_shared<Core>(
      std::move(settings), std::move(tokens), http, std::move(post), clock, shared)));
}

Client::Client(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Client::~Client() = default;

void Client::find(const base::TenantId& tenant, const std::string& venue_id, const CallTerms& terms,
                  Answered<VenueFacts> answered) {
  if (!is_segment(venue_id))
    return core_->answer_without(Call::find, CallResult::refused, std::move(answered),
                                 no_such_venue<VenueFacts>());
  const auto begun = core_->begin(terms.deadline);
  if (const auto* held = std::get_if<Core::HeldBack>(&begun)) {
    if (held->by_breaker) return core_->find_cached(tenant, venue_id, *held, std::move(answered));
    return core_->answer_without(Call::find, CallResult::held_back, std::move(answered),
                                 Answer<VenueFacts>::retry(held->why, held->after));
  }
  core_->send<VenueFacts>(
      Call::find, std::get<Core::Start>(begun), terms.context,
      find_request(core_->settings.url, tenant, venue_id),
      [core = core_, tenant, venue_id](const http::Response& response) {
        auto answer = read_venue(response, tenant, venue_id, core->clock.now());
        core->learn(tenant, venue_id, answer);
        return answer;
      },
      std::move(answered));
}

void Client::hold(const ports::VenueHoldRequest& request, const CallTerms& terms,
                  Answered<VenueHold> answered) {
  if (!is_segment(request.venue_id))
    return core_->answer_without(Call::hold, CallResult::refused, std::move(answered),
                                 no_such_venue<VenueHold>());
  core_->make<VenueHold>(
      Call::hold, hold_request(core_->settings.url, request), terms,
      [core = core_, request](const http::Response& response) {
        return read_hold(response, request, core->clock.now());
      },
      std::move(answered));
}

void Client::holds(const base::TenantId& tenant, const std::string& venue_id,
                   const base::EventId& event, const CallTerms& terms,
                   Answered<std::vector<VenueHold>> answered) {
  if (!is_segment(venue_id))
    return core_->answer_without(Call::holds, CallResult::refused, std::move(answered),
                                 no_such_venue<std::vector<VenueHold>>());
  core_->make<std::vector<VenueHold>>(
      Call::holds, holds_request(core_->settings.url, tenant, venue_id, event), terms,
      [core = core_, event](const http::Response& response) {
        return read_holds(response, event, core->clock.now());
      },
      std::move(answered));
}

void Client::release(const base::TenantId& tenant, const std::string& venue_id,
                     const std::string& hold_id, const std::string& request_key,
                     const CallTerms& terms, Answered<bool> answered) {
  if (!is_segment(venue_id) || !is_segment(hold_id))
    return core_->answer_without(
        Call::release, CallResult::refused, std::move(answered),
        Answer<bool>::refused(Code::venue_refused, "no hold can have that id"));
  core_->make<bool>(
      Call::release, release_request(core_->settings.url, tenant, venue_id, hold_id, request_key),
      terms,
      [core = core_](const http::Response& response) {
        return read_release(response, core->clock.now());
      },
      std::move(answered));
}

State Client::state() const {
  const std::scoped_lock lock(core_->mutex);
  auto out = core_->state;
  out.breaker = core_->breaker.state(core_->clock.steady());
  out.transitions = core_->breaker.transitions();
  out.cache_entries = core_->cache.size();
  return out;
}

}  // namespace admitone::venue
