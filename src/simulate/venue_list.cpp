#include "simulate/venue_list.hpp"

#include <set>

namespace admitone::simulate {
namespace {

base::Error fault(const std::string& pointer, const std::string& what) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, pointer + ": " + what};
}

base::Result<VenueRow> parse_venue(const Json& value, const std::string& pointer) {
  if (!value.is_object()) return fault(pointer, "must be an object");
  VenueRow row;
  for (const auto& [name, member] : value.items()) {
    const bool count = name == "capacity";
    if (name != "venueId" && name != "tenantId" && name != "status" && !count) {
      return fault(pointer + '/' + name, "is not known here");
    }
    if (count ? !member.is_number_unsigned()
              : !member.is_string() || member.get_ref<const std::string&>().empty()) {
      return fault(pointer + '/' + name,
                   count ? "must be a whole number" : "must be a text that is not empty");
    }
  }
  row.id = text_at(value, "venueId");
  row.tenant = text_at(value, "tenantId");
  if (row.id.empty()) return fault(pointer + "/venueId", "is missing");
  if (row.tenant.empty()) return fault(pointer + "/tenantId", "is missing");
  if (value.contains("status")) row.status = text_at(value, "status");
  row.capacity = value.value("capacity", std::int64_t{0});
  return row;
}

}  // namespace

base::Result<std::vector<VenueRow>> parse_venues(std::string_view text) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_array()) return fault("", "must be a JSON list of venues");
  std::vector<VenueRow> out;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const std::string pointer = '/' + std::to_string(i);
    auto row = parse_venue(document[i], pointer);
    if (!row) return row.error();
    if (!ids.insert(row->id).second) return fault(pointer + "/venueId", "is there twice");
    out.push_back(std::move(*row));
  }
  return out;
}

}  // namespace admitone::simulate
