#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "contract/json.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

constexpr JsonLimits kLimits{.max_depth = 64, .max_elements = 100'000, .max_string_bytes = 100'000};

std::string canonical(std::string_view text) {
  const auto parsed = parse_json(text, kLimits);
  const auto* document = std::get_if<JsonDocument>(&parsed);
  if (document == nullptr || !document->errors().empty()) return "refused";
  return canonical_json(document->root());
}

// RFC 8785, section 3.2.3: the order is that of UTF-16 code units.
TEST(CanonicalJson, SortsMembersAsTheSpecificationShows) {
  EXPECT_EQ(canonical(R"({"\u20ac":"Euro Sign","\r":"Carriage Return",
                          "\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
                          "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control",
                          "\u00f6":"Latin Small Letter O With Diaeresis"})"),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\","
            "\"\xC3\xB6\":\"Latin Small Letter O With Diaeresis\",\"\xE2\x82\xAC\":\"Euro Sign\","
            "\"\xF0\x9F\x98\x80\":\"Emoji: Grinning Face\","
            "\"\xEF\xAC\xB3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

// RFC 8785, section 3.2.2, without its fractions.
TEST(CanonicalJson, WritesStringsAndLiteralsAsTheSpecificationShows) {
  EXPECT_EQ(canonical(R"({"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
                          "literals":[null,true,false]})"),
            "{\"literals\":[null,true,false],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(CanonicalJson, SortsPrefixesFirstAndKeepsArraysInOrder) {
  EXPECT_EQ(canonical(R"({"ab":1,"a":[3,1,2],"":0,"b":2,"aa":3})"),
            R"({"":0,"a":[3,1,2],"aa":3,"ab":1,"b":2})");
}

TEST(PayloadEquality, IgnoresOrderAndSpacing) {
  EXPECT_EQ(canonical(R"({"a":1,"b":2})"), canonical("{ \"b\" : 2,\n \"a\":1 }"));
  EXPECT_EQ(canonical(R"("\u0041")"), canonical(R"("A")"));
  EXPECT_NE(canonical(R"({"a":1})"), canonical(R"({"a":"1"})"));
  EXPECT_NE(canonical("[1,2]"), canonical("[2,1]"));
  EXPECT_EQ(canonical("1.0"), "refused");
}

// A JSON value written twice: members in another order, other blanks, other escapes.
class TwoWriters {
 public:
  explicit TwoWriters(unsigned seed) : random_(seed) {}

  std::pair<std::string, std::string> value(int depth) {
    switch (pick(depth > 0 ? 6 : 4)) {
      case 0:
        return both(pick(2) == 0 ? "null" : "true");
      case 1:
      case 2:
        return both(std::to_string(
            std::uniform_int_distribution<std::int64_t>(-kMaxInteger, kMaxInteger)(random_)));
      case 3:
        return text();
      case 4:
        return list(depth - 1);
      default:
        return object(depth - 1);
    }
  }

 private:
  int pick(int choices) { return std::uniform_int_distribution<int>(0, choices - 1)(random_); }
  static std::pair<std::string, std::string> both(const std::string& text) { return {text, text}; }
  std::string blank() { return std::string(static_cast<std::size_t>(pick(3)), " \n\t"[pick(3)]); }

  std::pair<std::string, std::string> text() {
    static const std::vector<std::pair<std::string, std::string>> kPieces{
        {"a", "\\u0061"},
        {"\\n", "\\u000a"},
        {"\xC3\xA9", "\\u00E9"},
        {"\\\"", "\\u0022"},
        {"/", "\\/"},
        {"\\\\", "\\u005C"},
        {"\xEF\xAC\xB3", "\\uFB33"},
        {"\xF0\x9F\x98\x80", "\\uD83D\\uDE00"},
        {"7", "7"}};
    std::pair<std::string, std::string> out{"\"", "\""};
    for (int left = pick(5); left > 0; --left) {
      const auto& piece = kPieces[static_cast<std::size_t>(pick(static_cast<int>(kPieces.size())))];
      out.first += piece.first;
      out.second += pick(2) == 0 ? piece.first : piece.second;
    }
    return {out.first + "\"", out.second + "\""};
  }

  std::pair<std::string, std::string> list(int depth) {
    std::pair<std::string, std::string> out{"[", "[" + blank()};
    for (int left = pick(4); left > 0; --left) {
      const auto element = value(depth);
      out.first += element.first + (left > 1 ? "," : "");
      out.second += element.second + blank() + (left > 1 ? "," : "") + blank();
    }
    return {out.first + "]", out.second + "]"};
  }

  std::pair<std::string, std::string> object(int depth) {
    std::map<std::string, std::pair<std::string, std::string>> members;
    for (int left = pick(5); left > 0; --left) {
      const auto name = text();
      members.insert_or_assign(name.first, std::pair(name.second, std::string{}));
    }
    std::vector<std::string> first;
    std::vector<std::string> second;
    for (const auto& [name, other] : members) {
      const auto content = value(depth);
      first.push_back(name + ":" + content.first);
      second.push_back(other.first + blank() + ":" + blank() + content.second);
    }
    std::ranges::shuffle(second, random_);
    return {"{" + joined(first) + "}", "{" + blank() + joined(second) + "}" + blank()};
  }

  static std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
  }

  std::mt19937 random_;
};

RC_GTEST_PROP(CanonicalJson, IsTheSameForAnyOrderSpacingAndEscaping, (unsigned seed)) {
  const auto [first, second] = TwoWriters(seed).value(4);
  RC_ASSERT(canonical(first) != "refused");
  RC_ASSERT(canonical(first) == canonical(second));
}

RC_GTEST_PROP(CanonicalJson, OfItselfIsItself, (unsigned seed)) {
  const auto once = canonical(TwoWriters(seed).value(4).second);
  RC_ASSERT(canonical(once) == once);
}

RC_GTEST_PROP(CanonicalJson, IsEqualOnlyForEqualValues, (unsigned seed, unsigned other)) {
  RC_PRE(seed != other);
  const auto a = TwoWriters(seed).value(3).first;
  const auto b = TwoWriters(other).value(3).first;
  // The first writer always sorts and escapes in the same way: its text is the value.
  RC_ASSERT((a == b) == (canonical(a) == canonical(b)));
}

RC_GTEST_PROP(JsonString, IsReadBackAsItWas, (const std::vector<std::uint8_t>& picks)) {
  std::string text;
  for (const auto pick : picks) {
    if (pick < 0x7F) {
      text.push_back(static_cast<char>(pick + 1));
    } else {
      text += pick % 2 == 0 ? "\xF0\x9F\x98\x80" : "\xE2\x82\xAC";
    }
  }
  std::string written;
  append_json_string(written, text);
  const auto parsed = parse_json(written, kLimits);
  RC_ASSERT(std::get<JsonDocument>(parsed).root().text() == text);
}

RC_GTEST_PROP(Json, NeverFallsOverAnyBytes, (const std::vector<std::uint8_t>& bytes)) {
  static constexpr std::string_view kAlphabet = "{}[]\":,0123456789.eE+-tfn\\u \n\xC3\xA9\x80";
  std::string text;
  for (const auto byte : bytes) text.push_back(kAlphabet[byte % kAlphabet.size()]);
  const auto parsed = parse_json(text, kLimits);
  if (const auto* document = std::get_if<JsonDocument>(&parsed);
      document != nullptr && document->errors().empty())
    RC_ASSERT(canonical(canonical(text)) == canonical(text));
}

}  // namespace
}  // namespace admitone::contract
