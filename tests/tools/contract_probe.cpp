// What AdmitOne makes of a record, for tests that compare it with other implementations.
//
// Reads lines from stdin and writes one JSON line for each. A line is either a record,
//   {"headers": {"ce_id": "1", "x": null, "twice": ["a", "b"]}, "key": "...", "value_base64":
//   "..."}
// or anything else, which is taken byte for byte as the value of a structured CloudEvent.
// The answer: {"kind": "command|invalid|dead", "reason", "detail", "type", "fingerprint",
// "canonical",
//   "eventId", "reservationId", "keyHash", "contentKeyHash", "errors": [{"pointer", "detail"}],
//   "identity": true|false}; members that do not apply are null.

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "contract/decode.hpp"
#include "contract/json.hpp"

namespace {

using admitone::contract::DecodedCommand;
using admitone::contract::Refusal;
using nlohmann::json;

struct Sent {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

std::string from_base64(const std::string& text) {
  static const std::string kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string::npos) continue;
    bits = bits << 6U | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>((bits >> count) & 0xFFU));
  }
  return out;
}

void add_header(Sent& sent, const std::string& name, const json& value) {
  if (value.is_array()) {
    for (const auto& element : value) add_header(sent, name, element);
  } else if (value.is_null()) {
    sent.headers.emplace_back(name, std::nullopt);
  } else {
    sent.headers.emplace_back(name, value.get<std::string>());
  }
}

Sent read_line(const std::string& line) {
  const auto parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("headers"))
    return {.key = std::nullopt,
            .value = line,
            .headers = {{"content-type", "application/cloudevents+json"}}};
  Sent sent;
  if (parsed.contains("key") && parsed["key"].is_string()) sent.key = parsed["key"];
  if (parsed.contains("value_base64") && parsed["value_base64"].is_string())
    sent.value = from_base64(parsed["value_base64"]);
  for (const auto& [name, value] : parsed["headers"].items()) add_header(sent, name, value);
  return sent;
}

admitone::base::Record record_of(const Sent& sent) {
  admitone::base::Record out;
  if (sent.key) out.key = *sent.key;
  if (sent.value) out.value = *sent.value;
  for (const auto& [name, value] : sent.headers)
    out.headers.push_back({name, value ? std::string_view(*value) : std::string_view{}, !value});
  return out;
}

// The canonical `data`, made apart from decode.
json canonical_data(const Sent& sent) {
  std::string_view text = *sent.value;
  if (text.starts_with('\0')) text.remove_prefix(5);
  bool structured = true;
  for (const auto& header : sent.headers)
    structured = structured && !header.first.starts_with("ce_");
  const auto parsed = admitone::contract::parse_json(text, {1000, 1'000'000, 10'000'000});
  const auto* document = std::get_if<admitone::contract::JsonDocument>(&parsed);
  if (document == nullptr) return nullptr;
  const auto data = structured ? document->root().find("data") : document->root();
  return data ? json(admitone::contract::canonical_json(*data)) : json(nullptr);
}

std::string hex(const admitone::base::Fingerprint& fingerprint) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : fingerprint) {
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 0x0FU]);
  }
  return out;
}

json answer(const DecodedCommand& command, const Sent& sent) {
  json out{{"kind", "command"},
           {"type", command.envelope.type},
           {"fingerprint", hex(command.payload)},
           {"canonical", canonical_data(sent)},
           {"eventId", command.event.str()},
           {"keyHash", command.key.str()},
           {"identity", true}};
  if (const auto id = admitone::domain::reservation_of(command.command))
    out["reservationId"] = id->str();
  if (command.content_key) out["contentKeyHash"] = command.content_key->str();
  return out;
}

json answer(const Refusal& refusal, const Sent& /*sent*/) {
  json out{{"kind", refusal.kind == Refusal::Kind::invalid ? "invalid" : "dead"},
           {"reason", refusal.reason},
           {"detail", refusal.detail},
           {"identity", refusal.identity.has_value()}};
  if (refusal.identity) out["type"] = refusal.identity->type;
  if (refusal.event) out["eventId"] = refusal.event->str();
  out["errors"] = json::array();
  for (const auto& error : refusal.errors)
    out["errors"].push_back({{"pointer", error.pointer}, {"detail", error.detail}});
  return out;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto sent = read_line(line);
    const auto decoded = admitone::contract::decode(record_of(sent), {});
    json out{{"reason", nullptr},        {"detail", nullptr},    {"type", nullptr},
             {"fingerprint", nullptr},   {"canonical", nullptr}, {"eventId", nullptr},
             {"reservationId", nullptr}, {"keyHash", nullptr},   {"contentKeyHash", nullptr},
             {"errors", json::array()}};
    out.update(std::visit([&](const auto& body) { return answer(body, sent); }, decoded.body));
    std::cout << out.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  }
  return 0;
}
