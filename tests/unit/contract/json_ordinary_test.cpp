// The quick way to a document and the thorough one agree on everything that the quick one takes.

#include "contract/json_ordinary.hpp"

#include <gtest/gtest.h>

#include <random>

namespace admitone::contract::detail {
namespace {

constexpr JsonLimits kLimits{.max_depth = 8, .max_elements = 100, .max_string_bytes = 60};

const std::vector<std::string> kTexts{
    R"({"eventId":"0a000000-0000-4000-8000-000000000001","customerId":"c-1","holdSeconds":600,)"
    R"("items":[{"sectionId":"A","quantity":2,"priceMinor":12500},{"sectionId":"B","quantity":1}]})",
    R"({"a":null,"b":true,"c":false,"d":-0,"e":9007199254740991,"f":-9007199254740991,"g":[[],{}]})",
    "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\", 18446744073709551615, -9223372036854775808, 0]",
    R"({"a":1,"a":2})",
    R"({"a":1.5,"b":1e3,"c":1E-2,"d":123456789012345678901234567890})",
    R"("text")",
    R"( 42 )",
    "[[[[[[[[1]]]]]]]]",
    "{\"deep\":[[[[[[[[[1]]]]]]]]]}",
    "[\"0123456789012345678901234567890123456789012345678901234567890\"]",
};

bool same(JsonValue a, JsonValue b) {
  if (a.kind() != b.kind() || a.key() != b.key() || a.size() != b.size()) return false;
  if (a.extent() != b.extent()) return false;
  switch (a.kind()) {
    case JsonKind::string:
      return a.text() == b.text();
    case JsonKind::integer:
      return a.integer() == b.integer();
    case JsonKind::boolean:
      return a.boolean() == b.boolean();
    case JsonKind::null:
      return true;
    case JsonKind::array:
    case JsonKind::object:
      break;
  }
  auto right = b.children().begin();
  for (const auto left : a.children())
    if (!same(left, *right++)) return false;
  return true;
}

// Whether the quick way took it.
bool taken(std::string_view text) {
  const auto quick = parse_ordinary(text, kLimits);
  if (!quick) return false;
  EXPECT_TRUE(quick->errors().empty()) << text;
  const auto thorough = parse_thoroughly(text, kLimits);
  const auto* document = std::get_if<JsonDocument>(&thorough);
  EXPECT_TRUE(document != nullptr && document->errors().empty()) << "only the quick way: " << text;
  EXPECT_TRUE(document != nullptr && same(quick->root(), document->root())) << text;
  return true;
}

TEST(OrdinaryJson, IsTakenTheQuickWay) {
  EXPECT_TRUE(taken(kTexts[0]));
  EXPECT_TRUE(taken(kTexts[1]));
  EXPECT_TRUE(taken(R"( {"a" : [ ] } )"));
}

TEST(OrdinaryJson, IsNothingThatIsWrongOrUnusual) {
  for (const char* text : {"",
                           "{",
                           "[1,]",
                           "{\"a\":1}x",
                           "[01]",
                           "[1.5]",
                           "[1e2]",
                           "[9007199254740992]",
                           "[\"\\u0041\"]",
                           "[\"\\ud800\"]",
                           "{\"a\":1,\"a\":1}",
                           "[[[[[[[[[1]]]]]]]]]",
                           "[\"\xFF\"]",
                           "\xEF\xBB\xBF{}",
                           "[\"\xED\xA0\x80\"]",
                           "[\"\x01\"]",
                           "nul",
                           "NaN",
                           "'a'",
                           "[1 2]",
                           "{\"a\" 1}",
                           "{1:2}"})
    EXPECT_FALSE(taken(text)) << text;
  EXPECT_FALSE(taken("[\"" + std::string(61, 'a') + "\"]"));
  EXPECT_FALSE(taken(std::string(20'000, ' ') + "{}"));
  EXPECT_FALSE(taken(std::string("[\"\0\"]", 5)));
}

// Bytes of ordinary documents replaced, removed, doubled and moved.
TEST(OrdinaryJson, AgreesWithTheThoroughWayOnDamagedTexts) {
  constexpr std::string_view kPieces =
      "{}[]\",:-+.eE0123456789 \t\n\\/tfnu\x7F\x01\x80\xC3\xA9\xED\xF4";
  std::mt19937 random(2026);  // NOLINT(cert-msc51-cpp): the same texts each time
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  int quick = 0;
  for (int round = 0; round < 60'000; ++round) {
    auto text = kTexts[below(kTexts.size())];
    for (auto changes = 1 + below(3); changes > 0 && !text.empty(); --changes) {
      const auto at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = kPieces[below(kPieces.size())];
          break;
        case 1:
          text.erase(at, 1 + below(3));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size()), 1 + below(6)));
          break;
        default:
          text.insert(at, 1, kPieces[below(kPieces.size())]);
      }
    }
    quick += taken(text) ? 1 : 0;
  }
  EXPECT_GT(quick, 5'000);
}

}  // namespace
}  // namespace admitone::contract::detail
