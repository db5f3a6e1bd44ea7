#include "domain/replies.hpp"

#include <utility>

namespace admitone::domain {

namespace {

Decision done(Code code, OutcomeType type) {
  Decision decision;
  decision.code = code;
  decision.type = type;
  decision.status = CommandStatus::completed;
  return decision;
}

}  // namespace

Decision reject(Code code, std::string detail, std::vector<FieldError> errors) {
  Decision decision;
  decision.code = code;
  decision.type = OutcomeType::command_rejected;
  decision.status = CommandStatus::rejected;
  decision.takes_key = code != Code::invalid_command;
  decision.problem.detail = std::move(detail);
  decision.problem.errors = std::move(errors);
  return decision;
}

Decision event_not_found(const EventId& event) {
  return reject(Code::event_not_found, "there is no event " + event.str());
}

Decision event_not_on_sale(std::string why) {
  return reject(Code::event_not_on_sale, std::move(why));
}

Decision version_conflict(std::int64_t expected, std::int64_t current) {
  Decision decision =
      reject(Code::version_conflict, "expected version " + std::to_string(expected) +
                                         ", the event is at version " + std::to_string(current));
  decision.problem.current_version = current;
  return decision;
}

Decision event_done(Code code, OutcomeType type) {
  Decision decision = done(code, type);
  decision.shows_event = true;
  return decision;
}

Decision reservation_done(Code code, OutcomeType type) {
  Decision decision = done(code, type);
  decision.shows_reservation = true;
  return decision;
}

Decision nothing_to_expire(ExpiryMiss miss) {
  Decision decision = done(Code::reservation_expired_done, OutcomeType::reservation_expired);
  decision.silent = true;
  decision.takes_key = miss == ExpiryMiss::late;
  return decision;
}

}  // namespace admitone::domain
