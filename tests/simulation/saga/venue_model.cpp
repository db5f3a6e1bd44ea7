#include "venue_model.hpp"

#include <utility>

namespace admitone::saga::sim {
namespace {

using namespace std::chrono_literals;
using ports::Answer;

constexpr base::Duration kLatency = 40ms;
constexpr base::Duration kTimeOut = 5s;
constexpr base::Duration kLate = 12s;
constexpr base::Duration kVeryLate = 29s;
constexpr base::Duration kAfterDeadline = 50s;

}  // namespace

// True: the call has no good answer. What comes of it all the same is `effect`.
template <class T>
bool VenueModel::fails(Op op, Fault fault, base::Instant deadline,
                       const ports::Answered<T>& answered, const std::function<void()>& effect) {
  const auto left = Schedule::at(deadline) - schedule_.now();
  const auto timed_out = std::min<base::Duration>(kTimeOut, left);
  const auto indefinite = [op](const char* why) {
    const bool changes = op == Op::hold || op == Op::release;
    return changes ? Answer<T>::unknown(why) : Answer<T>::retry(why);
  };
  const auto answer_after = [&](base::Duration delay, Answer<T> answer) {
    schedule_.after(delay, [answered, answer] { answered(answer); });
    return true;
  };
  switch (fault) {
    case Fault::refuse:
      return answer_after(kLatency, Answer<T>::refused(domain::Code::venue_refused, "409"));
    case Fault::unavailable:
      return answer_after(kLatency, indefinite("503"));
    case Fault::shut:
      return answer_after(base::Duration{}, Answer<T>::retry("left alone", 10s));
    case Fault::too_many:
      return answer_after(kLatency, Answer<T>::retry("429", 10s));
    case Fault::hang:
      return true;
    case Fault::lost:
      schedule_.after(kLatency, effect);
      return answer_after(timed_out, indefinite("time-out"));
    case Fault::late:
      schedule_.after(kLate, effect);
      return answer_after(timed_out, indefinite("time-out"));
    case Fault::very_late:
      schedule_.after(kVeryLate, effect);
      return answer_after(timed_out, indefinite("time-out"));
    case Fault::after_deadline:
      schedule_.after(left + kAfterDeadline, effect);
      return answer_after(timed_out, indefinite("time-out"));
    default:
      return false;
  }
}

void VenueModel::find(const base::TenantId& tenant, const std::string& venue_id,
                      const ports::CallTerms& terms, ports::Answered<ports::VenueFacts> answered) {
  const auto fault = faults_.of(Op::find);
  if (fails<ports::VenueFacts>(Op::find, fault, terms.deadline, answered, [] {})) return;
  ports::VenueFacts facts{venue_id, tenant, true, 1'000, false};
  if (fault == Fault::wrong_body) facts.venue_id = "another";
  schedule_.after(kLatency, [=] { answered(Answer<ports::VenueFacts>::done(facts)); });
}

ports::VenueHold VenueModel::apply_hold(const ports::VenueHoldRequest& request) {
  if (const auto known = first_.find(request.request_key); known != first_.end())
    return known->second;
  const auto id = plant(request.event, request.starts_at, request.ends_at);
  ++made[request.event];
  return first_[request.request_key] = holds_[id];
}

void VenueModel::hold(const ports::VenueHoldRequest& request, const ports::CallTerms& terms,
                      ports::Answered<ports::VenueHold> answered) {
  if (Schedule::at(terms.deadline) <= schedule_.now())
    return schedule_.after({}, [=] { answered(Answer<ports::VenueHold>::retry("too late")); });
  keys[{Op::hold, request.event, ""}].insert(request.request_key);
  if (leaves) leaves(Op::hold, request.event, request.request_key, "");
  const auto fault = faults_.of(Op::hold);
  if (fails<ports::VenueHold>(Op::hold, fault, terms.deadline, answered,
                              [=, this] { apply_hold(request); }))
    return;
  schedule_.after(kLatency, [=, this] {
    auto hold = apply_hold(request);
    if (fault == Fault::wrong_body) hold.starts_at += 1h;
    answered(Answer<ports::VenueHold>::done(hold));
  });
}

void VenueModel::holds(const base::TenantId&, const std::string&, const base::EventId& event,
                       const ports::CallTerms& terms,
                       ports::Answered<std::vector<ports::VenueHold>> answered) {
  using Holds = std::vector<ports::VenueHold>;
  auto fault = faults_.of(Op::holds);
  // A look-up has no definite no, and what is not applied cannot be late.
  if (fault == Fault::refuse || fault == Fault::lost) fault = Fault::unavailable;
  if (fails<Holds>(Op::holds, fault, terms.deadline, answered, [] {})) return;
  schedule_.after(kLatency, [=, this] { answered(Answer<Holds>::done(of(event))); });
}

void VenueModel::release(const base::TenantId&, const std::string&, const std::string& hold_id,
                         const std::string& request_key, const ports::CallTerms& terms,
                         ports::Answered<bool> answered) {
  if (Schedule::at(terms.deadline) <= schedule_.now())
    return schedule_.after({}, [=] { answered(Answer<bool>::retry("too late")); });
  const auto event = events_[hold_id];
  keys[{Op::release, event, hold_id}].insert(request_key);
  if (leaves) leaves(Op::release, event, request_key, hold_id);
  const auto fault = faults_.of(Op::release);
  if (fails<bool>(Op::release, fault, terms.deadline, answered,
                  [=, this] { apply_release(hold_id, request_key); }))
    return;
  schedule_.after(kLatency, [=, this] {
    const bool there = holds_.contains(hold_id);
    answered(apply_release(hold_id, request_key)
                 ? Answer<bool>::done(there)
                 : Answer<bool>::refused(domain::Code::venue_refused, "422"));
  });
}

bool VenueModel::apply_release(const std::string& hold_id, const std::string& request_key) {
  if (released_.emplace(request_key, hold_id).first->second != hold_id) return false;
  holds_.erase(hold_id);
  return true;
}

void VenueModel::clear(const base::EventId& event, const std::string& kept) {
  for (const auto& hold : of(event))
    if (hold.hold_id != kept) holds_.erase(hold.hold_id);
}

std::string VenueModel::plant(const base::EventId& event, base::Timestamp starts_at,
                              base::Timestamp ends_at) {
  const auto id = "hold-" + std::to_string(++last_);
  holds_[id] = {id, event, starts_at, ends_at};
  events_[id] = event;
  return id;
}

std::vector<ports::VenueHold> VenueModel::of(const base::EventId& event) const {
  std::vector<ports::VenueHold> out;
  for (const auto& [id, hold] : holds_)
    if (hold.event == event) out.push_back(hold);
  return out;
}

}  // namespace admitone::saga::sim
