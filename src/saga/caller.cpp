#include "saga/caller.hpp"

#include <string>

#include "contract/trace.hpp"
#include "saga/release.hpp"

namespace admitone::saga {
namespace {

template <class T>
ports::Answered<T> into(const std::shared_ptr<Inbox>& inbox, CallNumber number) {
  return [inbox, number](ports::Answer<T> answer) {
    Reply reply{answer.kind, {}, answer.code, std::move(answer.why), answer.retry_after};
    if (answer.value) reply.value = *std::move(answer.value);
    // Done without what it was done for says nothing.
    if (reply.kind == ports::AnswerKind::done && reply.value.index() == 0) {
      reply.kind = ports::AnswerKind::unknown;
      reply.why = "an answer without its value";
    }
    inbox->put(number, std::move(reply));
  };
}

ports::ChainRecord record_of(const Saga& saga, StepId step) {
  return {step == StepId::chain_cancel ? ports::ChainAction::cancel_event
                                       : ports::ChainAction::create_event,
          saga.tenant,
          saga.event,
          saga.input.venue_id,
          saga.input.royalties,
          saga.input.event_hash};
}

// Each call is a span of its own: also of one step, and by whichever owner.
ports::CallTerms terms_of(const Saga& saga, CallNumber number, base::Instant deadline) {
  const auto& [command, traceparent, tracestate] = saga.trace;
  const auto call =
      std::to_string(number) + '/' + std::to_string(deadline.time_since_epoch().count());
  return {deadline,
          {.traceparent = contract::next_traceparent(traceparent, saga.origin, call),
           .tracestate = contract::next_tracestate(tracestate),
           .parent = contract::parent_span_id(traceparent),
           .command_id = command,
           .position = saga.origin,
           .saga_id = saga.id.str()}};
}

}  // namespace

void Inbox::put(CallNumber number, Reply reply) {
  {
    const std::scoped_lock lock(mutex_);
    answers_.emplace_back(number, std::move(reply));
  }
  const std::scoped_lock lock(wake_mutex_);
  if (wake_) wake_();
}

void Inbox::disarm() {
  const std::scoped_lock lock(wake_mutex_);
  wake_ = nullptr;
}

std::vector<std::pair<CallNumber, Reply>> Inbox::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(answers_, {});
}

bool serves(const Services& services, const MakeCall& call) {
  const bool of_chain = definition(call.step).where == Where::chain;
  return of_chain ? services.chain != nullptr : services.venue != nullptr;
}

void make_call(const Services& services, const std::shared_ptr<Inbox>& inbox, CallNumber number,
               const Saga& saga, const MakeCall& call, base::Instant deadline) {
  const auto& input = saga.input;
  const auto* step = find_step(saga, call.step);
  const auto terms = [&] { return terms_of(saga, number, deadline); };
  switch (call.call) {
    case Call::venue_find:
      return services.venue->find(saga.tenant, input.venue_id, terms(),
                                  into<ports::VenueFacts>(inbox, number));
    case Call::venue_hold:
      return services.venue->hold(
          {saga.tenant, input.venue_id, saga.event, input.starts_at, input.ends_at, call.key},
          terms(), into<ports::VenueHold>(inbox, number));
    case Call::venue_holds:
      return services.venue->holds(saga.tenant, input.venue_id, saga.event, terms(),
                                   into<std::vector<ports::VenueHold>>(inbox, number));
    case Call::venue_release:
      return services.venue->release(saga.tenant, input.venue_id, hold_to_release(saga, *step),
                                     call.key, terms(), into<bool>(inbox, number));
    case Call::chain_prepare:
      return services.chain->prepare(record_of(saga, call.step), deadline,
                                     into<ports::SignedTransaction>(inbox, number));
    case Call::chain_send:
      return services.chain->send(saga.transactions.back(), deadline, into<bool>(inbox, number));
    case Call::chain_look_up:
      return services.chain->look_up(saga.transactions, deadline,
                                     into<ports::ChainState>(inbox, number));
  }
}

}  // namespace admitone::saga
