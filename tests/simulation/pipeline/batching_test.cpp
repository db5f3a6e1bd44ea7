// How commands fall into units of work must not show in what is decided (law L12): the same log,
// one command in each unit and many, gives the same answers and the same state.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

constexpr int kEvents = 5;
constexpr int kReservations = 8;
constexpr int kCommands = 60;
constexpr unsigned kSeeds = 60;

// Events of one lane.
std::vector<std::string> events_of_a_lane() {
  const World world;
  std::vector<std::string> ids;
  for (int i = 0; ids.size() < kEvents; ++i) {
    auto id = fmt::format("0a{:06}-0000-4000-8000-000000000001", i);
    if (world.lane_of(id) == 0) ids.push_back(std::move(id));
  }
  return ids;
}

// Commands over few names, ids, keys and versions, so that they get in each other's way.
class RandomLog {
 public:
  explicit RandomLog(unsigned seed) : random_(seed), events_(events_of_a_lane()) {}

  Sent next() {
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
  const std::string& event() { return events_[below(events_.size())]; }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  Sent fresh() {
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
  Sent create(const std::string& event) {
    const auto slug = below(3) == 0 ? fmt::format(R"("slug":"s-{}",)", below(3)) : "";
    const auto external = below(3) == 0 ? fmt::format(R"("externalId":"x-{}",)", below(3)) : "";
    return {
        .type = "ticketing.event.create.v1",
        .data = fmt::format(
            R"({{"eventId":"{}","venueId":"v-1",{}{}"name":"{}","startsAt":"{}",)"
            R"("endsAt":"2031-02-01T22:00:00Z","timezone":"Europe/Berlin","sections":)"
            R"([{{"sectionId":"a","name":"A","capacity":4,"priceMinor":1,"currency":"EUR"}}]}})",
            event, slug, external, name(), start()),
        .key = ""};
  }
  Sent update(const std::string& event) {
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
  Sent about(const std::string& verb, const std::string& event, const std::string& more) {
    return {.type = "ticketing.reservation." + verb + ".v1",
            .data = fmt::format(R"({{"eventId":"{}","reservationId":"{}"{}}})", event,
                                reservation(event), more),
            .key = ""};
  }
  std::string name() { return fmt::format("Show {}", below(3)); }
  std::string start() { return fmt::format("2031-01-0{}T19:00:00Z", 1 + below(2)); }
  // Of that event only: commands for an event that is being cancelled wait while others flow on, so
  // who is first with one id for two events depends on when they go on.
  std::string reservation(const std::string& event) {
    return fmt::format("0b{}-0000-4000-8000-{:012}", event.substr(2, 6), below(kReservations));
  }

  std::mt19937 random_;
  std::vector<std::string> events_;
  std::vector<Sent> sent_;
  int ids_ = 0;
};

// Everything that may be seen of an answer but when it came and after which.
using Answers = std::multiset<std::pair<std::string, std::string>>;

struct Result {
  Answers answers;
  std::vector<std::string> state;
  std::int64_t units = 0;
};

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

// The same records at the same times, in units of at most so many and so many bytes.
Result decide(const World& log, std::size_t batch_records, std::size_t unit_bytes,
              std::int32_t continuation_rows) {
  World world;
  world.kafka.commands = log.kafka.commands;
  world.options.batch_records = batch_records;
  world.options.unit_bytes = unit_bytes;
  world.options.continuation_rows = continuation_rows;
  // The log is all there is: no timers.
  world.options.tick = std::chrono::hours{24};
  world.clock = log.clock;
  world.database.now = log.clock.wall;
  auto worker = world.worker("one");
  worker->source.assign({{0, 0}});
  world.turn(*worker, kCommands * 6);
  EXPECT_TRUE(worker->engine.ready());
  EXPECT_EQ(world.database.progress.at({0, 0}).at.next_offset, kCommands);
  return {answers_of(world), state_of(world), world.database.units};
}

// What the second command asks for depends on what the first one makes of the event.
TEST(Batching, ANameIsLookedForAtTheTimeTheEventWasMovedTo) {
  const auto events = events_of_a_lane();
  const auto named = [](const std::string& event, const std::string& name, const std::string& key) {
    auto sent = create_event(event, 10, key);
    const auto at = sent.data.find("Show ");
    sent.data.replace(at, sent.data.find('"', at) - at, name);
    return sent;
  };
  const auto update = [](const std::string& event, int version, const std::string& member) {
    return Sent{.type = "ticketing.event.update.v1",
                .data = fmt::format(R"({{"eventId":"{}","expectedVersion":{},{}}})", event, version,
                                    member),
                .key = fmt::format("u-{}", version)};
  };
  for (const bool one_unit : {true, false}) {
    SCOPED_TRACE(one_unit);
    World world;
    auto worker = world.worker("one");
    worker->source.assign(World::all_lanes());
    world.turn(*worker);
    world.send(events[1], named(events[1], "B", "k1"));
    world.turn(*worker);
    world.send(events[0], named(events[0], "A", "k2"));
    for (const auto* member : {R"("startsAt":"2031-01-01T18:00:00Z")", R"("name":"B")",
                               R"("startsAt":"2031-01-01T19:00:00Z")", R"("name":"A")"}) {
      if (!one_unit) world.turn(*worker);
      const auto version = world.kafka.commands.at({0, 0}).size() - 1;
      world.send(events[0], update(events[0], static_cast<int>(version), member));
    }
    world.turn(*worker);
    EXPECT_EQ(world.codes(0),
              (std::vector<std::string>{"EVENT_CREATED", "EVENT_CREATED", "EVENT_UPDATED",
                                        "EVENT_UPDATED", "DUPLICATE_EVENT", "VERSION_CONFLICT"}));
  }
}

TEST(Batching, DoesNotShowInWhatIsDecided) {
  std::int64_t fewest = kCommands;
  for (unsigned seed = 1; seed <= kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomLog random(seed);
    World log;
    for (int i = 0; i < kCommands; ++i) {
      const auto sent = random.next();
      log.send("", sent, 0);
      // Within the window of the content key, mostly.
      log.clock.pass(std::chrono::milliseconds{random.below(40)});
    }
    const auto alone = decide(log, 1, 16U << 20U, 500);
    EXPECT_GE(alone.units, kCommands);
    const auto together = decide(log, 1'000, 16U << 20U, 500);
    fewest = std::min(fewest, together.units);
    const auto some = decide(log, 7, 16U << 20U, 2);
    const auto small = decide(log, 1'000, 2'000, 3);
    for (const auto* other : {&together, &some, &small}) {
      EXPECT_EQ(difference(other->answers, alone.answers), "");
      EXPECT_EQ(other->state, alone.state);
    }
  }
  EXPECT_LT(fewest, kCommands / 4) << "many commands are one unit";
}

}  // namespace
}  // namespace admitone::simulation
