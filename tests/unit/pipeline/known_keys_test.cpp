// What is known about keys: never a key forgotten that was just written, few that were not.
#include "pipeline/known_keys.hpp"

#include <gtest/gtest.h>

#include <random>

namespace admitone::pipeline {
namespace {

class Dice {
 public:
  ports::LedgerKey key() {
    ports::LedgerKey made;
    for (auto& byte : made.key.value.bytes) byte = static_cast<std::uint8_t>(dice_());
    return made;
  }

 private:
  std::mt19937_64 dice_{7};
};

TEST(KnownKeys, KnowsWhatWasAddedAndHardlyAnythingElse) {
  Dice dice;
  KnownKeys known(1U << 20U);
  std::vector<ports::LedgerKey> added;
  for (int i = 0; i < 300'000; ++i) known.add(added.emplace_back(dice.key()));
  for (const auto& key : added) ASSERT_TRUE(known.may_know(key));
  int wrong = 0;
  for (int i = 0; i < 100'000; ++i) wrong += known.may_know(dice.key()) ? 1 : 0;
  EXPECT_LT(wrong, 5'000);
}

TEST(KnownKeys, ForgetsTheOldestFirst) {
  Dice dice;
  KnownKeys known(300'000);
  const auto first = dice.key();
  known.add(first);
  ports::LedgerKey last;
  for (int i = 0; i < 600'000; ++i) known.add(last = dice.key());
  EXPECT_FALSE(known.may_know(first));
  EXPECT_TRUE(known.may_know(last));
}

TEST(Trust, IsLostForTwiceAsManyUnitsEachTime) {
  Trust trust;
  EXPECT_TRUE(trust.any());
  const auto units_without = [&] {
    trust.disappointed();
    int units = 0;
    for (; !trust.any(); ++units) trust.unit_done();
    return units;
  };
  EXPECT_EQ(units_without(), 8);
  EXPECT_EQ(units_without(), 16);
  EXPECT_EQ(units_without(), 32);
  for (int i = 0; i < 1'000; ++i) trust.unit_done();
  EXPECT_EQ(units_without(), 8);
}

}  // namespace
}  // namespace admitone::pipeline
