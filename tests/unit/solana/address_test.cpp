#include "solana/address.hpp"

#include <gtest/gtest.h>

#include "solana/base58.hpp"
#include "solana/instructions.hpp"

namespace admitone::solana {
namespace {

const Key kMemo = parse_key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr").value();

Key y_coordinate(std::uint8_t y) {
  Key key{};
  key[0] = y;
  return key;
}

// The points of small order decompress, and libsodium calls them invalid: with its own test in
// place of ours, addresses would be wrong.
TEST(Address, is_on_the_curve_when_it_decompresses_whatever_its_order) {
  EXPECT_TRUE(on_curve(y_coordinate(1)));  // the identity
  const Key order_eight{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
                        0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
                        0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05};
  EXPECT_TRUE(on_curve(order_eight));
  const bool expected[] = {false, true, true, true, true, false};
  for (std::uint8_t y = 2; y <= 7; ++y) EXPECT_EQ(on_curve(y_coordinate(y)), expected[y - 2]);
}

TEST(Address, with_a_seed_is_that_of_the_published_vector) {
  const auto made = address_with_seed(kSystemProgram, "limber chicken: 4/45", kSystemProgram);
  EXPECT_EQ(base58(made.value()), "9h1HyLCW5dZnBVap8C5egQ9Z6pHyjsh5MNy83iPqqRuq");
}

TEST(Address, takes_no_seed_over_32_bytes_and_no_owner_that_looks_like_a_derivation) {
  EXPECT_TRUE(address_with_seed(kMemo, std::string(32, 's'), kMemo));
  EXPECT_FALSE(address_with_seed(kMemo, std::string(33, 's'), kMemo));
  Key owner{};
  const std::string_view marker = "ProgramDerivedAddress";
  std::copy(marker.begin(), marker.end(), owner.end() - static_cast<std::ptrdiff_t>(marker.size()));
  EXPECT_FALSE(address_with_seed(kMemo, "s", owner));
}

TEST(Address, is_derived_with_the_first_bump_that_leaves_the_curve) {
  const auto made =
      find_program_address({"event", std::string(16, '\1'), std::string(32, '\2')}, kMemo);
  EXPECT_EQ(base58(made.value().address), "BAiHTH1KxCg3t7h4UWX1Gp4yAh7UPJ7Rj29UCkKVpoH");
  EXPECT_EQ(made.value().bump, 255);
  EXPECT_FALSE(on_curve(made.value().address));
}

TEST(Address, is_not_derived_from_too_many_or_too_long_seeds) {
  EXPECT_TRUE(find_program_address(std::vector<std::string>(15, "s"), kMemo));
  EXPECT_FALSE(find_program_address(std::vector<std::string>(16, "s"), kMemo));
  EXPECT_FALSE(find_program_address({std::string(33, 's')}, kMemo));
}

}  // namespace
}  // namespace admitone::solana
