#include "solana/base58.hpp"

#include <gtest/gtest.h>

namespace admitone::solana {
namespace {

TEST(Base58, writes_what_the_published_vectors_say) {
  EXPECT_EQ(base58(std::string_view("")), "");
  EXPECT_EQ(base58(std::string_view("Hello World!")), "2NEpo7TZRRrLZSi2U");
  EXPECT_EQ(base58(std::string_view("\0\0\x28\x7f\xb4\xcd", 6)), "11233QC4");
  EXPECT_EQ(base58(Key{}), std::string(32, '1'));
}

TEST(Base58, reads_what_it_wrote_and_only_of_the_right_length) {
  EXPECT_EQ(parse_base58("2NEpo7TZRRrLZSi2U", 12), "Hello World!");
  EXPECT_FALSE(parse_base58("2NEpo7TZRRrLZSi2U", 11));
  EXPECT_FALSE(parse_base58("2NEpo7TZRRrLZSi2U", 13));
  EXPECT_FALSE(parse_base58("12NEpo7TZRRrLZSi2U", 12));
  EXPECT_EQ(parse_key(std::string(32, '1')), Key{});
}

TEST(Base58, refuses_letters_that_it_does_not_have_and_endless_text) {
  for (const auto* text : {"", "0", "O", "I", "l", " ", "1111111111111111111111111111111O"})
    EXPECT_FALSE(parse_key(text)) << text;
  EXPECT_FALSE(parse_key(std::string(1'000'000, '1')));
}

}  // namespace
}  // namespace admitone::solana
