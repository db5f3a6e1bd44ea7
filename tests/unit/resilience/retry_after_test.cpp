#include "resilience/retry_after.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace admitone::resilience {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

constexpr base::Timestamp kThen = sys_days{year{1994} / 11 / 6} + 8h + 49min + 37s;
constexpr base::Timestamp kNow = kThen - 20s;

std::optional<std::chrono::milliseconds> read(std::string_view value) {
  return retry_after(value, kNow, 300s);
}

TEST(RetryAfter, ReadsSeconds) {
  EXPECT_EQ(read("0"), 0s);
  EXPECT_EQ(read("120"), 120s);
  EXPECT_EQ(read("007"), 7s);
}

TEST(RetryAfter, IsBounded) {
  EXPECT_EQ(read("301"), 300s);
  EXPECT_EQ(read("99999999999999999999999999"), 300s);
  EXPECT_EQ(read("Fri, 31 Dec 9999 23:59:59 GMT"), 300s);
}

TEST(RetryAfter, ReadsAllThreeFormsOfADate) {
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:49:37 GMT"), 20s);
  EXPECT_EQ(read("Sunday, 06-Nov-94 08:49:37 GMT"), 20s);
  EXPECT_EQ(read("Sun Nov  6 08:49:37 1994"), 20s);
  EXPECT_EQ(read("Sun Nov 06 08:49:37 1994"), 20s);
}

TEST(RetryAfter, IsNothingForADateThatHasPassed) {
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:49:00 GMT"), 0s);
  EXPECT_EQ(read("Thu, 01 Jan 1970 00:00:00 GMT"), 0s);
}

TEST(RetryAfter, IsIgnoredWhenItIsNeither) {
  for (const char* value :
       {"", " ", "-1", "+1", "1.5", "1e3", "soon", "1 ", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nof 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 94"})
    EXPECT_EQ(read(value), std::nullopt) << value;
}

TEST(HttpDate, TakesAShortYearForTheLatestNotTooFarAhead) {
  const base::Timestamp now = sys_days{year{2026} / 5 / 1};
  const auto year_in = [&](std::string_view text) {
    return std::chrono::year_month_day{
        std::chrono::floor<std::chrono::days>(parse_http_date(text, now).value())}
        .year();
  };
  EXPECT_EQ(year_in("Sunday, 06-Nov-26 08:49:37 GMT"), year{2026});
  EXPECT_EQ(year_in("Sunday, 06-Nov-76 08:49:37 GMT"), year{2076});
  EXPECT_EQ(year_in("Sunday, 06-Nov-77 08:49:37 GMT"), year{1977});
  EXPECT_EQ(year_in("Sunday, 06-Nov-00 08:49:37 GMT"), year{2000});
}

TEST(RetryAfter, TakesAnyBytesWithoutHarm) {
  EXPECT_TRUE(rc::check([](const std::string& value) {
    const auto result = read(value);
    const auto seconds = result.value_or(0s);
    RC_ASSERT(seconds >= 0s);
    RC_ASSERT(seconds <= 300s);
  }));
}

}  // namespace
}  // namespace admitone::resilience
