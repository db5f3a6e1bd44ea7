#include "app/verbs/bench_input.hpp"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "contract/decode.hpp"
#include "contract/keys.hpp"

namespace admitone::app::bench {
namespace {

std::vector<ports::OutgoingRecord> all_of(Input& input) {
  std::vector<ports::OutgoingRecord> records;
  ports::OutgoingRecord record;
  while (input.next(record)) records.push_back(record);
  return records;
}

std::vector<ports::OutgoingRecord> all_of(Shape shape, std::int64_t size, std::int64_t events,
                                          std::uint64_t seed = 1) {
  Input input({shape, seed, size, events});
  return all_of(input);
}

std::string header(const ports::OutgoingRecord& record, const std::string& name) {
  for (const auto& each : record.headers) {
    if (each.name == name) return each.value;
  }
  return {};
}

contract::Decoded decode(const ports::OutgoingRecord& command) {
  base::Record record;
  record.key = *command.key;
  record.value = *command.value;
  for (const auto& each : command.headers) record.headers.push_back({each.name, each.value, false});
  record.bytes = command.value->size();
  return contract::decode(record, {});
}

bool is_refused(const contract::Decoded& decoded) {
  return std::holds_alternative<contract::Refusal>(decoded.body);
}

class EveryShape : public testing::TestWithParam<Shape> {};

TEST_P(EveryShape, IsTheSameForEverAndOtherwiseWithAnotherSeed) {
  const auto once = all_of(GetParam(), 500, 7);
  const auto again = all_of(GetParam(), 500, 7);
  ASSERT_EQ(once.size(), again.size());
  for (std::size_t i = 0; i < once.size(); ++i) {
    ASSERT_EQ(once[i].key, again[i].key);
    ASSERT_EQ(once[i].value, again[i].value);
    ASSERT_EQ(once[i].headers, again[i].headers);
  }
  EXPECT_NE(once.back().value, all_of(GetParam(), 500, 7, 2).back().value);
}

TEST_P(EveryShape, SaysHowManyRecordsAndOutcomesThereAre) {
  Input input({GetParam(), 1, 500, 7});
  const auto total = input.total();
  const auto records = all_of(input);
  EXPECT_EQ(static_cast<std::int64_t>(records.size()), total);
  EXPECT_EQ(input.records(), total);
  std::int64_t owed = 0;
  for (const auto& record : records) owed += record.headers.empty() ? 0 : 1;
  EXPECT_EQ(input.outcomes(), owed);
}

class ShapesWithEvents : public EveryShape {};

TEST_P(ShapesWithEvents, MakeThemFirst) {
  Input input({GetParam(), 1, 500, 7});
  const auto records = all_of(input);
  std::int64_t events = 0;
  for (const auto& record : records) {
    if (header(record, "ce_type") != "ticketing.event.create.v1") break;
    EXPECT_FALSE(is_refused(decode(record)));
    ++events;
  }
  EXPECT_EQ(events, input.event_creations());
}

INSTANTIATE_TEST_SUITE_P(AllShapes, EveryShape,
                         testing::Values(Shape::unique, Shape::hot, Shape::duplicates, Shape::mixed,
                                         Shape::creations, Shape::neighbours));
INSTANTIATE_TEST_SUITE_P(ButCreations, ShapesWithEvents,
                         testing::Values(Shape::unique, Shape::hot, Shape::duplicates, Shape::mixed,
                                         Shape::neighbours));

TEST(UniqueHolds, KeepTheContractAndHaveTheSizeThatIsClaimed) {
  std::set<std::string> keys;
  std::set<std::string> ids;
  std::map<std::string, int> by_event;
  for (const auto& record : all_of(Shape::unique, 2000, 10)) {
    ASSERT_FALSE(is_refused(decode(record))) << *record.value;
    keys.insert(header(record, "ce_idempotencykey"));
    ids.insert(header(record, "ce_id"));
    if (header(record, "ce_type") != "ticketing.reservation.create.v1") continue;
    ++by_event[*record.key];
    EXPECT_GT(record.value->size(), 300U);
    EXPECT_LT(record.value->size(), 370U);
  }
  EXPECT_EQ(keys.size(), 2010U);
  EXPECT_EQ(ids.size(), 2010U);
  EXPECT_EQ(by_event.size(), 10U);
  for (const auto& [event, holds] : by_event) EXPECT_GT(holds, 120) << event;
}

TEST(AHotEvent, IsTheOnlyOneAndSellsOutHalfWay) {
  const auto records = all_of(Shape::hot, 2000, 10);
  EXPECT_NE(records[0].value->find("\"capacity\":500"), std::string::npos) << *records[0].value;
  std::set<std::string> events;
  for (const auto& record : records) events.insert(*record.key);
  EXPECT_EQ(events.size(), 1U);
}

TEST(Duplicates, AreEveryOtherCommandAgainAndTheSameBytes) {
  std::map<std::string, std::vector<ports::OutgoingRecord>> by_key;
  for (auto& record : all_of(Shape::duplicates, 2000, 10)) {
    by_key[header(record, "ce_idempotencykey")].push_back(record);
  }
  std::map<std::size_t, int> keys_by_copies;
  for (const auto& [key, copies] : by_key) {
    ++keys_by_copies[copies.size()];
    EXPECT_EQ(copies.front().value, copies.back().value);
    EXPECT_EQ(copies.front().headers, copies.back().headers);
  }
  EXPECT_EQ(keys_by_copies[1], 1010);
  EXPECT_EQ(keys_by_copies[2], 1000);
}

TEST(AMixedLife, HasTheSharesThatAreClaimed) {
  std::map<std::string, int> types;
  std::map<std::string, int> events;
  int refused = 0;
  int poison = 0;
  std::map<std::string, int> keys;
  int reused = 0;
  for (const auto& record : all_of(Shape::mixed, 20'000, 50)) {
    if (record.headers.empty()) {
      ++poison;
      continue;
    }
    ++types[header(record, "ce_type")];
    ++events[*record.key];
    refused += is_refused(decode(record)) ? 1 : 0;
    reused += keys[header(record, "ce_idempotencykey")]++ > 0 ? 1 : 0;
  }
  EXPECT_NEAR(types["ticketing.reservation.confirm.v1"], 2000, 200);
  EXPECT_NEAR(types["ticketing.reservation.release.v1"], 1000, 150);
  EXPECT_NEAR(refused, 600, 100);
  EXPECT_NEAR(reused, 200, 60);
  EXPECT_NEAR(poison, 200, 60);
  // Zipf with exponent 1.0 over 50 events: the first one gets 1 / H(50) = 22 %.
  int most = 0;
  for (const auto& [event, commands] : events) most = std::max(most, commands);
  EXPECT_NEAR(most, 4400, 450);
}

TEST(Creations, AreOfOneEventEachAndNoTwoMeetAtAVenue) {
  std::set<std::string> events;
  std::set<std::pair<std::string, std::string>> evenings;
  for (const auto& record : all_of(Shape::creations, 3000, 0)) {
    ASSERT_FALSE(is_refused(decode(record))) << *record.value;
    const auto data = nlohmann::json::parse(*record.value);
    EXPECT_EQ(data["eventId"], *record.key);
    events.insert(*record.key);
    evenings.emplace(data["venueId"], data["startsAt"]);
  }
  EXPECT_EQ(events.size(), 3000U);
  EXPECT_EQ(evenings.size(), 3000U);
}

// Ten tenants of which one sends a hundred times as much as each other, all of them in every lane.
TEST(Neighbours, HaveTheSharesThatAreClaimedAndShareTheLanes) {
  InputOptions options{Shape::neighbours, 1, 109'000, 1000, "w13"};
  Input input(options);
  std::map<std::string, std::int64_t> commands;
  std::map<std::string, std::set<std::int32_t>> lanes;
  std::int64_t number = 0;
  for (const auto& record : all_of(input)) {
    const auto tenant = header(record, "ce_tenantid");
    lanes[tenant].insert(contract::partition_of(contract::Partitioner::murmur2, *record.key, 12));
    if (header(record, "ce_type") == "ticketing.event.create.v1") continue;
    ++commands[tenant];
    ASSERT_EQ(input.is_apart(number++), tenant != input.tenant());
  }
  ASSERT_EQ(commands.size(), 10U);
  for (const auto& [tenant, n] : commands) {
    const bool loud = tenant == input.tenant();
    EXPECT_NEAR(static_cast<double>(n), loud ? 100'000 : 1'000, loud ? 400 : 150) << tenant;
    EXPECT_EQ(lanes[tenant].size(), 12U) << tenant;
  }
}

TEST(Neighbours, AreAloneOnTheSameEventsWhenTheLoudOneSendsNothing) {
  InputOptions options{Shape::neighbours, 1, 900, 95, "w13", true};
  Input quiet(options);
  options.quiet = false;
  Input all(options);
  EXPECT_EQ(quiet.event_creations(), 100);
  const auto alone = all_of(quiet);
  const auto beside = all_of(all);
  for (std::size_t i = 0; i < 100; ++i) ASSERT_EQ(alone[i].value, beside[i].value);
  std::map<std::string, int> commands;
  for (std::size_t i = 100; i < alone.size(); ++i) ++commands[header(alone[i], "ce_tenantid")];
  EXPECT_EQ(commands.size(), 9U);
  EXPECT_FALSE(commands.contains(quiet.tenant()));
}

TEST(DueTimes, AreSoManyASecondAndNotEvenlySpread) {
  const auto due = due_times(1000, 50'000);
  ASSERT_EQ(due.size(), 50'000U);
  EXPECT_EQ(due, due_times(1000, 50'000));
  EXPECT_NEAR(std::chrono::duration<double>(due.back()).count(), 50, 1);
  // The gaps of a Poisson process are exponential: 1 - 1/e of them below their mean.
  int below_mean = 0;
  for (std::size_t i = 1; i < due.size(); ++i) {
    ASSERT_GE(due[i], due[i - 1]);
    below_mean += due[i] - due[i - 1] < std::chrono::milliseconds{1} ? 1 : 0;
  }
  EXPECT_NEAR(below_mean / 50'000.0, 0.632, 0.01);
}

TEST(CommandNumbers, AreReadBackFromTheIdsOfCommandsOnly) {
  Input input({Shape::unique, 1, 3, 2, "w7"});
  std::vector<std::optional<std::size_t>> numbers;
  for (const auto& record : all_of(input))
    numbers.push_back(command_number(header(record, "ce_id")));
  const std::vector<std::optional<std::size_t>> expected{std::nullopt, std::nullopt, 0, 1, 2};
  EXPECT_EQ(numbers, expected);
  EXPECT_EQ(command_number("foreign"), std::nullopt);
  EXPECT_EQ(command_number("w7-1x"), std::nullopt);
}

}  // namespace
}  // namespace admitone::app::bench
