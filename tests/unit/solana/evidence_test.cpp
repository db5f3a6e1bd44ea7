// What is believed about transactions, over every combination of what can be seen of them. The
// letters are those of evidence.cpp: L landed, l landed but not deep, F failed for good, f failed
// but not deep, o not found and may still land, x not found and never will.

#include "solana/evidence.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace admitone::solana {
namespace {

using ports::ChainStatus;

constexpr std::int64_t kHeight = 1000;      // finalized, in the slot
constexpr std::int64_t kHeightSlot = 5000;  //
constexpr std::int64_t kFailedSlot = 5100;  // of an F: after the height was seen

Sighting sighting(char letter) {
  switch (letter) {
    case 'L':
      return {true, Depth::finalized, 4000, ""};
    case 'l':
      return {true, Depth::confirmed, 4000, ""};
    case 'F':
      return {true, Depth::finalized, kFailedSlot, R"({"InstructionError":[0,{"Custom":0}]})"};
    case 'f':
      return {true, Depth::confirmed, kFailedSlot, "err"};
    default:
      return {};
  }
}

Evidence evidence_of(const std::string& letters) {
  Evidence evidence;
  for (const char letter : letters) {
    ports::SignedTransaction one;
    one.signature = "signature" + std::to_string(evidence.transactions.size());
    one.last_valid_block_height = letter == 'o' ? kHeight : kHeight - 1;
    evidence.transactions.push_back(one);
    evidence.sightings.push_back(sighting(letter));
  }
  evidence.sightings_slot = kHeightSlot;
  evidence.height = {kHeight, kHeightSlot};
  evidence.searched_after_height = true;
  return evidence;
}

ports::ChainState state_of(const std::string& letters, Guard guard,
                           Commitment wanted = Commitment::finalized) {
  auto evidence = evidence_of(letters);
  evidence.guard = {guard, kFailedSlot};
  const auto finding = consider(evidence, wanted);
  EXPECT_EQ(finding.ask, Question::none) << letters;
  return finding.state;
}
ChainStatus status_of(const std::string& letters, Guard guard,
                      Commitment wanted = Commitment::finalized) {
  return state_of(letters, guard, wanted).status;
}

bool has(const std::string& letters, std::string_view any) {
  return letters.find_first_of(any) != std::string::npos;
}

// Said once more, in the order of the table: not the way the code says it.
ChainStatus expected(const std::string& letters, Guard guard) {
  if (has(letters, "L")) return ChainStatus::landed;
  if (has(letters, "lfo")) return ChainStatus::pending;
  if (guard == Guard::made) return ChainStatus::taken;
  return has(letters, "F") ? ChainStatus::failed : ChainStatus::dead;
}

TEST(Evidence, decides_every_combination_of_up_to_three_transactions) {
  const std::string_view all = "LlFfox";
  std::vector<std::string> combinations{""};
  int seen = 0;
  for (int length = 1; length <= 3; ++length) {
    std::vector<std::string> longer;
    for (const auto& shorter : combinations)
      for (const char letter : all) longer.push_back(shorter + letter);
    for (const auto& letters : longer)
      for (const auto guard : {Guard::absent, Guard::funded, Guard::made}) {
        const auto state = state_of(letters, guard);
        EXPECT_EQ(state.status, expected(letters, guard)) << letters;
        EXPECT_EQ(state.has_landed, state.status == ChainStatus::pending && has(letters, "lf"))
            << letters;
        ++seen;
      }
    combinations = longer;
  }
  EXPECT_EQ(seen, 3 * (6 + 36 + 216));
}

struct Named {
  const char* why;
  const char* letters;
  Guard guard;
  ChainStatus status;
};

TEST(Evidence, decides_the_cases_that_matter_as_written_here) {
  using enum ChainStatus;
  const Named table[] = {
      {"one expired, the other landed", "xL", Guard::made, landed},
      {"the second failed because the first had landed", "LF", Guard::made, landed},
      {"it failed because of a copy we do not know of", "F", Guard::made, taken},
      {"both failed, and somebody has the account", "FF", Guard::made, taken},
      {"expired and unseen, but the account is there: its node has lost the history", "x",
       Guard::made, taken},
      {"failed for a reason of its own", "F", Guard::absent, failed},
      {"failed, while an expired one never came", "xF", Guard::absent, failed},
      {"failed, but another may still land", "Fo", Guard::absent, pending},
      {"failed on a block that a fork may undo", "f", Guard::absent, pending},
      {"all expired and unseen", "xxx", Guard::absent, dead},
      {"all expired and unseen, and a stranger paid into the address", "xx", Guard::funded, dead},
      {"failed because a stranger paid into the address", "F", Guard::funded, failed},
      {"one expired, the other not yet", "xo", Guard::absent, pending},
  };
  for (const auto& row : table) EXPECT_EQ(status_of(row.letters, row.guard), row.status) << row.why;
}

TEST(Evidence, takes_a_confirmed_landing_where_that_is_wanted_but_never_a_confirmed_failure) {
  EXPECT_EQ(status_of("l", Guard::made, Commitment::confirmed), ChainStatus::landed);
  EXPECT_EQ(status_of("f", Guard::absent, Commitment::confirmed), ChainStatus::pending);
  auto processed = evidence_of("l");
  processed.sightings[0].depth = Depth::processed;
  EXPECT_EQ(consider(processed, Commitment::confirmed).state.status, ChainStatus::pending);
}

TEST(Evidence, names_the_transaction_that_landed_and_the_last_one_that_failed) {
  auto evidence = evidence_of("xLF");
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.signature, "signature1");
  evidence = evidence_of("FxF");
  evidence.guard = {Guard::funded, kFailedSlot};
  const auto state = consider(evidence, Commitment::finalized).state;
  EXPECT_EQ(state.signature, "signature2");
  EXPECT_NE(state.detail.find("Custom"), std::string::npos);
  EXPECT_NE(state.detail.find("sent lamports"), std::string::npos);
}

TEST(Evidence, asks_for_the_height_first_then_searches_again_then_looks_for_the_guard) {
  auto evidence = evidence_of("x");
  evidence.height.reset();
  evidence.searched_after_height = false;
  EXPECT_EQ(consider(evidence, Commitment::finalized).ask, Question::height);
  evidence.height = {kHeight, kHeightSlot};
  const auto search = consider(evidence, Commitment::finalized);
  EXPECT_EQ(search.ask, Question::sightings);
  EXPECT_EQ(search.min_slot, kHeightSlot);
  evidence.searched_after_height = true;
  const auto guard = consider(evidence, Commitment::finalized);
  EXPECT_EQ(guard.ask, Question::guard);
  EXPECT_EQ(guard.min_slot, kHeightSlot);
}

TEST(Evidence, asks_for_no_height_when_all_have_failed_but_for_a_guard_from_after_the_failures) {
  auto evidence = evidence_of("FF");
  evidence.height.reset();
  const auto finding = consider(evidence, Commitment::finalized);
  EXPECT_EQ(finding.ask, Question::guard);
  EXPECT_EQ(finding.min_slot, kFailedSlot);
}

TEST(Evidence, is_not_enough_when_the_height_is_just_the_last_valid_one) {
  auto evidence = evidence_of("x");
  evidence.guard = {Guard::absent, kFailedSlot};
  evidence.transactions[0].last_valid_block_height = kHeight;
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.status, ChainStatus::pending);
  evidence.transactions[0].last_valid_block_height = kHeight - 1;
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.status, ChainStatus::dead);
}

TEST(Evidence, is_not_enough_when_the_search_or_the_guard_is_of_a_node_that_lags) {
  auto evidence = evidence_of("x");
  evidence.guard = {Guard::absent, kHeightSlot};
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.status, ChainStatus::dead);
  evidence.sightings_slot = kHeightSlot - 1;
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.status, ChainStatus::pending);
  evidence.sightings_slot = kHeightSlot;
  evidence.guard->slot = kHeightSlot - 1;
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.status, ChainStatus::pending);
}

TEST(Evidence, does_not_take_a_guard_from_before_a_failure_for_its_absence) {
  auto evidence = evidence_of("xF");
  evidence.guard = {Guard::absent, kFailedSlot - 1};
  EXPECT_EQ(consider(evidence, Commitment::finalized).state.status, ChainStatus::pending);
}

TEST(Evidence, of_nothing_ever_prepared_is_that_nothing_will_land) {
  EXPECT_EQ(consider({}, Commitment::finalized).state.status, ChainStatus::dead);
}

}  // namespace
}  // namespace admitone::solana
