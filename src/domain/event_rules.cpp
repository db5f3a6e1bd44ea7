#include "domain/event_rules.hpp"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/assert.hpp"
#include "domain/replies.hpp"

namespace admitone::domain {

namespace {

constexpr std::int64_t kAllBasisPoints = 10'000;
// What one event.create may bring; updates must not add up to more.
constexpr std::size_t kMaxSections = 1000;
constexpr std::size_t kMaxSlug = 100;

Section section_from(const SectionSpec& spec) {
  Section section;
  section.section_id = spec.section_id;
  section.name = spec.name;
  section.capacity = spec.capacity;
  section.price_minor = spec.price_minor;
  section.currency = spec.currency;
  return section;
}

Decision taken(Code code, std::string detail, const EventId& holder) {
  Decision decision = reject(code, std::move(detail));
  decision.problem.existing_event = holder;
  return decision;
}

Decision same_name_and_start(const EventId& holder) {
  return taken(Code::duplicate_event,
               "event " + holder.str() + " has the same venue, name and start", holder);
}

bool live(const Event* event) {
  return event != nullptr && event->status != EventStatus::withdrawn;
}

Event event_from(const CreateEvent& command, const View& view, std::string slug) {
  Event event;
  event.tenant = view.tenant;
  event.id = command.event;
  event.lane = view.lane;
  event.status = EventStatus::on_sale;
  event.version = 1;
  event.venue_id = command.venue_id;
  event.name = command.name;
  event.name_folded = command.name_folded;
  event.slug = std::move(slug);
  event.description = command.description;
  event.starts_at = command.starts_at;
  event.ends_at = command.ends_at;
  event.timezone = command.timezone;
  event.external_id = command.external_id;
  event.sales_start_at = command.sales_start_at;
  event.sales_end_at = command.sales_end_at;
  event.max_per_reservation = command.max_per_reservation;
  event.metadata = command.metadata;
  event.royalties = command.royalties;
  event.created_by = view.payload;
  for (const SectionSpec& spec : command.sections) {
    event.sections.push_back(section_from(spec));
  }
  return event;
}

// Both lists may have a thousand entries: no nested scan.
std::unordered_map<std::string_view, std::size_t> index_sections(const Event& event) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < event.sections.size(); ++i) {
    index.emplace(event.sections[i].section_id, i);
  }
  return index;
}

// A revived event is written over the row of the withdrawn one, and so are its sections.
void take_row_versions(Event& event, const Event& withdrawn) {
  event.row_version = withdrawn.row_version;
  const auto index = index_sections(withdrawn);
  for (Section& section : event.sections) {
    if (const auto old = index.find(section.section_id); old != index.end()) {
      section.row_version = withdrawn.sections[old->second].row_version;
    }
  }
}

std::optional<Decision> refuse_update(EventStatus from, const UpdateEvent& command,
                                      const View& view) {
  if (view.event == nullptr) {
    return event_not_found(command.event);
  }
  if (view.event->status != from) {
    return event_not_on_sale("only an event that is on sale can be updated");
  }
  if (command.expected_version != view.event->version) {
    return version_conflict(command.expected_version, view.event->version);
  }
  if ((command.name || command.starts_at) && view.same_name_and_start) {
    return same_name_and_start(*view.same_name_and_start);
  }
  return std::nullopt;
}

void merge_fields(Event& event, const UpdateEvent& command) {
  if (command.name) {
    event.name = *command.name;
    event.name_folded = command.name_folded.value_or(*command.name);
  }
  if (command.description) {
    event.description = command.description;
  }
  if (command.metadata) {
    event.metadata = command.metadata;
  }
  event.starts_at = command.starts_at.value_or(event.starts_at);
  event.ends_at = command.ends_at.value_or(event.ends_at);
}

// Replaces by section id; counters and row versions stay with their section.
std::optional<Decision> merge_sections(Event& event, const Event& before,
                                       const std::vector<SectionSpec>& specs) {
  const auto index = index_sections(before);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const SectionSpec& spec = specs[i];
    const auto found = index.find(spec.section_id);
    if (found == index.end()) {
      event.sections.push_back(section_from(spec));
      continue;
    }
    Section& section = event.sections[found->second];
    const std::int64_t committed = section.held + section.sold;
    if (spec.capacity < committed) {
      return reject(
          Code::capacity_below_committed,
          "section " + spec.section_id + " has " + std::to_string(committed) +
              " seats held or sold",
          {{"/sections/" + std::to_string(i) + "/capacity", "below " + std::to_string(committed)}});
    }
    section.name = spec.name;
    section.capacity = spec.capacity;
    section.price_minor = spec.price_minor;
    section.currency = spec.currency;
  }
  if (event.sections.size() > kMaxSections) {
    return reject(Code::limit_exceeded,
                  "an event has at most " + std::to_string(kMaxSections) + " sections");
  }
  return std::nullopt;
}

}  // namespace

std::string suffixed_slug(const CreateEvent& command) {
  const std::string suffix = "-" + command.event.str().substr(0, 8);
  std::string slug = command.derived_slug.substr(0, kMaxSlug - suffix.size());
  while (slug.ends_with('-')) {
    slug.pop_back();
  }
  return slug + suffix;
}

Decision decide_event(const CreateEvent& command, const View& view) {
  if (live(view.event)) {
    if (view.event->created_by == view.payload) {
      return event_done(Code::event_exists, OutcomeType::event_created);
    }
    return reject(Code::id_taken, "event " + command.event.str() + " exists with other content",
                  {{"/eventId", "is taken"}});
  }
  if (command.royalties &&
      command.royalties->artist_bps + command.royalties->venue_bps > kAllBasisPoints) {
    return reject(Code::royalties_exceed_total,
                  "artist and venue together get more than 10000 basis points",
                  {{"/royalties", "artistBps + venueBps is above 10000"}});
  }
  if (view.same_name_and_start) {
    return same_name_and_start(*view.same_name_and_start);
  }
  if (command.external_id && view.same_external_id) {
    return taken(Code::duplicate_event,
                 "event " + view.same_external_id->str() + " has the same externalId",
                 *view.same_external_id);
  }
  if (command.slug && view.same_slug) {
    return taken(Code::slug_taken, "the slug is used at this venue", *view.same_slug);
  }
  std::string slug = command.slug.value_or(command.derived_slug);
  if (view.same_slug) {
    if (view.same_suffixed_slug) {
      return taken(Code::slug_taken, "the derived slug is used at this venue, with suffix too",
                   *view.same_suffixed_slug);
    }
    slug = suffixed_slug(command);
  }
  Decision decision = event_done(Code::event_created, OutcomeType::event_created);
  decision.event = event_from(command, view, std::move(slug));
  if (view.event != nullptr) {
    take_row_versions(*decision.event, *view.event);
  }
  return decision;
}

Decision decide_event(const UpdateEvent& command, const View& view) {
  return update_from(EventStatus::on_sale, command, view);
}

Decision update_from(EventStatus from, const UpdateEvent& command, const View& view) {
  if (auto refusal = refuse_update(from, command, view)) {
    return *std::move(refusal);
  }
  Event event = *view.event;
  merge_fields(event, command);
  if (event.ends_at <= event.starts_at) {
    return reject(Code::invalid_command, "the event would end before it starts",
                  {{command.ends_at ? "/endsAt" : "/startsAt", "endsAt must be after startsAt"}});
  }
  if (command.sections) {
    if (auto refusal = merge_sections(event, *view.event, *command.sections)) {
      return *std::move(refusal);
    }
  }
  ++event.version;
  Decision decision = event_done(Code::event_updated, OutcomeType::event_updated);
  decision.event = std::move(event);
  return decision;
}

Decision decide_event(const CancelEvent& command, const View& view) {
  if (view.event == nullptr) {
    return event_not_found(command.event);
  }
  Decision decision = event_done(Code::event_cancelled, OutcomeType::event_cancelled);
  if (view.event->status == EventStatus::cancelled) {
    return decision;
  }
  decision.status = CommandStatus::in_progress;
  decision.follow = Follow::drain_reservations;
  if (view.event->status == EventStatus::cancelling) {
    return decision;
  }
  if (view.event->status != EventStatus::on_sale) {
    return event_not_on_sale("only an event that is on sale can be cancelled");
  }
  if (command.expected_version && *command.expected_version != view.event->version) {
    return version_conflict(*command.expected_version, view.event->version);
  }
  decision.event = *view.event;
  decision.event->status = EventStatus::cancelling;
  decision.event->cancel_reason = command.reason;
  ++decision.event->version;
  return decision;
}

Decision finish_cancel(const Event& event) {
  ADMITONE_ASSERT(event.status == EventStatus::cancelling);
  Decision decision = event_done(Code::event_cancelled, OutcomeType::event_cancelled);
  decision.event = event;
  decision.event->status = EventStatus::cancelled;
  return decision;
}

}  // namespace admitone::domain
