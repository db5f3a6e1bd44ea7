// A worker with nothing around it: decodes commands, decides them on a world in memory, renders
// the outcomes. For tests that hold what AdmitOne emits against implementations that are not ours.
//
// Reads structured CloudEvents from stdin, one a line; their `time` is the decision time. Writes
// one JSON line for each outcome: {"headers": {...}, "value": "..."}.

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"
#include "domain/decide.hpp"

namespace {

namespace contract = admitone::contract;
namespace domain = admitone::domain;

class World {
 public:
  void take(const std::string& line) {
    admitone::base::Record record;
    record.value = line;
    record.headers = {{"content-type", "application/cloudevents+json"}};
    const auto decoded = contract::decode(record, {});
    position_ = contract::position_text("ticketing.commands", 3, offset_++);
    if (const auto* refusal = std::get_if<contract::Refusal>(&decoded.body)) {
      refuse(*refusal);
    } else {
      decide(std::get<contract::DecodedCommand>(decoded.body));
    }
  }

 private:
  void refuse(const contract::Refusal& refusal) {
    if (!refusal.identity) return;
    domain::Decision no;
    no.code = domain::Code::invalid_command;
    no.problem.detail = refusal.detail;
    no.problem.errors = refusal.errors;
    emit(*refusal.identity, refusal.event, no, nullptr, nullptr);
  }

  void decide(const contract::DecodedCommand& sent) {
    const auto id = domain::reservation_of(sent.command);
    domain::View view;
    view.event = find(events_, sent.event);
    if (id) view.reservation = find(reservations_, *id);
    claim(sent, view);
    view.tenant = sent.envelope.tenant;
    view.payload = sent.payload;
    view.now = sent.envelope.time.value();
    view.lane = 3;
    auto decision = domain::decide(sent.command, view, {});
    apply(sent, decision);
    if (decision.follow == domain::Follow::drain_reservations) {
      for (const auto& [key, reservation] : std::map(reservations_)) drain(sent, reservation);
      decision = domain::finish_cancel(events_.at(sent.event));
      apply(sent, decision);
    }
    if (!decision.silent) answer(sent, decision, id);
  }

  void drain(const contract::DecodedCommand& sent, const domain::Reservation& reservation) {
    using enum domain::ReservationStatus;
    if (reservation.status != held && reservation.status != confirmed) return;
    const auto decision =
        domain::drain(events_.at(sent.event), reservation, sent.envelope.time.value());
    apply(sent, decision);
    answer(sent, decision, reservation.id);
  }

  void claim(const contract::DecodedCommand& sent, domain::View& view) const {
    const auto* create = std::get_if<domain::CreateEvent>(&sent.command);
    if (create == nullptr) return;
    for (const auto& [id, event] : events_) {
      if (id == sent.event) continue;
      if (event.name_folded == create->name_folded && event.starts_at == create->starts_at)
        view.same_name_and_start = id;
      if (event.slug == create->slug.value_or(create->derived_slug)) view.same_slug = id;
      if (create->external_id && event.external_id == create->external_id)
        view.same_external_id = id;
    }
  }

  void apply(const contract::DecodedCommand& sent, const domain::Decision& decision) {
    if (decision.event) events_[sent.event] = *decision.event;
    if (decision.reservation) reservations_[decision.reservation->id] = *decision.reservation;
    for (const auto& delta : decision.deltas) {
      events_.at(sent.event).sections.at(delta.section).held += delta.held;
      events_.at(sent.event).sections.at(delta.section).sold += delta.sold;
    }
  }

  void answer(const contract::DecodedCommand& sent, const domain::Decision& decision,
              const std::optional<domain::ReservationId>& id) {
    emit(sent.envelope, sent.event, decision,
         decision.shows_event ? find(events_, sent.event) : nullptr,
         decision.shows_reservation ? find(reservations_, id.value()) : nullptr);
  }

  void emit(const contract::Envelope& envelope, const std::optional<domain::EventId>& event,
            const domain::Decision& decision, const domain::Event* shown,
            const domain::Reservation* reservation) {
    contract::OutcomeRecord outcome;
    outcome.id = contract::outcome_id(position_, decision.type, std::to_string(seq_));
    outcome.type = decision.type;
    outcome.code = decision.code;
    outcome.tenant = envelope.tenant;
    outcome.event = event;
    outcome.time = envelope.time.value_or(domain::Timestamp{});
    outcome.replayed = seq_ % 2 == 0;
    outcome.origin = position_;
    outcome.command_id = envelope.id;
    outcome.correlation_id = envelope.correlation_id;
    outcome.idempotency_key = envelope.idempotency_key;
    outcome.actor_id = envelope.actor_id;
    outcome.traceparent = envelope.traceparent;
    outcome.tracestate = envelope.tracestate;
    nlohmann::json line{
        {"value", contract::render_outcome(envelope, decision, shown, reservation)}};
    for (const auto& header : contract::outcome_headers(outcome, 3, ++seq_))
      line["headers"][header.name] = header.value;
    std::cout << line.dump() << '\n';
  }

  template <class Map>
  static const typename Map::mapped_type* find(const Map& map, const typename Map::key_type& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }

  std::map<domain::EventId, domain::Event> events_;
  std::map<domain::ReservationId, domain::Reservation> reservations_;
  std::string position_;
  std::int64_t offset_ = 0;
  std::int64_t seq_ = 0;
};

}  // namespace

int main() {
  World world;
  std::string line;
  while (std::getline(std::cin, line)) world.take(line);
  return 0;
}
