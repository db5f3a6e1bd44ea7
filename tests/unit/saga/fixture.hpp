#pragma once
// A saga to plan with, and services that answer when the test says so.

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "saga/replies.hpp"
#include "saga/runner.hpp"
#include "saga/start.hpp"

namespace admitone::saga {

using namespace std::chrono_literals;

inline base::Timestamp at(base::Duration since) {
  return base::from_unix_millis(1'800'000'000'000) + since;
}
inline Now now_at(base::Duration since) {
  return {at(since), base::Instant(at(since).time_since_epoch())};
}

inline Saga make_saga(Kind kind = Kind::event_create, int number = 1, int tenant = 1,
                      Switches switches = {true, true}) {
  domain::Event event;
  event.id.value.bytes[15] = static_cast<std::uint8_t>(number);
  event.id.value.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  event.tenant.value.bytes[0] = static_cast<std::uint8_t>(tenant);
  event.venue_id = "venue";
  event.starts_at = at(24h);
  event.ends_at = at(27h);
  event.sections.push_back({.section_id = "A", .name = "A", .capacity = 100, .currency = "EUR"});
  Beginning beginning{kind, {1, 0}, "commands/0/" + std::to_string(number), at(0s), {}, true};
  if (kind != Kind::event_create) beginning.old_hold = "old";
  return begin(event, beginning, input_of(event, beginning, {}), switches, {});
}

// All done before `step`.
inline Saga saga_at(StepId step, Kind kind = Kind::event_create) {
  auto saga = make_saga(kind);
  for (auto& each : saga.steps) {
    if (each.step == step) break;
    each.status = StepStatus::done;
    if (each.step == StepId::venue_hold) each.response = "hold";
  }
  return saga;
}

inline Reply reply(ports::AnswerKind kind, std::string why = "why") {
  return {kind, {}, {}, std::move(why), {}};
}
template <class T>
Reply done(T value) {
  return {ports::AnswerKind::done, std::move(value), {}, {}, {}};
}

class HandServed : public ports::Venue, public ports::Chain {
 public:
  void find(const base::TenantId& tenant, const std::string& venue, const ports::CallTerms& terms,
            ports::Answered<ports::VenueFacts> answered) override {
    finds.push_back({std::move(answered), tenant, terms.deadline});
    contexts.push_back(terms.context);
    venue_id = venue;
  }
  void hold(const ports::VenueHoldRequest& request, const ports::CallTerms& terms,
            ports::Answered<ports::VenueHold> answered) override {
    hold_requests.push_back(request);
    contexts.push_back(terms.context);
    hold_answers.push_back(std::move(answered));
  }
  void holds(const base::TenantId&, const std::string&, const base::EventId&,
             const ports::CallTerms&,
             ports::Answered<std::vector<ports::VenueHold>> answered) override {
    look_ups.push_back(std::move(answered));
  }
  void release(const base::TenantId&, const std::string&, const std::string& hold_id,
               const std::string&, const ports::CallTerms&, ports::Answered<bool>) override {
    released.push_back(hold_id);
  }
  void prepare(const ports::ChainRecord&, base::Instant,
               ports::Answered<ports::SignedTransaction>) override {}
  void send(const ports::SignedTransaction&, base::Instant, ports::Answered<bool>) override {}
  void look_up(const std::vector<ports::SignedTransaction>&, base::Instant,
               ports::Answered<ports::ChainState>) override {}

  struct Find {
    ports::Answered<ports::VenueFacts> answered;
    base::TenantId tenant;
    base::Instant deadline;
    void serve() const {
      answered(ports::Answer<ports::VenueFacts>::done({"venue", tenant, true, 500, false}));
    }
  };
  std::vector<Find> finds;
  std::vector<ports::VenueHoldRequest> hold_requests;
  std::vector<ports::Answered<ports::VenueHold>> hold_answers;
  std::vector<ports::Answered<std::vector<ports::VenueHold>>> look_ups;
  std::vector<std::string> released;
  std::vector<ports::CallContext> contexts;  // of all calls that make something, and of finds
  std::string venue_id;
};

}  // namespace admitone::saga
