#include "app/output.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace admitone::app {
namespace {

Rows sample() {
  Rows rows({"topic", "next_offset", "note"});
  rows.add({"a", 7, nullptr});
  rows.add({"längerer", 12345, "x"});
  return rows;
}

std::string printed(OutputFormat format) {
  std::ostringstream out;
  sample().print(out, format);
  return out.str();
}

TEST(Table, AlignsColumnsWithNumbersToTheRight) {
  EXPECT_EQ(printed(OutputFormat::table),
            "TOPIC     NEXT_OFFSET  NOTE\n"
            "a                   7  -\n"
            "längerer        12345  x\n");
}

TEST(Rows, AreOneJsonArray) {
  const auto parsed = Json::parse(printed(OutputFormat::json));
  ASSERT_EQ(parsed.size(), 2U);
  EXPECT_EQ(parsed[1]["next_offset"], 12345);
  EXPECT_TRUE(parsed[0]["note"].is_null());
}

TEST(Rows, AreOneJsonObjectALine) {
  EXPECT_EQ(printed(OutputFormat::jsonl),
            "{\"topic\":\"a\",\"next_offset\":7,\"note\":null}\n"
            "{\"topic\":\"längerer\",\"next_offset\":12345,\"note\":\"x\"}\n");
}

TEST(Rows, SurviveBytesThatAreNoText) {
  Rows rows({"key"});
  rows.add({std::string("\xFF\x01")});
  std::ostringstream out;
  rows.print(out, OutputFormat::jsonl);
  EXPECT_TRUE(Json::accept(out.str()));
}

TEST(Table, SaysControlCharactersInsteadOfObeyingThem) {
  Rows rows({"note"});
  rows.add({std::string("a\x1b[2Jb\nc\x7f \xC2\x9b\xC3\xA9")});
  std::ostringstream out;
  rows.print(out, OutputFormat::table);
  EXPECT_EQ(out.str(), "NOTE\na\\x1b[2Jb\\x0ac\\x7f \\x9b\xC3\xA9\n");
  out.str("");
  print_document(out, OutputFormat::table, {{"id", "\x1b]0;x"}});
  EXPECT_EQ(out.str(), "id  \\x1b]0;x\n");
}

TEST(Document, IsNameAndValueInATable) {
  std::ostringstream out;
  print_document(out, OutputFormat::table, {{"id", "e1"}, {"version", 3}});
  EXPECT_EQ(out.str(), "id       e1\nversion  3\n");
}

}  // namespace
}  // namespace admitone::app
