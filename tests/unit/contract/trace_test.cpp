// What a command's trace becomes on its way (decision 0075).

#include "contract/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

namespace admitone::contract {
namespace {

const std::optional<std::string> kGiven = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string kPosition = "commands/3/17";

TEST(TraceContext, GoesOnWithASpanOfItsOwn) {
  EXPECT_EQ(trace_id(kGiven, kPosition), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(parent_span_id(kGiven), "b7ad6b7169203331");
  std::set<std::string> seen;
  for (const char* call : {"1", "2", "3"}) {
    const auto next = next_traceparent(kGiven, kPosition, call);
    EXPECT_THAT(next, testing::MatchesRegex("00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01"));
    EXPECT_TRUE(seen.insert(next).second);
    EXPECT_EQ(next.find("b7ad6b7169203331"), std::string::npos);
  }
}

TEST(TraceContext, KeepsWhetherItIsSampledAndNothingElseOfTheFlags) {
  const auto flags = [](const std::string& given) {
    const std::optional<std::string> parent =
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-" + given;
    const auto next = next_traceparent(parent, kPosition, "1");
    return next.substr(next.size() - 2);
  };
  EXPECT_EQ(flags("00"), "00");
  EXPECT_EQ(flags("03"), "01");
  EXPECT_EQ(flags("fe"), "00");
  EXPECT_EQ(flags("ff"), "01");
}

TEST(TraceContext, OfALaterVersionIsSentOnAsThatOfOurs) {
  const std::optional<std::string> later =
      "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
  EXPECT_THAT(next_traceparent(later, kPosition, "1"),
              testing::MatchesRegex("00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01"));
}

TEST(TraceContext, IsBegunWhereThereIsNoneTheSameForAllWhoAsk) {
  const auto begun = trace_id(std::nullopt, kPosition);
  EXPECT_THAT(begun, testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(trace_id(std::nullopt, kPosition), begun);
  EXPECT_NE(trace_id(std::nullopt, "commands/3/18"), begun);
  EXPECT_EQ(parent_span_id(std::nullopt), "");
  const auto next = next_traceparent(std::nullopt, kPosition, "1");
  EXPECT_EQ(next.substr(0, 36), "00-" + begun + "-");
  EXPECT_TRUE(next.ends_with("-00")) << "nobody has asked for it";
}

TEST(TraceContext, LeavesOutAStateThatIsNoHeader) {
  EXPECT_EQ(next_tracestate(std::nullopt), "");
  EXPECT_EQ(next_tracestate("a=b,c=d"), "a=b,c=d");
  EXPECT_EQ(next_tracestate("a=\xC3\xA9"), "");
}

}  // namespace
}  // namespace admitone::contract
