#include "contract/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <clocale>

#include "contract/fields.hpp"

namespace admitone::contract {
namespace {

std::string again(std::string_view text) {
  const auto time = parse_time(text);
  return time ? format_time(*time) : "refused";
}

TEST(Time, IsReadAndWritten) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"2026-05-01T19:30:00Z", "2026-05-01T19:30:00Z"},
      {"2026-05-01t19:30:00z", "2026-05-01T19:30:00Z"},
      {"2026-05-01T19:30:00+00:00", "2026-05-01T19:30:00Z"},
      {"2026-05-01T19:30:00-00:00", "2026-05-01T19:30:00Z"},
      {"2026-05-01T00:30:00+05:45", "2026-04-30T18:45:00Z"},
      {"2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00Z"},
      {"2026-05-01T19:30:00.5Z", "2026-05-01T19:30:00.500Z"},
      {"2026-05-01T19:30:00.123Z", "2026-05-01T19:30:00.123Z"},
      {"2026-05-01T19:30:00.123456Z", "2026-05-01T19:30:00.123456Z"},
      {"2026-05-01T19:30:00.1234569999999999999999Z", "2026-05-01T19:30:00.123456Z"},
      {"2026-05-01T19:30:00.000Z", "2026-05-01T19:30:00Z"},
      {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
      {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
      {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(again(text), expected) << text;
}

TEST(Time, IsRefusedWhenThereIsNoSuchTime) {
  for (const std::string_view text : {"",
                                      "2026",
                                      "2026-05-01",
                                      "2026-05-01T19:30Z",
                                      "2026-05-01T19:30:00",
                                      "2026-05-01 19:30:00Z",
                                      "2026-05-01T19:30:00z ",
                                      " 2026-05-01T19:30:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-01-00T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:60:00Z",
                                      "2026-06-30T23:59:60Z",
                                      "2026-01-01T00:00:00.Z",
                                      "2026-01-01T00:00:00,5Z",
                                      "2026-01-01T00:00:00+24:00",
                                      "2026-01-01T00:00:00+00:60",
                                      "2026-01-01T00:00:00+0100",
                                      "2026-01-01T00:00:00+01",
                                      "2026-1-01T00:00:00Z",
                                      "26-01-01T00:00:00Z",
                                      "+2026-01-01T00:00:00Z",
                                      "12026-01-01T00:00:00Z",
                                      "0000-12-31T00:00:00Z",
                                      "0001-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "2026-01-01T-1:00:00Z",
                                      "2026-01-01T00:00:00.5",
                                      "20260101T000000Z"})
    EXPECT_EQ(again(text), "refused") << text;
}

RC_GTEST_PROP(Time, IsReadBackAsItWasWritten, ()) {
  const auto micros =
      *rc::gen::inRange<std::int64_t>(-62'135'596'800'000'000, 253'402'300'800'000'000);
  const auto time = base::from_unix_micros(micros);
  RC_ASSERT(parse_time(format_time(time)) == time);
}

TEST(Folding, IsByCharacterAndIndependentOfTheProcessLocale) {
  const auto expect = [] {
    EXPECT_EQ(fold_case("GALA Night"), "gala night");
    EXPECT_EQ(fold_case("\xC3\x89T\xC3\x89"), "\xC3\xA9t\xC3\xA9");
    EXPECT_EQ(fold_case("\xD0\x96\xCE\xA3"), "\xD0\xB6\xCF\x83");
    EXPECT_EQ(fold_case("\xF0\x90\x90\x80"), "\xF0\x90\x90\xA8");
    EXPECT_EQ(fold_case("\xE2\x82\xAC \xF0\x9F\x98\x80"), "\xE2\x82\xAC \xF0\x9F\x98\x80");
    EXPECT_EQ(fold_case(""), "");
  };
  expect();
  ASSERT_NE(std::setlocale(LC_ALL, "POSIX"), nullptr);
  expect();
}

TEST(DerivedSlug, IsWhatAsciiIsLeftOfTheName) {
  EXPECT_EQ(derive_slug("Gala Night 2026!"), "gala-night-2026");
  EXPECT_EQ(derive_slug("  --a  &  b--  "), "a-b");
  EXPECT_EQ(derive_slug("\xC3\x89t\xC3\xA9"), "t");
  EXPECT_EQ(derive_slug("\xD0\x96"), "event");
  EXPECT_EQ(derive_slug(""), "event");
  EXPECT_EQ(derive_slug(std::string(100, 'a')), std::string(80, 'a'));
  EXPECT_EQ(derive_slug(std::string(79, 'a') + " b"), std::string(79, 'a'));
  EXPECT_EQ(derive_slug(std::string(80, 'a') + " b"), std::string(80, 'a'));
}

RC_GTEST_PROP(DerivedSlug, IsAlwaysAValidSlug, (const std::string& name)) {
  RC_ASSERT(is_slug(derive_slug(name)));
}

TEST(Utf8, IsCountedInCodePoints) {
  EXPECT_EQ(count_utf8(""), 0U);
  EXPECT_EQ(count_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), 4U);
  for (const std::string_view wrong : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80",
                                       "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xFF", "a\xE2\x82"})
    EXPECT_EQ(count_utf8(wrong), std::nullopt);
}

}  // namespace
}  // namespace admitone::contract
