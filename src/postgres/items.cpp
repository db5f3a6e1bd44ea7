#include "postgres/items.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/assert.hpp"

namespace admitone::postgres {
namespace {

// Section ids are short and plain; anything else goes through the library.
void append_string(std::string& out, const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
  });
  if (plain) {
    out.append("\"").append(text).append("\"");
  } else {
    out.append(nlohmann::json(text).dump());
  }
}

}  // namespace

std::string items_to_json(const std::vector<domain::ReservationItem>& items) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out.push_back(',');
    out.append("{\"sectionId\":");
    append_string(out, item.section_id);
    out.append(",\"quantity\":").append(std::to_string(item.quantity));
    out.append(",\"priceMinor\":").append(std::to_string(item.price_minor)).append("}");
  }
  out.push_back(']');
  return out;
}

std::vector<domain::ReservationItem> items_from_json(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  ADMITONE_ASSERT(document.is_array());
  std::vector<domain::ReservationItem> items;
  items.reserve(document.size());
  for (const auto& item : document) {
    items.push_back({item.at("sectionId").get<std::string>(),
                     item.at("quantity").get<std::int64_t>(),
                     item.at("priceMinor").get<std::int64_t>()});
  }
  return items;
}

}  // namespace admitone::postgres
