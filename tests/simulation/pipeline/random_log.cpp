#include "simulation/pipeline/random_log.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace admitone::simulation {
namespace {

constexpr int kEvents = 5;
constexpr int kReservations = 8;

}  // namespace

std::vector<std::string> events_of_a_lane() {
  const World world;
  std::vector<std::string> ids;
  for (int i = 0; ids.size() < kEvents; ++i) {
    auto id = fmt::format("0a{:06}-0000-4000-8000-000000000001", i);
    if (world.lane_of(id) == 0) ids.push_back(std::move(id));
  }
  return ids;
}

Sent RandomLog::next() {
  // Sent again: under its key, or as a copy without one.
  if (!sent_.empty() && below(6) == 0) {
    auto again = sent_[below(sent_.size())];
    if (below(3) > 0) again.id = fmt::format("again-{}", ++ids_);
    if (below(4) == 0) again.key = fmt::format("other-{}", ids_);
    return again;
  }
  auto sent = fresh();
  sent.id = fmt::format("c-{}", ++ids_);
  // Some without a key, some under one that was used.
  const auto kind = below(8);
  if (kind > 1) sent.key = fmt::format("k-{}", kind == 2 ? below(10) : 1'000 + ids_);
  sent_.push_back(sent);
  return sent;
}

Sent RandomLog::fresh() {
  const auto& event = this->event();
  switch (below(12)) {
    case 0:
    case 1:
      return create(event);
    case 2:
    case 3:
    case 4:
      return update(event);
    case 5:
      return below(3) == 0 ? cancel_event(event, "") : update(event);
    case 6:
    case 7:
    case 8:
      return hold(event, 1 + static_cast<int>(below(3)), "", reservation(event));
    case 9:
      return confirm(event, reservation(event), "");
    case 10:
      return about(below(2) == 0 ? "release" : "cancel", event, "");
    default:
      return below(2) == 0 ? about("extend", event, R"(,"holdSeconds":900)")
                           : about("expire", event, R"(,"holdVersion":1)");
  }
}

Sent RandomLog::create(const std::string& event) {
  const auto slug = below(3) == 0 ? fmt::format(R"("slug":"s-{}",)", below(3)) : "";
  const auto external = below(3) == 0 ? fmt::format(R"("externalId":"x-{}",)", below(3)) : "";
  return {.type = "ticketing.event.create.v1",
          .data = fmt::format(
              R"({{"eventId":"{}","venueId":"v-1",{}{}"name":"{}","startsAt":"{}",)"
              R"("endsAt":"2031-02-01T22:00:00Z","timezone":"Europe/Berlin","sections":)"
              R"([{{"sectionId":"a","name":"A","capacity":4,"priceMinor":1,"currency":"EUR"}}]}})",
              event, slug, external, name(), start()),
          .key = ""};
}

Sent RandomLog::update(const std::string& event) {
  std::string members;
  const auto which = 1 + below(7);
  if ((which & 1U) != 0) members += fmt::format(R"(,"name":"{}")", name());
  if ((which & 2U) != 0) members += fmt::format(R"(,"startsAt":"{}")", start());
  if (which == 4) members += R"(,"description":"new")";
  return {.type = "ticketing.event.update.v1",
          .data = fmt::format(R"({{"eventId":"{}","expectedVersion":{}{}}})", event, 1 + below(4),
                              members),
          .key = ""};
}

Sent RandomLog::about(const std::string& verb, const std::string& event, const std::string& more) {
  return {.type = "ticketing.reservation." + verb + ".v1",
          .data = fmt::format(R"({{"eventId":"{}","reservationId":"{}"{}}})", event,
                              reservation(event), more),
          .key = ""};
}

std::string RandomLog::name() {
  return fmt::format("Show {}", below(3));
}

std::string RandomLog::start() {
  return fmt::format("2031-01-0{}T19:00:00Z", 1 + below(2));
}

std::string RandomLog::reservation(const std::string& event) {
  return fmt::format("0b{}-0000-4000-8000-{:012}", event.substr(2, 6), below(kReservations));
}

void RandomLog::fill(World& log, int commands) {
  for (int i = 0; i < commands; ++i) {
    const auto sent = next();
    log.send("", sent, 0);
    log.clock.pass(std::chrono::milliseconds{below(40)});
  }
}

Answers answers_of(const World& world) {
  Answers all;
  for (const auto& [lane, log] : world.kafka.outcomes) {
    for (const auto& record : log) {
      std::string origin;
      std::string rest = record.value.value_or("");
      for (const auto& header : record.headers) {
        if (header.name == "admitone-origin") origin = header.value;
        if (header.name != "admitone-seq" && header.name != "ce_time")
          rest += "\n" + header.name + ": " + header.value;
      }
      all.emplace(origin, rest);
    }
  }
  return all;
}

// The first answer that is not among the others.
std::string difference(const Answers& some, const Answers& others) {
  const auto [one, other] = std::mismatch(some.begin(), some.end(), others.begin(), others.end());
  const auto text = [](const Answers& all, Answers::const_iterator at) {
    return at == all.end() ? std::string("none") : at->first + ": " + at->second;
  };
  if (one == some.end() && other == others.end()) return "";
  return text(some, one) + "\n\nand elsewhere\n" + text(others, other);
}

std::vector<std::string> state_of(const World& world) {
  std::vector<std::string> all;
  for (const auto& [key, event] : world.database.events) {
    all.push_back(fmt::format("event {} {} {} '{}' {} {}", event.id.str(), event.version,
                              static_cast<int>(event.status), event.name_folded, event.slug,
                              base::to_unix_micros(event.starts_at)));
    for (const auto& section : event.sections)
      all.push_back(fmt::format("  {} {} {}", section.section_id, section.held, section.sold));
  }
  for (const auto& [key, one] : world.database.reservations)
    all.push_back(fmt::format("reservation {} of {}: {} {}", one.id.str(), one.event.str(),
                              static_cast<int>(one.status), one.version));
  for (const auto& [key, row] : world.database.ledger)
    EXPECT_NE(row.status, domain::CommandStatus::in_progress) << row.command_id;
  EXPECT_TRUE(world.database.parked.empty());
  return all;
}

}  // namespace admitone::simulation
