#pragma once
// Records and commands for the contract's tests.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/record.hpp"
#include "contract/decode.hpp"

namespace admitone::contract::testing {

inline constexpr const char* kTenant = "0191d0a0-0000-7000-8000-000000000001";
inline constexpr const char* kEvent = "0191d0a0-0000-7000-8000-00000000000e";
inline constexpr const char* kReservation = "0191d0a0-0000-7000-8000-00000000000f";

// What a record is made of; edit it, then decode it.
struct Sent {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;

  Sent& with(std::string name, std::optional<std::string> header) {
    headers.emplace_back(std::move(name), std::move(header));
    return *this;
  }
  Sent& without(const std::string& name) {
    std::erase_if(headers, [&](const auto& header) { return header.first == name; });
    return *this;
  }
  Sent& set(const std::string& name, std::optional<std::string> header) {
    return without(name).with(name, std::move(header));
  }

  // The record's views point into this value.
  [[nodiscard]] base::Record record() const {
    base::Record out;
    if (key) out.key = *key;
    if (value) out.value = *value;
    for (const auto& [name, header] : headers)
      out.headers.push_back(
          {name, header ? std::string_view(*header) : std::string_view{}, !header.has_value()});
    return out;
  }
  [[nodiscard]] Decoded decode(const Limits& limits = {}) const {
    return contract::decode(record(), limits);
  }
};

inline Sent binary(const std::string& type, std::string data) {
  return {.key = kEvent,
          .value = std::move(data),
          .headers = {{"ce_specversion", "1.0"},
                      {"ce_id", "id-1"},
                      {"ce_source", "/shop"},
                      {"ce_type", "ticketing." + type + ".v1"},
                      {"ce_tenantid", kTenant},
                      {"content-type", "application/json"}}};
}

inline nlohmann::json document(const std::string& type, nlohmann::json data) {
  return {{"specversion", "1.0"}, {"id", "id-1"},
          {"source", "/shop"},    {"type", "ticketing." + type + ".v1"},
          {"tenantid", kTenant},  {"data", std::move(data)}};
}

inline Sent structured(const std::string& document_text) {
  return {.key = kEvent,
          .value = document_text,
          .headers = {{"content-type", "application/cloudevents+json; charset=utf-8"}}};
}

inline nlohmann::json event_create() {
  return {{"eventId", kEvent},
          {"venueId", "venue-1"},
          {"name", "Gala Night"},
          {"startsAt", "2026-05-01T19:30:00Z"},
          {"endsAt", "2026-05-01T22:30:00+00:00"},
          {"timezone", "Europe/Paris"},
          {"sections",
           {{{"sectionId", "A"},
             {"name", "Stalls"},
             {"capacity", 100},
             {"priceMinor", 4500},
             {"currency", "EUR"}}}}};
}

inline nlohmann::json reservation_create() {
  return {{"reservationId", kReservation},
          {"eventId", kEvent},
          {"customerId", "customer-1"},
          {"items", {{{"sectionId", "A"}, {"quantity", 2}}}}};
}

// The command, or nullptr with the refusal in the test's log by the caller.
inline const DecodedCommand* command(const Decoded& decoded) {
  return std::get_if<DecodedCommand>(&decoded.body);
}
inline const Refusal* refusal(const Decoded& decoded) {
  return std::get_if<Refusal>(&decoded.body);
}
// One word or two for a whole result: "command", "invalid /name", "dead limit".
inline std::string summary(const Decoded& decoded) {
  const auto* refused = refusal(decoded);
  if (refused == nullptr) return "command";
  if (refused->kind == Refusal::Kind::dead) return "dead " + refused->reason;
  std::string out = "invalid";
  for (const auto& error : refused->errors) out += " " + error.pointer;
  return out;
}

}  // namespace admitone::contract::testing
