#include "chain_model.hpp"

#include <algorithm>
#include <utility>

namespace admitone::saga::sim {
namespace {

using namespace std::chrono_literals;
using ports::Answer;
using ports::ChainStatus;

constexpr base::Duration kLatency = 60ms;
constexpr base::Duration kTimeOut = 10s;
constexpr std::int64_t kFinalAfter = 32;
constexpr std::int64_t kValid = 150;

}  // namespace

std::int64_t ChainModel::height() const {
  return schedule_.now().time_since_epoch() / base::Duration(400ms);
}
std::int64_t ChainModel::final_height() const {
  return height() - kFinalAfter;
}

void ChainModel::prepare(const ports::ChainRecord& record, base::Instant,
                         ports::Answered<ports::SignedTransaction> answered) {
  using Signed = ports::SignedTransaction;
  const auto answer = [&](Answer<Signed> with) {
    schedule_.after(kLatency, [answered, with] { answered(with); });
  };
  switch (faults_.of(Op::prepare)) {
    case Fault::refuse:
      return answer(Answer<Signed>::refused(domain::Code::chain_refused, "the wallet is empty"));
    case Fault::shut:
    case Fault::unavailable:
      return answer(Answer<Signed>::retry("503"));
    case Fault::too_many:
      return answer(Answer<Signed>::retry("429", 10s));
    case Fault::hang:
      return;
    default:
      break;
  }
  const auto signature = "signature-" + std::to_string(++last_);
  known_[signature] = {record, height() + kValid, {}, false, false};
  answer(Answer<Signed>::done(
      {"bytes of " + signature, signature, height() + kValid, "address-" + record.event.str()}));
}

// A second creation of a record fails on the chain: that is the guard.
void ChainModel::land(const std::string& signature, bool failing) {
  auto& tx = known_.at(signature);
  if (tx.landed || height() > tx.last_valid) return;
  tx.landed = height();
  const bool creates = tx.record.action == ports::ChainAction::create_event;
  tx.failed = failing || (creates && !records(tx.record.event, tx.record.action).empty());
  if (!tx.failed) order_.push_back(signature);
}

void ChainModel::send(const ports::SignedTransaction& transaction, base::Instant,
                      ports::Answered<bool> answered) {
  const auto& signature = transaction.signature;
  const auto event = known_.at(signature).record.event;
  if (leaves) leaves(event, transaction);
  auto& mine = known_.at(signature);
  mine.sent = true;
  for (const auto& [other, tx] : known_)
    if (tx.sent && !tx.landed && tx.last_valid < mine.last_valid && tx.record.event == event &&
        tx.record.action == mine.record.action && final_height() <= tx.last_valid)
      ++signed_too_early;
  auto lands_after = std::optional<base::Duration>(2s);
  bool failing = false;
  auto answer = std::optional(Answer<bool>::done(true));
  auto delay = kLatency;
  switch (faults_.of(Op::send)) {
    case Fault::shut:
    case Fault::unavailable:
      answer = Answer<bool>::retry("503");
      lands_after.reset();
      break;
    case Fault::hang:
      answer.reset();
      lands_after.reset();
      break;
    case Fault::lost:
      answer = Answer<bool>::unknown("time-out");
      delay = kTimeOut;
      break;
    case Fault::late:
      lands_after = 35s;
      break;
    case Fault::very_late:
      lands_after = 55s;
      break;
    case Fault::dropped:
      lands_after.reset();
      break;
    case Fault::landed_failing:
      failing = true;
      break;
    default:
      break;
  }
  if (lands_after) schedule_.after(*lands_after, [=, this] { land(signature, failing); });
  if (answer) schedule_.after(delay, [=] { answered(*answer); });
}

ports::ChainState ChainModel::judge(const std::vector<ports::SignedTransaction>& all) const {
  const Known* undecided = nullptr;
  const Known* failed = nullptr;
  for (const auto& each : all) {
    const auto& tx = known_.at(each.signature);
    const bool is_final = tx.landed && *tx.landed <= final_height();
    if (is_final && !tx.failed) return {ChainStatus::landed, each.signature, ""};
    if (is_final) failed = &tx;
    if (!is_final && (tx.landed || final_height() <= tx.last_valid)) undecided = &tx;
  }
  if (undecided != nullptr) return {ChainStatus::pending, "", ""};
  const auto& last = known_.at(all.back().signature);
  if (failed == &last) return {ChainStatus::failed, all.back().signature, "Custom(1)"};
  return {ChainStatus::dead, "", ""};
}

void ChainModel::look_up(const std::vector<ports::SignedTransaction>& transactions, base::Instant,
                         ports::Answered<ports::ChainState> answered) {
  using State = ports::ChainState;
  const auto answer = [&](Answer<State> with) {
    schedule_.after(kLatency, [answered, with] { answered(with); });
  };
  switch (faults_.of(Op::look_up)) {
    case Fault::shut:
    case Fault::unavailable:
      return answer(Answer<State>::retry("503"));
    case Fault::too_many:
      return answer(Answer<State>::retry("429", 10s));
    case Fault::hang:
      return;
    case Fault::lagging:
      return answer(Answer<State>::done({ChainStatus::pending, "", ""}));
    case Fault::taken:
      return answer(Answer<State>::done({ChainStatus::taken, "", ""}));
    default:
      return answer(Answer<State>::done(judge(transactions)));
  }
}

std::vector<std::string> ChainModel::records(const base::EventId& event,
                                             ports::ChainAction action) const {
  std::vector<std::string> out;
  for (const auto& signature : order_) {
    const auto& record = known_.at(signature).record;
    if (record.event == event && record.action == action) out.push_back(signature);
  }
  return out;
}

}  // namespace admitone::saga::sim
