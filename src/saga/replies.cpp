#include "saga/replies.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "resilience/backoff.hpp"
#include "saga/pace.hpp"
#include "saga/release.hpp"

namespace admitone::saga {
namespace {

using base::Timestamp;
using base::failpoint::mutant;
using ports::AnswerKind;
using Holds = std::vector<ports::VenueHold>;

// Something of the last attempt may still come.
void stay_open(StepJournal& step, const Limits& limits) {
  const auto margin = mutant("saga_proof_comes_early") ? base::Duration{} : limits.arrival_margin;
  const auto until = step.attempt_deadline + margin;
  step.open_until = std::max(step.open_until.value_or(until), until);
}

struct Applied {
  Saga& saga;
  StepJournal& step;
  const MakeCall& call;
  const Reply& reply;
  const Moment& moment;
  const Limits& limits;

  // A service's words: bounded, and nothing but what every database takes.
  void fail_with(const std::string& why) const { step.last_error = base::field(why); }

  // Something is to be asked or tried again, after a pause.
  void pace(const std::string& why) const {
    ++step.tries;
    fail_with(why);
    auto until = moment.now + pause_after(step.tries, limits, moment.random, reply.retry_after);
    // One last try where it can still end in time, rather than sleeping through it; not all that
    // began together at once.
    const auto spread =
        resilience::pause({limits.sleep_from, limits.sleep_from}, 1, std::rotl(moment.random, 32));
    const auto last_start = saga.deadline - limits.attempt - spread;
    const auto asked_for = moment.now + reply.retry_after.value_or(std::chrono::milliseconds{});
    if (until > last_start && last_start > std::max(asked_for, moment.now + limits.sleep_from / 2))
      until = last_start;
    step.next_attempt_at = until;
  }

  void settle(StepStatus status) const {
    step.status = status;
    step.ended_at = moment.now;
    step.tries = 0;
    step.next_attempt_at = {};
    saga.step_since = moment.now;
    if (status != StepStatus::done) return;
    step.last_error.clear();
    if (definition(step.step).pivot) saga.deadline = moment.now + limits.deadline;
  }

  void refuse() const {
    if (call.undo) {
      // It will not let itself be undone: that is for a person, and it stays held until then.
      fail_with(reply.why);
      step.status = StepStatus::compensation_stuck;
      return;
    }
    fail_with(reply.why);
    // The no may come from what an earlier attempt has done, or is about to do.
    if (step.open_until && moment.began < *step.open_until) return again(StepStatus::unknown);
    step.code = reply.code.value_or(domain::Code::processing_failed);
    settle(StepStatus::refused);
  }

  void again(StepStatus status) const {
    step.status = status;
    pace(reply.why);
  }

  // After a call that may have been applied.
  void doubt() const {
    if (mutant("saga_timeout_is_failure")) {
      step.code = domain::Code::venue_unavailable;
      return settle(StepStatus::refused);
    }
    stay_open(step, limits);
    again(StepStatus::unknown);
  }

  // A look-up has said that the call is to be made again: the pause was before the look-up.
  void try_again_soon() const {
    const auto quick = std::clamp(step.tries, 1, std::max(limits.quick_tries - 1, 1));
    step.next_attempt_at = moment.now + pause_after(quick, limits, moment.random);
  }

  // Answers that settle nothing. True: this was one.
  [[nodiscard]] bool was_unsettled() const {
    if (reply.kind == AnswerKind::done) return false;
    if (reply.kind == AnswerKind::retry && mutant("saga_first_503_compensates")) {
      step.code = domain::Code::venue_unavailable;
      settle(StepStatus::refused);
    } else if (reply.kind == AnswerKind::refused) {
      refuse();
    } else if (reply.kind == AnswerKind::retry || !definition(step.step).has_effect) {
      again(StepStatus::pending);
    } else {
      doubt();
    }
    return true;
  }

  void found() const {
    if (was_unsettled()) return;
    const auto& facts = std::get<ports::VenueFacts>(reply.value);
    if (facts.venue_id != saga.input.venue_id) return again(StepStatus::pending);
    if (const auto code = unfit(facts, saga)) {
      step.code = *code;
      fail_with("the venue cannot take the event");
      return settle(StepStatus::refused);
    }
    step.response = "capacity " + std::to_string(facts.capacity);
    settle(StepStatus::done);
  }

  [[nodiscard]] bool is_wanted(const ports::VenueHold& hold) const {
    return is_hold_id(hold.hold_id) && hold.event == saga.event &&
           hold.starts_at == saga.input.starts_at && hold.ends_at == saga.input.ends_at &&
           hold.hold_id != saga.input.old_hold;
  }

  void held() const {
    if (was_unsettled()) return;
    const auto& hold = std::get<ports::VenueHold>(reply.value);
    if (!is_wanted(hold)) {
      // Something was made, and it is not what was asked for.
      doubt();
      return fail_with("the venue answered with another hold");
    }
    step.response = hold.hold_id;
    settle(StepStatus::done);
  }

  void released() const {
    if (call.undo) return undone();
    if (was_unsettled()) return;
    // That it is gone says nothing of what stands beside it: looked up.
    if (mutant("saga_release_is_believed")) return settle(StepStatus::done);
    step.status = StepStatus::unknown;
    step.next_attempt_at = moment.now;
  }

  void undone() const {
    if (reply.kind == AnswerKind::refused) return refuse();
    step.ask = reply.kind != AnswerKind::retry;
    if (reply.kind != AnswerKind::done) return pace(reply.why);
    step.next_attempt_at = moment.now;  // a look-up proves it
  }

  // Nothing of an attempt can come after this look-up.
  [[nodiscard]] bool is_conclusive() const {
    return !step.open_until || moment.began >= *step.open_until;
  }

  void saw_hold(const Holds& holds) const {
    const auto wanted =
        std::ranges::find_if(holds, [this](const auto& hold) { return is_wanted(hold); });
    if (saga.goes_back()) return saw_what_is_left(holds);
    if (wanted != holds.end()) {
      step.response = wanted->hold_id;
      return settle(StepStatus::done);
    }
    if (is_conclusive()) step.open_until.reset();
    step.status = StepStatus::pending;
    fail_with("looked up: the hold is not there");
    try_again_soon();
  }

  void saw_what_is_left(const Holds& holds) const {
    if (const auto* ours = left_over(saga, step, holds)) {
      step.response = ours->hold_id;
      if (!call.undo) {
        step.status = StepStatus::done;
        return;
      }
      // Released, and still there, or another: its release is another request.
      step.undo_key = release_key(saga, step, true);
      step.request = release_request(ours->hold_id);
      step.ask = false;
      return pace("released, but a hold is still there");
    }
    if (!is_conclusive()) return;  // asked again when it is
    step.open_until.reset();
    settle(step.had_effect ? StepStatus::compensated : StepStatus::skipped);
  }

  void saw_holds() const {
    if (reply.kind != AnswerKind::done) return pace(reply.why);
    const auto& holds = std::get<Holds>(reply.value);
    if (!std::ranges::all_of(holds, is_hold_id, &ports::VenueHold::hold_id))
      return pace("looked up: a hold with an id that cannot be sent back");
    if (step.step == StepId::venue_hold) return saw_hold(holds);
    const auto* left = left_over(saga, step, holds);
    if (left == nullptr) return settle(StepStatus::done);
    step.status = StepStatus::pending;
    if (left->hold_id == step.response) return pace("looked up: the hold is still there");
    step.response = left->hold_id;
    step.tries = 0;
    step.next_attempt_at = moment.now;
    fail_with("looked up: another hold is left");
  }

  void prepared() const {
    if (was_unsettled_before_signing()) return;
    const auto& transaction = std::get<ports::SignedTransaction>(reply.value);
    // The same blockhash: these bytes are known to have failed, and a chain takes none twice.
    if (std::ranges::find(saga.transactions, transaction.signature,
                          &ports::SignedTransaction::signature) != saga.transactions.end())
      return pace("signed as before: the chain has no newer blockhash");
    saga.transactions.push_back(transaction);
    ++step.attempts;
    if (!step.started_at) step.started_at = moment.now;
    step.status = StepStatus::running;
    step.attempt_deadline = moment.now;  // the age of the transaction counts from here
    step.next_attempt_at = moment.now;
    step.resend_at.reset();
    step.request = "transaction " + saga.transactions.back().signature;
  }

  // Nothing has left the process: signing has no effect to be in doubt about.
  [[nodiscard]] bool was_unsettled_before_signing() const {
    if (reply.kind == AnswerKind::done) return false;
    if (reply.kind == AnswerKind::refused) {
      refuse();
    } else if (mutant("saga_first_503_compensates")) {
      step.code = domain::Code::chain_unavailable;
      settle(StepStatus::refused);
    } else {
      again(StepStatus::pending);
    }
    return true;
  }

  // Whatever was answered, only a look-up tells. One that was taken now is nowhere yet.
  void sent() const {
    const bool first = reply.kind == AnswerKind::done && !step.resend_at;
    step.status = StepStatus::unknown;
    step.next_attempt_at = moment.now;
    if (first) step.next_attempt_at += limits.first_look;
    step.resend_at =
        moment.now + pause_of_pending(moment.now - step.attempt_deadline, limits, moment.random);
    if (reply.kind != AnswerKind::done) fail_with(reply.why);
  }

  void saw_chain() const {
    if (reply.kind != AnswerKind::done) return pace(reply.why);
    const auto& state = std::get<ports::ChainState>(reply.value);
    switch (state.status) {
      case ports::ChainStatus::landed:
        step.response = base::field(state.signature);
        return settle(StepStatus::done);
      case ports::ChainStatus::failed:
        return sign_anew("landed with an error: " + state.detail);
      case ports::ChainStatus::dead:
        return sign_anew("the transaction expired");
      case ports::ChainStatus::taken:
        return pace("a record is there that none of our transactions is known to have made");
      case ports::ChainStatus::pending:
        return wait_for_chain(state.has_landed);
    }
  }

  // At the pace of transactions, however often each was looked up.
  void sign_anew(const std::string& why) const {
    step.status = StepStatus::pending;
    step.tries = step.attempts - 1;
    pace(why);
  }

  void wait_for_chain(bool has_landed) const {
    if (mutant("saga_timeout_is_failure")) {
      step.status = StepStatus::pending;
      return;
    }
    step.tries = 0;
    const auto age = moment.now - step.attempt_deadline;
    const auto pause = pause_of_pending(age, limits, moment.random);
    if (!step.resend_at) step.resend_at = moment.now + pause;
    auto look = moment.now + std::min(pause, look_pause(moment.now, age, limits));
    // One last look before a person has to.
    const auto last_look = saga.deadline + limits.deadline - limits.attempt;
    if (look > last_look && moment.now < last_look) look = last_look;
    // The same bytes; past its deadline a saga sends nothing and only looks.
    const bool send_again = !has_landed && moment.now < saga.deadline && look >= *step.resend_at;
    step.status = send_again ? StepStatus::running : StepStatus::unknown;
    step.next_attempt_at = send_again ? std::max(moment.now, *step.resend_at) : look;
  }

  void run() const {
    switch (call.call) {
      case Call::venue_find:
        return found();
      case Call::venue_hold:
        return held();
      case Call::venue_holds:
        return saw_holds();
      case Call::venue_release:
        return released();
      case Call::chain_prepare:
        return prepared();
      case Call::chain_send:
        return sent();
      case Call::chain_look_up:
        return saw_chain();
    }
  }
};

bool must_write(const StepJournal& before, const StepJournal& after, const Applied& applied) {
  if (after.next_attempt_at >= applied.moment.now + applied.limits.sleep_from) return true;
  if (after.response != before.response) return true;
  if (applied.call.call == Call::chain_prepare) return after.status != before.status;
  if (after.status == before.status) return false;
  switch (after.status) {
    case StepStatus::done:
    case StepStatus::refused:
    case StepStatus::compensated:
    case StepStatus::compensation_stuck:
    case StepStatus::skipped:
      return true;
    case StepStatus::pending:
      return applied.call.call == Call::chain_look_up;
    default:
      return false;
  }
}

}  // namespace

void note_call(Saga& saga, const MakeCall& call, Timestamp now) {
  auto& step = *find_step(saga, call.step);
  if (!step.started_at) step.started_at = now;
  if (call.call == Call::venue_find) ++step.attempts;
  if (call.call == Call::venue_release && call.undo) ++step.undo_attempts;
}

bool apply(Saga& saga, const MakeCall& call, const Reply& reply, const Moment& moment,
           const Limits& limits) {
  auto& step = *find_step(saga, call.step);
  const StepJournal before = step;
  const Applied applied{saga, step, call, reply, moment, limits};
  applied.run();
  return must_write(before, step, applied);
}

void take_over(Saga& saga, Timestamp now, const Limits& limits) {
  bool may_land = false;
  for (auto& step : saga.steps) {
    if (step.status == StepStatus::compensating) step.ask = true;
    if (step.status == StepStatus::running) step.status = StepStatus::unknown;
    if (step.status != StepStatus::unknown) continue;
    may_land |= definition(step.step).where == Where::chain;
    if (definition(step.step).where != Where::venue) continue;
    stay_open(step, limits);
  }
  if (saga.goes_back() || forward_only(saga)) {
    saga.deadline = std::max(saga.deadline, now + limits.deadline);
  } else if (may_land) {
    // Late as it may be: time for some look-ups before a person has to look.
    saga.deadline = std::max(saga.deadline, now + 2 * limits.landing - limits.deadline);
  }
}

bool note_drained(Saga& saga, Timestamp now, const Limits& limits) {
  auto* step = find_step(saga, StepId::db_drain);
  if (step == nullptr || step->status != StepStatus::pending) return false;
  step->status = StepStatus::done;
  step->ended_at = now;
  saga.step_since = now;
  saga.deadline = now + limits.deadline;
  return true;
}

void note_refused(Saga& saga, domain::Code code, const std::string& why, Timestamp now) {
  for (auto& step : saga.steps) {
    if (step.step != StepId::db_publish_change && step.step != StepId::db_publish) continue;
    step.status = StepStatus::refused;
    step.code = code;
    step.last_error = base::field(why);
    step.ended_at = now;
    return;
  }
}

std::optional<domain::Code> unfit(const ports::VenueFacts& facts, const Saga& saga) {
  if (facts.tenant != saga.tenant) return domain::Code::venue_forbidden;
  if (!facts.active || facts.capacity < saga.input.capacity) return domain::Code::venue_refused;
  return std::nullopt;
}

}  // namespace admitone::saga
