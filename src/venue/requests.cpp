#include "venue/requests.hpp"

#include "contract/json.hpp"
#include "contract/text.hpp"

namespace admitone::venue {
namespace {

constexpr std::size_t kMaxSegment = 256;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

http::Request request_to(const std::string& base, const base::TenantId& tenant,
                         const std::string& venue_id, const std::string& below) {
  http::Request out;
  out.url = base + "/api/v1/venues/" + escape(venue_id) + below;
  out.headers = {{"Accept", "application/json"}, {"X-Tenant-ID", tenant.str()}};
  return out;
}

}  // namespace

bool is_segment(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSegment && text != "." && text != "..";
}

std::string escape(std::string_view segment) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : segment) {
    if (is_unreserved(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 0x0FU]);
  }
  return out;
}

http::Request find_request(const std::string& base, const base::TenantId& tenant,
                           const std::string& venue_id) {
  return request_to(base, tenant, venue_id, "");
}

http::Request hold_request(const std::string& base, const ports::VenueHoldRequest& hold) {
  auto out = request_to(base, hold.tenant, hold.venue_id, "/holds");
  out.method = "POST";
  out.headers.push_back({"Content-Type", "application/json"});
  out.headers.push_back({"Idempotency-Key", hold.request_key});
  const auto member = [&](std::string_view before, std::string_view text) {
    out.body += before;
    contract::append_json_string(out.body, text);
  };
  member("{\"eventId\":", hold.event.text());
  member(",\"startsAt\":", contract::format_time(hold.starts_at));
  member(",\"endsAt\":", contract::format_time(hold.ends_at));
  out.body += '}';
  return out;
}

http::Request holds_request(const std::string& base, const base::TenantId& tenant,
                            const std::string& venue_id, const base::EventId& event) {
  return request_to(base, tenant, venue_id, "/holds?eventId=" + event.str());
}

http::Request release_request(const std::string& base, const base::TenantId& tenant,
                              const std::string& venue_id, const std::string& hold_id,
                              const std::string& request_key) {
  auto out = request_to(base, tenant, venue_id, "/holds/" + escape(hold_id));
  out.method = "DELETE";
  out.headers.push_back({"Idempotency-Key", request_key});
  return out;
}

}  // namespace admitone::venue
