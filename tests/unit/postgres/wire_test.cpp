// The bytes of array parameters, as PostgreSQL's array_recv reads them.

#include "postgres/wire.hpp"

#include <gtest/gtest.h>

namespace admitone::postgres {
namespace {

using namespace std::string_literals;

TEST(Wire, WritesArraysWithAndWithoutNulls) {
  Params p;
  p.array(std::vector<std::int32_t>{1, -2}, [](std::int32_t v) { return v; });
  p.array(std::vector{std::optional<std::string>("ab"), std::optional<std::string>()},
          [](const std::optional<std::string>& v) { return v; });
  p.array(std::vector<bool>{}, [](bool v) { return v; });
  EXPECT_EQ(p.values()[0],
            "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\1\0\0\0\4\xFF\xFF\xFF\xFE"s);
  EXPECT_EQ(p.types()[0], 1007U);
  EXPECT_EQ(p.values()[1], "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\2ab\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(p.types()[1], 1009U);
  EXPECT_EQ(p.values()[2], "\0\0\0\0\0\0\0\0\0\0\0\x10"s);
}

TEST(Wire, CountsTimeFrom2000) {
  Params p;
  p.scalar(base::from_unix_micros(wire::kEpochShift + 1));
  EXPECT_EQ(p.values()[0], "\0\0\0\0\0\0\0\1"s);
}

TEST(Wire, ReadsBackTheExtremes) {
  for (const std::int64_t v : {std::int64_t{0}, INT64_MIN, INT64_MAX, std::int64_t{-1}}) {
    std::string out;
    wire::put64(out, v);
    EXPECT_EQ(wire::get64(out.data()), v);
  }
  std::string out;
  wire::put16(out, INT16_MIN);
  EXPECT_EQ(wire::get16(out.data()), INT16_MIN);
}

}  // namespace
}  // namespace admitone::postgres
