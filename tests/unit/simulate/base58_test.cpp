#include "simulate/base58.hpp"

#include <gtest/gtest.h>

namespace admitone::simulate {
namespace {

std::string encoded(const std::string& bytes) {
  return to_base58({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// From draft-msporny-base58.
TEST(Base58, WritesTheVectorsOfItsDescription) {
  EXPECT_EQ(encoded("Hello World!"), "2NEpo7TZRRrLZSi2U");
  EXPECT_EQ(encoded("The quick brown fox jumps over the lazy dog."),
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z");
  EXPECT_EQ(encoded({"\x00\x00\x28\x7f\xb4\xcd", 6}), "11233QC4");
  EXPECT_EQ(encoded(""), "");
}

TEST(Base58, ReadsWhatItWrites) {
  for (const std::string& bytes : {std::string(), std::string(32, '\0'),
                                   std::string("\x00\x01\xff", 3), std::string(64, '\xff')}) {
    EXPECT_EQ(from_base58(encoded(bytes)), bytes);
  }
}

TEST(Base58, RefusesWhatIsNotInTheAlphabetOrTooLong) {
  for (const char* text : {"0", "O", "I", "l", "a b", "+"})
    EXPECT_EQ(from_base58(text), std::nullopt);
  EXPECT_EQ(from_base58(std::string(3'000, 'a')), std::nullopt);
}

}  // namespace
}  // namespace admitone::simulate
