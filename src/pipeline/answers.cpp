// Rows and outcomes: how a decision becomes one ledger row, one sequence number and one outcome
// record; and dead letters.
#include <utility>

#include "base/failpoint.hpp"
#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "pipeline/decider.hpp"

namespace admitone::pipeline {

domain::Decision rejection(domain::Code code, std::string detail) {
  domain::Decision no;
  no.code = code;
  no.type = code == domain::Code::processing_failed ? domain::OutcomeType::command_failed
                                                    : domain::OutcomeType::command_rejected;
  no.status = code == domain::Code::processing_failed ? domain::CommandStatus::failed
                                                      : domain::CommandStatus::rejected;
  no.takes_key = false;
  no.problem.detail = std::move(detail);
  return no;
}

ports::LedgerRow Decider::row_of(const Item& item, domain::Verdict verdict) const {
  return row_of(item, verdict, item.position_key());
}

ports::LedgerRow Decider::row_of(const Item& item, domain::Verdict verdict,
                                 const ports::LedgerKey& key) const {
  ports::LedgerRow row;
  row.key = key;
  row.lane = lane_.home ? lane_.tp.partition : -1;
  row.position = item.record.position;
  if (item.origin != item.position) row.origin = item.origin;
  row.verdict = verdict;
  row.decided_at = fx_.lane_time;
  row.completed_at = fx_.lane_time;
  row.expires_at = fx_.lane_time + options_.completed_ttl;
  row.event = item.event();
  if (item.kind == Item::Kind::command) {
    row.type = domain::type_of(item.command.command);
    row.key_source = item.command.key_source;
    row.payload = item.command.payload;
  }
  if (item.kind == Item::Kind::change) row.type = domain::CommandType::saga_change;
  if (const auto* envelope = item.envelope()) {
    row.command_id = envelope->id;
    row.command_source = envelope->source;
    row.idempotency_key = envelope->idempotency_key;
    row.actor_id = envelope->actor_id;
    row.correlation_id = envelope->correlation_id;
    row.traceparent = envelope->traceparent;
    row.tracestate = envelope->tracestate;
  }
  return row;
}

std::shared_ptr<contract::OutcomeRecord> Decider::outcome_for(const Item& item) const {
  auto outcome = std::make_shared<contract::OutcomeRecord>();
  outcome->tenant = item.tenant();
  outcome->event = item.event();
  outcome->time = fx_.lane_time;
  outcome->origin = item.origin;
  if (const auto* envelope = item.envelope()) {
    outcome->command_id = envelope->id;
    outcome->correlation_id = envelope->correlation_id;
    outcome->idempotency_key = envelope->idempotency_key;
    outcome->actor_id = envelope->actor_id;
    outcome->traceparent = envelope->traceparent;
    outcome->tracestate = envelope->tracestate;
  }
  return outcome;
}

void Decider::number(ports::LedgerRow& row, std::shared_ptr<const contract::OutcomeRecord> outcome,
                     base::Timestamp received) {
  row.out_seq = ++fx_.out_seq;
  row.outcome_id = outcome->id;
  row.outcome_type = outcome->type;
  row.code = outcome->code;
  row.outcome_time = outcome->time;
  row.replayed = outcome->replayed;
  fx_.codes[contract::code_name(outcome->code)] += 1;
  overlay_.made_bytes += outcome->value.size();
  fx_.publication.outcomes.push_back({*row.out_seq, std::move(outcome), received});
}

void Decider::answer(ports::LedgerRow& row, const Item& item, const domain::Decision& decision,
                     std::string_view subject, const domain::Event* event,
                     const domain::Reservation* reservation) {
  const auto* envelope = item.envelope();
  auto outcome = outcome_for(item);
  outcome->type = decision.type;
  outcome->code = decision.code;
  outcome->id = contract::outcome_id(item.origin, decision.type, subject);
  if (base::failpoint::mutant("random_ids"))
    outcome->id.value =
        contract::position_key_hash(std::to_string(base::to_unix_micros(overlay_.database_now())) +
                                    item.position)
            .value;
  outcome->value =
      contract::render_outcome(*envelope, decision, decision.shows_event ? event : nullptr,
                               decision.shows_reservation ? reservation : nullptr);
  row.status = decision.status;
  fx_.commands[{row.type, row.status}] += 1;
  row.completed_at = fx_.lane_time;
  row.expires_at =
      fx_.lane_time + (decision.status == domain::CommandStatus::failed ? options_.failed_ttl
                                                                        : options_.completed_ttl);
  row.outcome_value = outcome->value;
  number(row, std::move(outcome), item.record.timestamp);
}

void Decider::emit(ports::LedgerRow&& row, const Unparked* slot) {
  if (slot == nullptr) {
    fx_.verdicts[contract::name_of(row.verdict)] += 1;
    if (base::failpoint::mutant("verdict_row_skipped_for_duplicates") &&
        row.verdict == domain::Verdict::duplicate)
      return;
    writes_.rows.push_back(std::move(row));
    return;
  }
  // A parked command was told to be parked; of a copy it shows only now that it is no duplicate.
  const auto part = slot->row.part;
  const auto verdict = slot->row.copy ? std::optional(row.verdict) : std::nullopt;
  writes_.finishes.push_back({std::move(row), part, verdict});
  // What has copies left stays in its place, so that they are found by it.
  if (slot->row.copy || !more_copies_) unpark(*slot);
}

void Decider::refuse(const Item& item, domain::Verdict verdict, const domain::Decision& no,
                     const Unparked* slot) {
  auto row = row_of(item, verdict);
  const auto event = item.event();
  answer(row, item, no, event ? event->str() : std::string(), nullptr, nullptr);
  emit(std::move(row), slot);
}

void Decider::silent(const Item& item, domain::Verdict verdict, const Unparked* slot) {
  auto row = row_of(item, verdict);
  row.status = verdict == domain::Verdict::invalid ? domain::CommandStatus::rejected
                                                   : domain::CommandStatus::completed;
  emit(std::move(row), slot);
}

void Decider::replay(const Item& item, const KeyState& state, bool alias, const Unparked* slot) {
  auto row = row_of(item, domain::Verdict::duplicate);
  if (alias) row.key = item.owned_key();
  if (slot != nullptr) row.key = slot->row.row;
  if (row.key == item.owned_key()) {
    row.expires_at = state.expires_at;  // with the one it stands for
    auto own = state;
    own.payload = item.command.payload;
    own.part = slot != nullptr ? slot->row.part : overlay_.part();
    overlay_.set_key(row.key, std::move(own));
  }
  row.status = state.status;
  if (state.outcome) {
    auto again = outcome_for(item);
    again->id = state.outcome->id;
    again->type = state.outcome->type;
    again->code = state.outcome->code;
    again->time = state.outcome->time;
    again->event = state.outcome->event;
    again->value = state.outcome->value;
    again->replayed = true;
    row.stored_at = state.stored_at;
    row.stored_part = state.stored_part;
    number(row, std::move(again), item.record.timestamp);
  }
  emit(std::move(row), slot);
}

void Decider::bury(const Item& item) {
  contract::DeadLetterFacts facts;
  facts.reason = item.refusal.reason;
  facts.code = std::string(contract::code_name(item.refusal_code));
  facts.detail = item.refusal.detail;
  auto origin = origin_of(item);
  facts.topic = std::move(origin.topic);
  facts.partition = origin.partition;
  facts.offset = origin.offset;
  facts.timestamp = sent_at(item);
  facts.group = options_.group_id;
  facts.attempts = item.attempts;
  facts.first_failed_at = fx_.lane_time;

  base::Record verbatim;
  verbatim.position = {item.record.position.topic, origin.partition, origin.offset};
  verbatim.timestamp = facts.timestamp;
  // What does not fit is left out, the value first; the position says where it is in full.
  auto room = options_.dead_letter_value_bytes;
  const auto fits = [&room](std::size_t bytes) {
    const bool yes = bytes <= room;
    if (yes) room -= bytes;
    return yes;
  };
  constexpr std::size_t kFrame = 8;  // the lengths of a header's two parts
  std::string left_out;
  const auto leave_out = [&left_out](std::string_view part) {
    if (left_out.ends_with(part)) return;
    left_out.append(left_out.empty() ? "" : ", ").append(part);
  };
  for (const auto& header : headers_as_sent(item)) {
    if (fits(header.name.size() + header.value.size() + kFrame)) {
      verbatim.headers.push_back(header);
    } else {
      leave_out("headers");
    }
  }
  const auto keep = [&](const auto& part, auto& kept, std::string_view name) {
    if (!part) return;
    if (fits(part->size())) {
      kept = part;
    } else {
      leave_out(name);
    }
  };
  keep(item.record.key, verbatim.key, "key");
  keep(item.record.value, verbatim.value, "value");
  // A letter that is not whole says so: without a header it may be another command.
  if (!left_out.empty()) verbatim.headers.push_back({contract::kLetterLeftOutHeader, left_out});
  ports::PendingDeadLetter letter{item.record.position, item.tenant(),
                                  contract::pack_record(verbatim), std::move(facts)};
  overlay_.made_bytes += letter.packed.size();
  fx_.publication.dead_letters.push_back(letter);
  writes_.dead_letters.push_back(std::move(letter));
}

void Decider::dead(const Item& item) {
  bury(item);
  if (item.envelope() != nullptr && lane_.home) {
    auto no = rejection(item.refusal_code, item.refusal.detail);
    no.problem.errors = item.refusal.errors;
    refuse(item, domain::Verdict::dead, no);
  } else {
    auto row = row_of(item, domain::Verdict::dead);
    row.status = domain::CommandStatus::rejected;
    emit(std::move(row), nullptr);
  }
}

}  // namespace admitone::pipeline
