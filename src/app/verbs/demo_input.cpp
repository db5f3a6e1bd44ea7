#include "app/verbs/demo_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/verbs/dice.hpp"

namespace admitone::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kShortHoldSeconds = 5;

struct Show {
  std::string tenant;
  std::string id;
  std::int32_t number = 0;
};

// An evening of its own for each: no hall is asked for twice.
std::string day_of(std::int32_t number) {
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::year{2035} / 6 / 1} +
                                        std::chrono::days{number}};
  return fmt::format("{}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

// The story of one event, command after command.
class Story {
 public:
  Story(Dice& dice, Show show) : dice_(dice), show_(std::move(show)) {}

  void create(const char* kind = "new event") {
    const std::string day = day_of(show_.number);
    // A hall is one tenant's.
    const std::string hall = "hall-" + show_.tenant.substr(0, 4) + "-";
    Json data = {{"eventId", show_.id},
                 {"venueId", hall + std::to_string(show_.number % 4)},
                 {"name", "Evening " + std::to_string(show_.number)},
                 {"startsAt", day + "T19:00:00Z"},
                 {"endsAt", day + "T22:00:00Z"},
                 {"timezone", "Europe/Berlin"},
                 {"sections", {section("floor", 120, 4500), section("balcony", 60, 6500)}}};
    push(kind, envelope("ticketing.event.create.v1", data, "create-" + show_.id));
  }

  void sell(std::int32_t holds) {
    for (std::int32_t i = 0; i < holds; ++i) customer(i);
  }

  void update() {
    const Json data = {
        {"eventId", show_.id}, {"expectedVersion", 1}, {"description", "Doors open at six"}};
    push("event update", envelope("ticketing.event.update.v1", data, "update-" + show_.id));
    // A second editor who looked at the same version loses.
    push("update of an old version",
         envelope("ticketing.event.update.v1", data, "late-update-" + show_.id));
  }

  void cancel() {
    const Json data = {{"eventId", show_.id}, {"reason", "the singer has a cold"}};
    push("event cancelled", envelope("ticketing.event.cancel.v1", data, "cancel-" + show_.id));
  }

  std::vector<DemoCommand> take() { return std::move(commands_); }

 private:
  static Json section(const char* id, int capacity, int price) {
    return {{"sectionId", id},
            {"name", id},
            {"capacity", capacity},
            {"priceMinor", price},
            {"currency", "EUR"}};
  }

  Json envelope(const char* type, const Json& data, const std::string& key) {
    Json event = {{"specversion", "1.0"},     {"id", dice_.uuid()},
                  {"source", "/shop/demo"},   {"type", type},
                  {"tenantid", show_.tenant}, {"datacontenttype", "application/json"}};
    if (!key.empty()) event["idempotencykey"] = key;
    event["data"] = data;
    return event;
  }

  void push(const char* kind, const Json& event) { push_bytes(kind, event.dump()); }
  void push_bytes(const char* kind, std::string value) {
    commands_.push_back({kind,
                         show_.id,
                         std::move(value),
                         {{"content-type", "application/cloudevents+json; charset=UTF-8"}},
                         false});
  }
  // Only what may arrive late without changing what happens: a detour costs its place in the order.
  void push_astray(const char* kind, const Json& event) {
    push(kind, event);
    commands_.back().other_partitioner = dice_.percent(30);
  }

  void reservation(const char* kind, const char* type, const std::string& id, const char* verb,
                   Json extra) {
    Json data = {{"eventId", show_.id}, {"reservationId", id}};
    data.update(extra);
    retry_at_times(kind, envelope(type, data, verb + id));
  }

  // Producers send again when an answer is late, sometimes as a new message.
  void retry_at_times(const char* kind, Json event) {
    push(kind, event);
    if (!dice_.percent(9)) return;
    if (dice_.percent(50)) event["id"] = dice_.uuid();
    const std::int64_t copies = 1 + dice_.below(3);
    for (std::int64_t i = 0; i < copies; ++i) push_astray("retry of a command", event);
  }

  void customer(std::int32_t number) {
    const std::string id = dice_.uuid();
    Json data = {{"reservationId", id},
                 {"eventId", show_.id},
                 {"customerId", fmt::format("customer-{}-{}", show_.number, number)},
                 {"items",
                  {{{"sectionId", dice_.percent(70) ? "floor" : "balcony"},
                    {"quantity", 1 + dice_.below(4)}}}}};
    const bool walks_away = dice_.percent(4);
    if (walks_away) data["holdSeconds"] = kShortHoldSeconds;
    const Json hold = envelope("ticketing.reservation.create.v1", data, "hold-" + id);
    retry_at_times(walks_away ? "hold that runs out" : "hold", hold);
    trouble(number, hold);
    if (!walks_away) decide_later(id);
  }

  void decide_later(const std::string& id) {
    const std::int64_t roll = dice_.below(100);
    if (roll < 45) {
      reservation("confirm", "ticketing.reservation.confirm.v1", id, "confirm-",
                  {{"paymentReference", "pay-" + id.substr(0, 8)}});
      if (roll < 4) {
        reservation("refund", "ticketing.reservation.cancel.v1", id, "refund-",
                    {{"refundReference", "refund-" + id.substr(0, 8)}});
      }
    } else if (roll < 60) {
      reservation("release", "ticketing.reservation.release.v1", id, "release-",
                  {{"reason", "changed their mind"}});
    } else if (roll < 66) {
      reservation("extend", "ticketing.reservation.extend.v1", id, "extend-",
                  {{"holdSeconds", 900}});
    }
  }

  // What goes wrong in a year, in one evening.
  void trouble(std::int32_t number, const Json& hold) {
    switch (number % 25) {
      case 3: {
        Json other = hold;
        other["id"] = dice_.uuid();
        other["data"]["customerId"] = "somebody-else";
        push_astray("reused key", other);
        break;
      }
      case 8: {
        Json wrong = envelope("ticketing.reservation.create.v1", hold["data"], "");
        wrong["data"]["items"][0]["quantity"] = dice_.percent(50) ? Json(0) : Json("two");
        push("breaks the schema", wrong);
        break;
      }
      case 13: {
        Json late = envelope("ticketing.reservation.create.v1", hold["data"], "");
        late["expirytime"] = "2020-01-01T00:00:00Z";
        push("too late for its sender", late);
        break;
      }
      case 18:
        poison(hold);
        break;
      case 23: {
        Json unknown = envelope(
            "ticketing.reservation.confirm.v1",
            {{"eventId", show_.id}, {"reservationId", dice_.uuid()}, {"paymentReference", "pay-0"}},
            "");
        push("unknown reservation", unknown);
        break;
      }
      default:
        break;
    }
  }

  void poison(const Json& hold) {
    switch (dice_.below(3)) {
      case 0:
        push_bytes("poison", std::string("\x00\xff\xfe{{{", 7));
        break;
      case 1:
        push_bytes("poison", std::string(200, '['));
        break;
      default: {
        Json unknown = hold;
        unknown["type"] = "ticketing.reservation.teleport.v9";
        push("poison", unknown);
        break;
      }
    }
  }

  Dice& dice_;
  Show show_;
  std::vector<DemoCommand> commands_;
};

// Customers of all events at once; the order within each event stays.
std::vector<DemoCommand> interleave(Dice& dice, std::vector<std::vector<DemoCommand>> stories) {
  std::vector<DemoCommand> all;
  std::vector<std::size_t> at(stories.size(), 0);
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < stories.size(); ++i) {
    if (!stories[i].empty()) open.push_back(i);
  }
  while (!open.empty()) {
    const auto pick = static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(open.size())));
    const std::size_t story = open[pick];
    all.push_back(std::move(stories[story][at[story]]));
    if (++at[story] == stories[story].size()) {
      open[pick] = open.back();
      open.pop_back();
    }
  }
  return all;
}

}  // namespace

std::vector<DemoCommand> make_demo_input(const DemoOptions& options) {
  Dice dice(options.seed);
  const std::array<std::string, 3> tenants{dice.uuid(), dice.uuid(), dice.uuid()};
  std::vector<std::vector<DemoCommand>> stories;
  for (std::int32_t i = 0; i < options.events; ++i) {
    Story story(dice, {tenants[static_cast<std::size_t>(i) % tenants.size()], dice.uuid(), i});
    story.create();
    story.sell(options.holds_per_event / 2);
    story.update();
    story.sell(options.holds_per_event - options.holds_per_event / 2);
    if (i % 12 == 11) story.cancel();
    stories.push_back(story.take());
  }
  // What the world outside does to an event.
  auto number = options.events;
  for (const char* kind : {kRefusedOutside, kUnansweredOutside}) {
    Story story(dice, {tenants[0], dice.uuid(), number++});
    story.create(kind);
    stories.push_back(story.take());
  }
  return interleave(dice, std::move(stories));
}

}  // namespace admitone::app
