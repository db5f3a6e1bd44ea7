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

}  // namespace admitone::pipeline
