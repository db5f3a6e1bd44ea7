#include "app/verbs/demo_input.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "contract/decode.hpp"

namespace admitone::app {
namespace {

contract::Decoded decode(const DemoCommand& command) {
  base::Record record;
  record.key = command.key;
  record.value = command.value;
  for (const auto& header : command.headers) {
    record.headers.push_back({header.name, header.value, false});
  }
  record.bytes = command.value.size();
  return contract::decode(record, {});
}

bool is_refused(const contract::Decoded& decoded, contract::Refusal::Kind kind) {
  const auto* refusal = std::get_if<contract::Refusal>(&decoded.body);
  return refusal != nullptr && refusal->kind == kind;
}

TEST(DemoInput, IsTheSameForEver) {
  const auto once = make_demo_input({});
  const auto again = make_demo_input({});
  ASSERT_EQ(once.size(), again.size());
  for (std::size_t i = 0; i < once.size(); ++i) {
    ASSERT_EQ(once[i].value, again[i].value);
    ASSERT_EQ(once[i].other_partitioner, again[i].other_partitioner);
  }
  const auto other = make_demo_input({.seed = 7});
  EXPECT_NE(once[0].value, other[0].value);
}

TEST(DemoInput, ShowsEveryKindOfTrouble) {
  std::map<std::string, int> kinds;
  int astray = 0;
  for (const auto& command : make_demo_input({})) {
    ++kinds[command.kind];
    astray += command.other_partitioner ? 1 : 0;
  }
  for (const char* kind :
       {"new event", "event update", "update of an old version", "event cancelled", "hold",
        "hold that runs out", "confirm", "refund", "release", "extend", "retry of a command",
        "reused key", "breaks the schema", "too late for its sender", "poison",
        "unknown reservation", kRefusedOutside, kUnansweredOutside}) {
    EXPECT_GT(kinds[kind], 0) << kind;
  }
  EXPECT_GT(astray, 50);
}

TEST(DemoInput, BeginsEveryEventWithItsCreation) {
  std::set<std::string> seen;
  for (const auto& command : make_demo_input({})) {
    if (seen.insert(command.key).second) {
      EXPECT_TRUE(command.kind.starts_with("new event"));
    }
  }
}

// The venue service lets no two events have one hall at a time, nor two tenants.
TEST(DemoInput, AsksForNoHallTwice) {
  std::set<std::string> evenings;
  std::map<std::string, std::string> tenants;
  int events = 0;
  for (const auto& command : make_demo_input({.events = 100, .holds_per_event = 1})) {
    if (!command.kind.starts_with("new event")) continue;
    ++events;
    const auto decoded = decode(command);
    const auto& good = std::get<contract::DecodedCommand>(decoded.body);
    const auto& create = std::get<domain::CreateEvent>(good.command);
    EXPECT_TRUE(
        evenings
            .insert(create.venue_id + " " + std::to_string(base::to_unix_millis(create.starts_at)))
            .second);
    const auto& owner = tenants.emplace(create.venue_id, good.envelope.tenant.str()).first->second;
    EXPECT_EQ(owner, good.envelope.tenant.str());
  }
  EXPECT_EQ(events, 102);
}

TEST(DemoInput, IsRefusedExactlyWhereItMeansToBe) {
  for (const auto& command : make_demo_input({})) {
    const auto decoded = decode(command);
    if (command.kind == "breaks the schema") {
      EXPECT_TRUE(is_refused(decoded, contract::Refusal::Kind::invalid)) << command.value;
    } else if (command.kind == "poison") {
      EXPECT_TRUE(is_refused(decoded, contract::Refusal::Kind::dead)) << command.value;
    } else {
      const auto* good = std::get_if<contract::DecodedCommand>(&decoded.body);
      ASSERT_NE(good, nullptr) << command.value;
      EXPECT_EQ(good->event.str(), command.key);
    }
  }
}

}  // namespace
}  // namespace admitone::app
