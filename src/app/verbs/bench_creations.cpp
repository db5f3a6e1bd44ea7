#include "app/verbs/bench_creations.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

#include "app/verbs/dice.hpp"

namespace admitone::app::bench {
namespace {

// Rows of random numbers of one seed, apart from those of bench_input.
constexpr std::uint64_t kEventRow = 1ULL << 43U;
constexpr std::uint64_t kFaultRow = 1ULL << 44U;
constexpr std::int64_t kVenues = 1'000;
// Longer than any call is waited for.
constexpr int kNeverSeconds = 60;

// The last eight digits of an id; by chance one in four thousand million has them.
std::string_view mark_of(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "";
    case Fault::refused:
      return "fa110001";
    case Fault::failed:
      return "fa110002";
    case Fault::venue_timed_out:
      return "fa110003";
    case Fault::chain_timed_out:
      return "fa110004";
  }
  return "";
}

Json rule(Fault fault, const char* operation, const std::string& after, const Json& action) {
  Json out{{"name", name_of(fault)},
           {"match",
            {{"operation", operation}, {"event", fmt::format("*{}{}", mark_of(fault), after)}}}};
  // The venue's no is final; what goes wrong else does so once.
  if (fault != Fault::refused) out["timesEach"] = 1;
  out["action"] = action;
  return out;
}

}  // namespace

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "none";
    case Fault::refused:
      return "refused";
    case Fault::failed:
      return "failed";
    case Fault::venue_timed_out:
      return "venue timed out";
    case Fault::chain_timed_out:
      return "chain timed out";
  }
  return "";
}

Fault fault_of(std::uint64_t seed, std::int64_t number) {
  const auto roll = Dice(seed, kFaultRow + static_cast<std::uint64_t>(number)).below(1'000);
  if (roll < 50) return Fault::refused;
  if (roll < 100) return Fault::failed;
  if (roll < 105) return Fault::venue_timed_out;
  if (roll < 110) return Fault::chain_timed_out;
  return Fault::none;
}

Fault fault_of_event(std::string_view event) {
  for (const auto fault :
       {Fault::refused, Fault::failed, Fault::venue_timed_out, Fault::chain_timed_out}) {
    if (event.ends_with(mark_of(fault))) return fault;
  }
  return Fault::none;
}

bool ended_as_planned(Fault fault, const std::string& status, const OutsideTraces& seen) {
  // One that was signed a second time without need would be in a block, too, and refused there.
  const int on_chain = fault == Fault::refused ? 0 : fault == Fault::failed ? 2 : 1;
  return status == (fault == Fault::refused ? "withdrawn" : "on_sale") &&
         traces_fit(status, seen) && seen.on_chain == on_chain;
}

std::string created_event(std::uint64_t seed, std::int64_t number) {
  std::string id = Dice(seed, kEventRow + static_cast<std::uint64_t>(number)).uuid();
  const auto mark = mark_of(fault_of(seed, number));
  return id.replace(id.size() - mark.size(), mark.size(), mark);
}

// An evening of its own for each at its venue, or the venue would refuse.
std::string creation_data(const std::string& event, std::int64_t number) {
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::year{2035} / 1 / 1} +
                                        std::chrono::days{number / kVenues}};
  const auto date =
      fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                  static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return fmt::format(
      R"({{"eventId":"{}","venueId":"hall-{}","name":"Evening {}",)"
      R"("startsAt":"{}T19:00:00Z","endsAt":"{}T22:00:00Z","timezone":"Europe/Berlin",)"
      R"("sections":[{{"sectionId":"floor","name":"floor","capacity":500,"priceMinor":4500,)"
      R"("currency":"EUR"}},{{"sectionId":"balcony","name":"balcony","capacity":200,)"
      R"("priceMinor":6500,"currency":"EUR"}}]}})",
      event, number % kVenues, number, date, date);
}

Json venue_faults() {
  return {{"rules",
           {rule(Fault::refused, "venue.hold", "", {{"type", "refuse"}, {"status", 409}}),
            rule(Fault::venue_timed_out, "venue.hold", "",
                 {{"type", "apply_then_lose"}, {"seconds", kNeverSeconds}})}}};
}

// In the memo the event's id stands in quotes.
Json chain_faults() {
  return {{"rules",
           {rule(Fault::failed, "sendTransaction", "\"*", {{"type", "land_with_error"}}),
            rule(Fault::chain_timed_out, "sendTransaction", "\"*",
                 {{"type", "apply_then_lose"}, {"seconds", kNeverSeconds}})}}};
}

}  // namespace admitone::app::bench
