#include "simulate/venue_book.hpp"

#include <algorithm>
#include <optional>

#include "contract/text.hpp"

namespace admitone::simulate {
namespace {

constexpr std::size_t kMaxText = 256;

void refuse(VenueReply& reply, int status, const char* code, const std::string& message) {
  reply.status = status;
  reply.body = {{"error", {{"code", code}, {"message", message}}}};
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= kMaxText;
}

}  // namespace

void VenueBook::add(const VenueRow& venue) {
  venues_[venue.id] = venue;
}

void VenueBook::note(VenueReply& reply, const Json& entry) {
  replay(entry);
  reply.entries.push_back(entry);
}

bool VenueBook::access(const std::string& tenant, const std::string& venue, VenueReply& reply) {
  if (!is_name(tenant)) {
    refuse(reply, 400, "TENANT_MISSING", "X-Tenant-ID is missing or too long");
    return false;
  }
  auto found = venues_.find(venue);
  if (found == venues_.end() && any_.on && is_name(venue)) {
    note(reply, {{"t", "venue"}, {"id", venue}, {"tenant", tenant}, {"capacity", any_.capacity}});
    found = venues_.find(venue);
  }
  if (found == venues_.end()) {
    refuse(reply, 404, "VENUE_NOT_FOUND", "there is no such venue");
  } else if (found->second.tenant != tenant) {
    refuse(reply, 403, "VENUE_FORBIDDEN", "the venue is another tenant's");
  }
  return reply.body.is_null();
}

VenueReply VenueBook::find(const std::string& tenant, const std::string& venue) {
  VenueReply reply;
  if (!access(tenant, venue, reply)) return reply;
  const VenueRow& row = venues_.at(venue);
  reply.body = {{"venueId", row.id},
                {"tenantId", row.tenant},
                {"status", row.status},
                {"capacity", row.capacity}};
  return reply;
}

const VenueBook::Hold* VenueBook::conflict(const Hold& wanted) const {
  const auto plan = plans_.find(wanted.venue);
  if (plan == plans_.end()) return nullptr;
  const auto& standing = plan->second.standing;
  const auto end = standing.lower_bound(wanted.until);
  for (auto at = standing.lower_bound(wanted.from - plan->second.longest); at != end; ++at) {
    const Hold& other = holds_[at->second];
    if (other.event != wanted.event && other.until > wanted.from) return &other;
  }
  return nullptr;
}

Json VenueBook::view(const Hold& hold) {
  return {{"holdId", hold.id},
          {"venueId", hold.venue},
          {"eventId", hold.event},
          {"startsAt", hold.starts_at},
          {"endsAt", hold.ends_at}};
}

std::optional<VenueBook::Hold> VenueBook::wanted(const std::string& tenant,
                                                 const std::string& venue, const Json& body) {
  Hold out;
  out.venue = venue;
  out.tenant = tenant;
  out.event = text_at(body, "eventId");
  out.starts_at = text_at(body, "startsAt");
  out.ends_at = text_at(body, "endsAt");
  const auto from = contract::parse_time(out.starts_at);
  const auto until = contract::parse_time(out.ends_at);
  if (!is_name(out.event) || !from || !until || *until <= *from) return std::nullopt;
  out.from = *from;
  out.until = *until;
  return out;
}

const VenueBook::Hold* VenueBook::made_under(const std::string& tenant,
                                             const std::string& key) const {
  const auto known = keys_.find({tenant, key});
  if (known == keys_.end() || known->second.hold < 0) return nullptr;
  return &holds_[static_cast<std::size_t>(known->second.hold)];
}

void VenueBook::answer_again(VenueReply& reply, const Hold& made, const Hold& asked) {
  const bool same = made.venue == asked.venue && made.event == asked.event &&
                    made.from == asked.from && made.until == asked.until;
  note(reply, {{"t", "asked"},
               {"tenant", made.tenant},
               {"key", made.key},
               {"how", same ? "again" : "mismatched"}});
  if (!same) return refuse(reply, 422, "KEY_REUSED", "the key was used for another request");
  reply.status = 201;
  reply.replayed = true;
  reply.body = view(made);
}

void VenueBook::make(VenueReply& reply, const Hold& wanted, const std::string& key,
                     base::Timestamp now) {
  note(reply, {{"t", "hold"},
               {"id", "hold-" + std::to_string(holds_.size() + 1)},
               {"venue", wanted.venue},
               {"tenant", wanted.tenant},
               {"event", wanted.event},
               {"startsAt", wanted.starts_at},
               {"endsAt", wanted.ends_at},
               {"key", key},
               {"at", contract::format_time(now)}});
  reply.status = 201;
  reply.body = view(holds_.back());
}

VenueReply VenueBook::hold(const std::string& tenant, const std::string& venue,
                           const std::string& key, const Json& body, base::Timestamp now) {
  VenueReply reply;
  if (!access(tenant, venue, reply)) return reply;
  if (!is_name(key)) {
    refuse(reply, 400, "KEY_MISSING", "Idempotency-Key is missing or too long");
    return reply;
  }
  const auto asked = wanted(tenant, venue, body);
  const Hold* made = made_under(tenant, key);
  if (asked && made != nullptr) {
    answer_again(reply, *made, *asked);
    return reply;
  }
  if (release_keys_.contains({tenant, key})) {
    refuse(reply, 422, "KEY_REUSED", "the key was used for a release");
    return reply;
  }
  const Hold* other = asked ? conflict(*asked) : nullptr;
  if (!asked) {
    refuse(reply, 400, "INVALID_HOLD",
           "wants eventId, and startsAt before endsAt as RFC 3339 times");
  } else if (venues_.at(venue).status != "active") {
    refuse(reply, 409, "VENUE_INACTIVE", "the venue is not active");
  } else if (other != nullptr) {
    refuse(reply, 409, "DATES_TAKEN", "the dates overlap with hold " + other->id);
  } else {
    make(reply, *asked, key, now);
    return reply;
  }
  note(reply, {{"t", "asked"}, {"tenant", tenant}, {"key", key}, {"how", "refused"}});
  return reply;
}

VenueReply VenueBook::holds(const std::string& tenant, const std::string& venue,
                            const std::string& event) {
  VenueReply reply;
  if (!access(tenant, venue, reply)) return reply;
  Json list = Json::array();
  if (const auto found = by_event_.find({venue, event}); found != by_event_.end()) {
    for (const std::size_t index : found->second) {
      if (holds_[index].released_at.empty()) list.push_back(view(holds_[index]));
    }
  }
  reply.body = {{"holds", std::move(list)}};
  return reply;
}

bool VenueBook::is_of_another_release(const Hold& hold, const std::string& key) const {
  if (made_under(hold.tenant, key) != nullptr) return true;
  const auto known = release_keys_.find({hold.tenant, key});
  return known != release_keys_.end() && holds_[known->second].id != hold.id;
}

VenueReply VenueBook::release(const std::string& tenant, const std::string& venue,
                              const std::string& hold, const std::string& key,
                              base::Timestamp now) {
  VenueReply reply;
  if (!access(tenant, venue, reply)) return reply;
  const auto found = by_id_.find(hold);
  if (found == by_id_.end() || holds_[found->second].venue != venue) {
    refuse(reply, 404, "HOLD_NOT_FOUND", "there is no such hold");
    return reply;
  }
  if (is_of_another_release(holds_[found->second], key)) {
    refuse(reply, 422, "KEY_REUSED", "the key was used for another request");
    return reply;
  }
  const bool stands = holds_[found->second].released_at.empty();
  note(reply, {{"t", "release"}, {"id", hold}, {"key", key}, {"at", contract::format_time(now)}});
  if (stands) {
    reply.status = 204;
  } else {
    refuse(reply, 404, "HOLD_NOT_FOUND", "the hold was released before");
  }
  return reply;
}

void VenueBook::replay(const Json& entry) {
  const std::string kind = text_at(entry, "t");
  if (kind == "venue") {
    add({text_at(entry, "id"), text_at(entry, "tenant"), "active", entry.value("capacity", 0L)});
  } else if (kind == "hold") {
    replay_hold(entry);
  } else if (kind == "asked") {
    replay_asked(entry);
  } else if (kind == "release") {
    replay_release(entry);
  }
}

void VenueBook::replay_hold(const Json& entry) {
  const std::size_t index = holds_.size();
  Hold hold;
  hold.id = text_at(entry, "id");
  hold.venue = text_at(entry, "venue");
  hold.tenant = text_at(entry, "tenant");
  hold.event = text_at(entry, "event");
  hold.starts_at = text_at(entry, "startsAt");
  hold.ends_at = text_at(entry, "endsAt");
  hold.from = contract::parse_time(hold.starts_at).value_or(base::Timestamp{});
  hold.until = contract::parse_time(hold.ends_at).value_or(base::Timestamp{});
  hold.key = text_at(entry, "key");
  hold.made_at = text_at(entry, "at");
  by_id_[hold.id] = index;
  by_event_[{hold.venue, hold.event}].push_back(index);
  Key& key = keys_[{hold.tenant, hold.key}];
  ++key.asked;
  key.hold = static_cast<std::int64_t>(index);
  Plan& plan = plans_[hold.venue];
  plan.standing.emplace(hold.from, index);
  plan.longest = std::max(plan.longest, hold.until - hold.from);
  holds_.push_back(std::move(hold));
}

void VenueBook::replay_asked(const Json& entry) {
  Key& key = keys_[{text_at(entry, "tenant"), text_at(entry, "key")}];
  ++key.asked;
  const std::string how = text_at(entry, "how");
  if (how == "mismatched") ++key.mismatched;
  if (how == "refused") ++key.refused;
}

void VenueBook::replay_release(const Json& entry) {
  const auto found = by_id_.find(text_at(entry, "id"));
  if (found == by_id_.end()) return;
  Hold& hold = holds_[found->second];
  ++hold.releases[text_at(entry, "key")];
  release_keys_.emplace(std::pair(hold.tenant, text_at(entry, "key")), found->second);
  if (!hold.released_at.empty()) return;
  hold.released_at = text_at(entry, "at");
  auto& standing = plans_[hold.venue].standing;
  const auto [begin, end] = standing.equal_range(hold.from);
  const auto at = std::find_if(begin, end, [&found](const auto& entry_of_plan) {
    return entry_of_plan.second == found->second;
  });
  if (at != end) standing.erase(at);
}

std::string VenueBook::event_of(const std::string& hold) const {
  const auto found = by_id_.find(hold);
  return found == by_id_.end() ? std::string{} : holds_[found->second].event;
}

Json VenueBook::records() const {
  Json holds = Json::array();
  for (const Hold& hold : holds_) {
    Json row = view(hold);
    row["tenantId"] = hold.tenant;
    row["key"] = hold.key;
    row["asked"] = keys_.at({hold.tenant, hold.key}).asked;
    row["madeAt"] = hold.made_at;
    row["released"] = !hold.released_at.empty();
    if (!hold.released_at.empty()) row["releasedAt"] = hold.released_at;
    row["releaseKeys"] = hold.releases;
    holds.push_back(std::move(row));
  }
  Json keys = Json::array();
  for (const auto& [name, key] : keys_) {
    Json row{{"tenantId", name.first},
             {"key", name.second},
             {"asked", key.asked},
             {"mismatched", key.mismatched},
             {"refused", key.refused}};
    row["holdId"] = key.hold < 0 ? Json() : Json(holds_[static_cast<std::size_t>(key.hold)].id);
    keys.push_back(std::move(row));
  }
  return {{"venues", venues_.size()}, {"holds", std::move(holds)}, {"keys", std::move(keys)}};
}

}  // namespace admitone::simulate
