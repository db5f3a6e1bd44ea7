#include "contract/json.hpp"

#include <gtest/gtest.h>

#include "base/failpoint.hpp"

namespace admitone::contract {
namespace {

constexpr JsonLimits kLimits{.max_depth = 8, .max_elements = 50, .max_string_bytes = 40};

// "ok <canonical>", "syntax", "limit", or the pointers of what is wrong.
std::string verdict(std::string_view text, const JsonLimits& limits = kLimits) {
  const auto parsed = parse_json(text, limits);
  if (const auto* failure = std::get_if<JsonFailure>(&parsed))
    return failure->kind == JsonFailure::Kind::syntax ? "syntax" : "limit";
  const auto& document = std::get<JsonDocument>(parsed);
  if (document.errors().empty()) return "ok " + canonical_json(document.root());
  std::string out = "wrong";
  for (const auto& error : document.errors().list()) out += " '" + error.pointer + "'";
  return out;
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

void expect_all(const std::vector<Case>& cases) {
  for (const auto& [text, expected] : cases) EXPECT_EQ(verdict(text), expected) << text;
}

TEST(Json, TakesWhatIsWellFormed) {
  expect_all({
      {"{}", "ok {}"},
      {"[]", "ok []"},
      {" \t\r\n[ ]\n ", "ok []"},
      {"null", "ok null"},
      {"true", "ok true"},
      {"false", "ok false"},
      {"0", "ok 0"},
      {"-0", "ok 0"},
      {"-1", "ok -1"},
      {"\"\"", "ok \"\""},
      {"[[[[[[[[]]]]]]]]", "ok [[[[[[[[]]]]]]]]"},
      {R"({"b":1,"a":[true,null]})", R"(ok {"a":[true,null],"b":1})"},
      {R"({"":0})", R"(ok {"":0})"},
      {R"({"a":{"a":{"a":1}}})", R"(ok {"a":{"a":{"a":1}}})"},
      {R"([{"a":1},{"a":2}])", R"(ok [{"a":1},{"a":2}])"},
      {R"("\u0041\/\"\\\b\f\n\r\t")", R"(ok "A/\"\\\b\f\n\r\t")"},
      {R"("\u001f\u007F")", "ok \"\\u001f\x7F\""},
      {R"("\uD83D\uDE00")", "ok \"\xF0\x9F\x98\x80\""},
      {R"("\u00e9")", "ok \"\xC3\xA9\""},
      {"\"\xC3\xA9\"", "ok \"\xC3\xA9\""},
      {"\"\xF4\x8F\xBF\xBF\"", "ok \"\xF4\x8F\xBF\xBF\""},
      {R"("1e400 -1.5")", R"(ok "1e400 -1.5")"},
      {R"(["\\",1])", R"(ok ["\\",1])"},
      {R"(["\"1.5",1])", R"(ok ["\"1.5",1])"},
  });
}

TEST(Json, RefusesWhatIsNotJson) {
  expect_all({
      {"", "syntax"},
      {" ", "syntax"},
      {"{", "syntax"},
      {"}", "syntax"},
      {"[", "syntax"},
      {"]", "syntax"},
      {"[1,]", "syntax"},
      {"[,1]", "syntax"},
      {"[1 2]", "syntax"},
      {"[1],", "syntax"},
      {"[]]", "syntax"},
      {"{}{}", "syntax"},
      {"[1]x", "syntax"},
      {"{1:2}", "syntax"},
      {"{a:2}", "syntax"},
      {"{'a':2}", "syntax"},
      {R"({"a"})", "syntax"},
      {R"({"a":})", "syntax"},
      {R"({"a":1,})", "syntax"},
      {R"({"a":1 "b":2})", "syntax"},
      {R"({"a"::1})", "syntax"},
      {R"({,"a":1})", "syntax"},
      {"nul", "syntax"},
      {"True", "syntax"},
      {"NULL", "syntax"},
      {"NaN", "syntax"},
      {"Infinity", "syntax"},
      {"-Infinity", "syntax"},
      {"undefined", "syntax"},
      {"// c\n1", "syntax"},
      {"/* c */ 1", "syntax"},
      {"#", "syntax"},
      {"[1}", "syntax"},
      {"{]", "syntax"},
      {"\xEF\xBB\xBF{}", "syntax"},
      {"\xFF\xFE{\0}\0", "syntax"},
      {std::string_view("{}\0", 3), "syntax"},
      {std::string_view("{}\0garbage", 10), "syntax"},
      {std::string_view("\0{}", 3), "syntax"},
      {std::string_view("[\"a\0b\"]", 7), "syntax"},
      {"\v1", "syntax"},
      {"\f1", "syntax"},
      {"\xC2\xA0\x31", "syntax"},
  });
}

TEST(Json, RefusesMalformedStrings) {
  expect_all({
      {"\"", "syntax"},
      {"\"a", "syntax"},
      {R"("\)", "syntax"},
      {R"("\")", "syntax"},
      {R"("\x41")", "syntax"},
      {R"("\a")", "syntax"},
      {R"("\u")", "syntax"},
      {R"("\u12")", "syntax"},
      {R"("\u12G4")", "syntax"},
      {R"("\U0041")", "syntax"},
      {"\"\n\"", "syntax"},
      {"\"\t\"", "syntax"},
      {"\"\x01\"", "syntax"},
      {"'a'", "syntax"},
      {R"("\uD800")", "syntax"},
      {R"("\uDBFFx")", "syntax"},
      {R"("\uDC00")", "syntax"},
      {R"("\uDFFF\uD800")", "syntax"},
      {R"("\uD800\uD800")", "syntax"},
      {R"("\uD800\n")", "syntax"},
      {R"({"\uD800":1})", "syntax"},
      {"\"\x80\"", "syntax"},
      {"\"\xBF\"", "syntax"},
      {"\"\xC0\x80\"", "syntax"},
      {"\"\xC1\xBF\"", "syntax"},
      {"\"\xC3\"", "syntax"},
      {"\"\xE0\x80\x80\"", "syntax"},
      {"\"\xE2\x82\"", "syntax"},
      {"\"\xED\xA0\x80\"", "syntax"},
      {"\"\xED\xBF\xBF\"", "syntax"},
      {"\"\xF0\x80\x80\x80\"", "syntax"},
      {"\"\xF4\x90\x80\x80\"", "syntax"},
      {"\"\xF5\x80\x80\x80\"", "syntax"},
      {"\"\xFE\"", "syntax"},
      {"\"\xFF\"", "syntax"},
      {"{\"\xFF\":1}", "syntax"},
  });
}

TEST(Json, RefusesMalformedNumbers) {
  expect_all({
      {"01", "syntax"},     {"-01", "syntax"},   {"00", "syntax"},    {"-", "syntax"},
      {"+1", "syntax"},     {".5", "syntax"},    {"1.", "syntax"},    {"-.5", "syntax"},
      {"1.e1", "syntax"},   {"1e", "syntax"},    {"1e+", "syntax"},   {"1E-", "syntax"},
      {"--1", "syntax"},    {"1-1", "syntax"},   {"1.5.5", "syntax"}, {"1e1e1", "syntax"},
      {"0x10", "syntax"},   {"1_000", "syntax"}, {"1,000", "syntax"}, {"1e999x", "syntax"},
      {"[1e]", "syntax"},   {"-a", "syntax"},    {"0.1.2", "syntax"}, {"1 .5", "syntax"},
      {"[01.5]", "syntax"}, {"١", "syntax"},
  });
}

// The decoder decides on `1` and `1.0`: the second is not an integer as sent, and is refused.
TEST(Json, NotesNumbersThatAreNotIntegersInRange) {
  expect_all({
      {"9007199254740991", "ok 9007199254740991"},
      {"-9007199254740991", "ok -9007199254740991"},
      {"9007199254740992", "wrong ''"},
      {"-9007199254740992", "wrong ''"},
      {"9223372036854775807", "wrong ''"},
      {"9223372036854775808", "wrong ''"},
      {"-9223372036854775808", "wrong ''"},
      {"-9223372036854775809", "wrong ''"},
      {"18446744073709551615", "wrong ''"},
      {"18446744073709551616", "wrong ''"},
      {"1000000000000000000000000000000000000000000", "wrong ''"},
      {"1.0", "wrong ''"},
      {"1.5", "wrong ''"},
      {"-0.0", "wrong ''"},
      {"1e3", "wrong ''"},
      {"1E+2", "wrong ''"},
      {"1e-2", "wrong ''"},
      {"0e0", "wrong ''"},
      {"1e400", "wrong ''"},
      {"-1e99999999999", "wrong ''"},
      {"[1,2.5,3]", "wrong '/1'"},
      {R"({"a":{"b":[0,{"c":1e1}]}})", "wrong '/a/b/1/c'"},
      {R"({"a":1e400,"b":"x","c":2.0})", "wrong '/a' '/c'"},
      {R"({"a/b":{"c~d":1.5}})", "wrong '/a~1b/c~0d'"},
      {R"({"":{"":1.5}})", "wrong '//'"},
  });
}

TEST(Json, NotesDuplicateMembersAtAnyLevel) {
  expect_all({
      {R"({"a":1,"a":1})", "wrong '/a'"},
      {R"({"a":1,"b":2,"a":3,"b":4})", "wrong '/a' '/b'"},
      {R"({"a":1,"\u0061":2})", "wrong '/a'"},
      {R"({"x":[0,{"a":{},"a":{}}]})", "wrong '/x/1/a'"},
      {R"({"a":{"b":1,"c":{"d":1,"d":1}},"b":1})", "wrong '/a/c/d'"},
      {R"({"":1,"":2})", "wrong '/'"},
      {R"({"a":1,"A":2})", R"(ok {"A":2,"a":1})"},
  });
}

TEST(Json, NotesTheCharacterNul) {
  expect_all({
      {R"("\u0000")", "wrong ''"},
      {R"({"a":["x","a\u0000b"]})", "wrong '/a/1'"},
      {R"({"a":{"b\u0000":1}})", "wrong '/a'"},
      {R"("\\u0000")", R"(ok "\\u0000")"},
  });
}

TEST(Json, StopsAtEachLimit) {
  expect_all({
      {"[[[[[[[[[]]]]]]]]]", "limit"},
      {R"({"a":[{"a":[{"a":[{"a":[{}]}]}]}]})", "limit"},
      {R"("0123456789012345678901234567890123456789")",
       R"(ok "0123456789012345678901234567890123456789")"},
      {R"("01234567890123456789012345678901234567890")", "limit"},
      {R"({"01234567890123456789012345678901234567890":1})", "limit"},
  });
  const auto list_of = [](int count) {
    std::string out = "[0";
    for (int i = 1; i < count; ++i) out += ",0";
    return out + "]";
  };
  EXPECT_EQ(verdict(list_of(49)).substr(0, 2), "ok");
  EXPECT_EQ(verdict(list_of(50)), "limit");
}

TEST(Json, KeepsPointersShortAndErrorsFew) {
  const std::string name(600, 'n');
  EXPECT_EQ(verdict("{\"" + name + "\":1.5}", {8, 50, 1000}), "wrong ''");
  std::string many = "[0.5";
  for (int i = 0; i < 1000; ++i) many += ",0.5";
  const auto parsed = parse_json(many + "]", {8, 5000, 40});
  EXPECT_EQ(std::get<JsonDocument>(parsed).errors().list().size(), 20U);
}

TEST(Json, FindsMembersAndWalksChildren) {
  const auto parsed = parse_json(R"({"a":[1,[2,3],"x"],"b":{"a":true}})", kLimits);
  const auto root = std::get<JsonDocument>(parsed).root();
  EXPECT_EQ(root.size(), 2U);
  EXPECT_EQ(root.extent(), 9U);
  const auto children = [](const JsonValue& value) {
    const auto range = value.children();
    return std::vector<JsonValue>(range.begin(), range.end());
  };
  const auto list = children(*root.find("a"));
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(children(list[1])[1].integer(), 3);
  EXPECT_EQ(list[2].text(), "x");
  EXPECT_TRUE(root.find("b")->find("a")->boolean());
  EXPECT_FALSE(root.find("c"));
  EXPECT_FALSE(list[0].find("a"));
}

}  // namespace
}  // namespace admitone::contract
