#include <utility>

#include "pipeline/decider.hpp"

namespace admitone::pipeline {

bool may_claim(const Item& item) {
  return std::holds_alternative<domain::CreateEvent>(item.command.command) ||
         std::holds_alternative<domain::UpdateEvent>(item.command.command);
}

std::optional<ports::ClaimQuery> claim_query(const Item& item, const domain::Event* event) {
  ports::ClaimQuery query;
  query.tenant = item.tenant();
  query.self = item.command.event;
  if (const auto* create = std::get_if<domain::CreateEvent>(&item.command.command)) {
    query.venue_id = create->venue_id;
    query.name_folded = create->name_folded;
    query.starts_at = create->starts_at;
    query.slug = create->slug.value_or(create->derived_slug);
    query.external_id = create->external_id;
    return query;
  }
  const auto* update = std::get_if<domain::UpdateEvent>(&item.command.command);
  if (update == nullptr || event == nullptr || (!update->name && !update->starts_at))
    return std::nullopt;
  query.venue_id = event->venue_id;
  query.name_folded = update->name_folded.value_or(event->name_folded);
  query.starts_at = update->starts_at.value_or(event->starts_at);
  query.slug = event->slug;
  return query;
}

std::optional<ports::ClaimQuery> suffix_query(const Item& item, const ports::ClaimQuery& plain) {
  const auto* create = std::get_if<domain::CreateEvent>(&item.command.command);
  if (create == nullptr || create->slug) return std::nullopt;
  auto query = plain;
  query.slug = domain::suffixed_slug(*create);
  return query;
}

// An earlier command of this unit has changed what the item would claim, or the holder of it has
// given it up: what is asked in the next unit decides. How commands fall into units must not show
// in what is decided (law L12). Never so before anything has changed.
bool Decider::claims_are_old(const Item& item) {
  if (item.kind != Item::Kind::command || !may_claim(item)) return false;
  const auto tenant = item.tenant();
  const auto query = claim_query(item, overlay_.event(lane_, {tenant, item.command.event}));
  if (!query) return false;
  const auto found = claims_.find(&item);
  if (found == claims_.end() || found->second.asked != *query) return true;
  const auto& answer = found->second.answer;
  const auto& holder = answer.same_name_and_start;
  const auto* changed = holder ? overlay_.changed({tenant, *holder}) : nullptr;
  if (changed != nullptr &&
      (changed->name_folded != query->name_folded || changed->starts_at != query->starts_at))
    return true;
  const auto has_left = [&](const std::optional<base::EventId>& other) {
    const auto* now = other ? overlay_.changed({tenant, *other}) : nullptr;
    return now != nullptr && now->status == domain::EventStatus::withdrawn;
  };
  return has_left(holder) || has_left(answer.same_slug) || has_left(answer.same_suffixed_slug) ||
         has_left(answer.same_external_id);
}

ports::ClaimAnswer Decider::claims_of(const Item& item) {
  ports::ClaimAnswer answer;
  if (!may_claim(item)) return answer;
  if (const auto found = claims_.find(&item); found != claims_.end()) answer = found->second.answer;
  const auto* event = overlay_.event(lane_, {item.tenant(), item.command.event});
  const auto query = claim_query(item, event);
  if (!query) return answer;
  const auto made = [&](const std::string& name) -> std::optional<base::EventId> {
    const auto found = overlay_.made_names.find(name);
    if (found == overlay_.made_names.end() || found->second == query->self) return std::nullopt;
    return found->second;
  };
  const auto tenant = query->tenant.str();
  const auto starts = std::to_string(base::to_unix_micros(query->starts_at));
  if (const auto id =
          made("n/" + tenant + "/" + query->venue_id + "/" + starts + "/" + query->name_folded))
    answer.same_name_and_start = id;
  // A name that was made and given up in this unit is free.
  if (answer.same_name_and_start) {
    const auto* holder = overlay_.changed({query->tenant, *answer.same_name_and_start});
    if (holder != nullptr &&
        (holder->name_folded != query->name_folded || holder->starts_at != query->starts_at))
      answer.same_name_and_start.reset();
  }
  if (const auto id = made("s/" + tenant + "/" + query->venue_id + "/" + query->slug))
    answer.same_slug = id;
  if (const auto suffixed = suffix_query(item, *query))
    if (const auto id = made("s/" + tenant + "/" + query->venue_id + "/" + suffixed->slug))
      answer.same_suffixed_slug = id;
  if (query->external_id)
    if (const auto id = made("x/" + tenant + "/" + *query->external_id))
      answer.same_external_id = id;
  return answer;
}

void Decider::remember_claims(const domain::Event& event) {
  if (event.status == domain::EventStatus::withdrawn) return;
  const auto tenant = event.tenant.str();
  const auto starts = std::to_string(base::to_unix_micros(event.starts_at));
  overlay_
      .made_names["n/" + tenant + "/" + event.venue_id + "/" + starts + "/" + event.name_folded] =
      event.id;
  overlay_.made_names["s/" + tenant + "/" + event.venue_id + "/" + event.slug] = event.id;
  if (event.external_id) overlay_.made_names["x/" + tenant + "/" + *event.external_id] = event.id;
}

}  // namespace admitone::pipeline
