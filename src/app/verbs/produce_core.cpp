#include "app/verbs/produce_core.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "contract/codes.hpp"

namespace admitone::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kStructuredType = "application/cloudevents+json; charset=UTF-8";
constexpr std::string_view kReservationOutcome = "ticketing.reservation.";

// A record that points into `text`; good for the decoder, never sent.
base::Record as_record(std::string_view text, const std::vector<base::HeaderView>& headers) {
  base::Record record;
  record.value = text;
  record.headers = headers;
  record.bytes = text.size();
  for (const auto& header : headers) record.bytes += header.name.size() + header.value.size();
  return record;
}

std::string explain(const contract::Refusal& refusal) {
  std::string what = refusal.detail;
  for (const auto& error : refusal.errors) {
    // The detail of a refusal is its first error.
    const auto text =
        error.pointer.empty() ? error.detail : fmt::format("{} {}", error.pointer, error.detail);
    if (text != refusal.detail) what += "; " + text;
  }
  return what;
}

std::string attribute_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Attributes become ce_ headers and `data` the value (CloudEvents Kafka binding, binary mode).
void to_binary(const Json& event, PreparedCommand& out) {
  out.headers.push_back({"content-type", "application/json"});
  for (const auto& [name, value] : event.items()) {
    if (name == "data" || name == "datacontenttype" || value.is_null()) continue;
    out.headers.push_back({"ce_" + name, attribute_text(value)});
  }
  const auto data = event.find("data");
  out.value = data == event.end() ? std::string{} : data->dump();
}

std::string member(const Json& event, const char* name) {
  const auto found = event.find(name);
  return found != event.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::string> event_id_in(const Json& event) {
  const auto data = event.find("data");
  if (data == event.end() || !data->is_object()) return std::nullopt;
  std::string id = member(*data, "eventId");
  if (id.empty()) return std::nullopt;
  return id;
}

}  // namespace

std::variant<PreparedCommand, BadLine> prepare_line(std::int64_t line, std::string_view text,
                                                    ContentMode mode, Validation validation,
                                                    const contract::Limits& limits) {
  PreparedCommand out;
  out.line = line;
  if (validation == Validation::strict) {
    const auto record = as_record(text, {{"content-type", kStructuredType, false}});
    const auto decoded = contract::decode(record, limits);
    if (const auto* refusal = std::get_if<contract::Refusal>(&decoded.body)) {
      return BadLine{line, explain(*refusal)};
    }
    const auto& command = std::get<contract::DecodedCommand>(decoded.body);
    if (std::holds_alternative<domain::ExpireReservation>(command.command))
      return BadLine{line, "type is one that only workers send: a hold expires by itself"};
    out.key = command.event.str();
  }
  // The decoder has looked at depth and size first; unchecked text only meets a parser that keeps
  // no recursion of its own.
  const Json event = Json::parse(text, nullptr, false);
  const bool readable = event.is_object();
  if (readable) {
    out.id = member(event, "id");
    out.type = member(event, "type");
    if (!out.key) out.key = event_id_in(event);
  }
  if (mode == ContentMode::binary && readable) {
    to_binary(event, out);
  } else {
    out.value = std::string(text);
    out.headers.push_back({"content-type", std::string(kStructuredType)});
  }
  return out;
}

// ---------------------------------------------------------------- waiting for the answers

void PendingAnswers::expect(std::string position, const PreparedCommand& command) {
  const bool drains = command.type == contract::type_name(domain::CommandType::event_cancel);
  waiting_.emplace(std::move(position), Line{command.line, drains});
}

bool PendingAnswers::take(const base::Record& outcome) {
  const auto origin = header_of(outcome, "admitone-origin");
  if (!origin) return false;
  const auto found = waiting_.find(*origin);
  if (found == waiting_.end()) return false;
  // The reservations of a cancelled event end first, and name its command as their origin.
  const std::string type = header_of(outcome, "ce_type").value_or("");
  if (found->second.drains && type.starts_with(kReservationOutcome)) return false;
  Answered answer;
  answer.outcome_id = header_of(outcome, "ce_id").value_or("");
  answer.type = type;
  answer.seq = header_of(outcome, "admitone-seq").value_or("");
  answer.replayed = header_of(outcome, "ce_idempotencyreplayed").value_or("") == "true";
  answer.value = std::string(outcome.value.value_or(""));
  const Json data = Json::parse(answer.value, nullptr, false);
  if (data.is_object()) {
    answer.code = member(data, "code");
    answer.status = member(data, "status");
  }
  answered_.emplace(found->second.number, std::move(answer));
  waiting_.erase(found);
  return true;
}

}  // namespace admitone::app
