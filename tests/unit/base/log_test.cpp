// What came from a message is bounded and escaped before it stands in a line of the log.
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace admitone::base {
namespace {

TEST(Field, HasTwoHundredBytesOfATextAtMostAndSaysThatThereWereMore) {
  EXPECT_EQ(field(std::string(200, 'x')), std::string(200, 'x'));
  EXPECT_EQ(field(std::string(201, 'x')), std::string(200, 'x') + "...");
  EXPECT_EQ(field(std::string(1'000'000, 'x')).size(), 203U);
}

TEST(Field, IsFourTimesAsLongAtMostWhereEachByteIsEscaped) {
  EXPECT_EQ(field(std::string(1'000, '\n')).size(), 4 * 200U + 3);
}

TEST(Field, NeverEndsALineNorChangesATerminal) {
  EXPECT_EQ(field("a\nb\r\x1b[31m\\x41"), "a\\x0ab\\x0d\\x1b[31m\\x5cx41");
  EXPECT_EQ(field(std::string_view("\0\x7f\xc3\xa9", 4)), "\\x00\\x7f\\xc3\\xa9");
  EXPECT_EQ(field(""), "");
}

TEST(Field, IsWhatTravelsBehindALine) {
  Fields fields;
  fields.command = std::string(5'000, 'c');
  fields.tenant = "a\x1e tenant\x1fid\x1e";
  const auto text = "said" + packed(fields);
  EXPECT_LT(text.size(), 400U);
  const auto line = unpacked(text);
  EXPECT_EQ(line.text, "said");
  ASSERT_EQ(line.fields.size(), 2U) << "those that are empty are left out, and none is made up";
  EXPECT_EQ(line.fields[0].second, std::string(200, 'c') + "...");
  EXPECT_EQ(line.fields[1].second, "a\\x1e tenant\\x1fid\\x1e");
}

}  // namespace
}  // namespace admitone::base
