#include "app/verbs/outside_world.hpp"

#include <gtest/gtest.h>

namespace admitone::app {
namespace {

OutsideTraces of(const std::string& event) {
  const Json venue = Json::parse(R"({"holds":[
      {"eventId":"a","released":false}, {"eventId":"b","released":true},
      {"eventId":"c","released":false}, {"eventId":"c","released":false}]})");
  const Json chain = Json::parse(R"({"transactions":[
      {"state":"landed","memo":"{\"admitone\":\"create\",\"event\":\"a\"}"},
      {"state":"failed","memo":"{\"admitone\":\"create\",\"event\":\"b\"}"},
      {"state":"landed","memo":"{\"admitone\":\"create\",\"event\":\"c\"}"},
      {"state":"dead","memo":"{\"admitone\":\"create\",\"event\":\"d\"}"},
      {"state":"landed","memo":"no JSON"}]})");
  return traces_of(venue, chain)[event];
}

TEST(TracesOutside, OnSaleIsHeldOnceAndRegisteredOnce) {
  EXPECT_TRUE(traces_fit("on_sale", of("a")));
  EXPECT_FALSE(traces_fit("on_sale", of("b"))) << "nothing stands";
  EXPECT_FALSE(traces_fit("on_sale", of("c"))) << "held twice";
  EXPECT_FALSE(traces_fit("on_sale", of("unknown")));
}

TEST(TracesOutside, WhatFailedOnTheChainIsCountedAsHavingBeenThere) {
  EXPECT_EQ(of("a").on_chain, 1);
  EXPECT_EQ(of("b").on_chain, 1);
  EXPECT_EQ(of("b").created, 0);
  EXPECT_EQ(of("c").on_chain, 1);
  EXPECT_EQ(of("d").on_chain, 0) << "it has died";
}

TEST(TracesOutside, WithdrawnHasNothingThere) {
  EXPECT_TRUE(traces_fit("withdrawn", of("b"))) << "released, and its transaction failed";
  EXPECT_TRUE(traces_fit("withdrawn", of("unknown")));
  EXPECT_FALSE(traces_fit("withdrawn", of("a")));
  EXPECT_FALSE(traces_fit("withdrawn", {.created = 1}));
}

TEST(TracesOutside, CancelledWasThereAndIsNot) {
  EXPECT_TRUE(traces_fit("cancelled", {.released = 1, .created = 1, .cancelled = 1}));
  EXPECT_FALSE(traces_fit("cancelled", {.held = 1, .created = 1, .cancelled = 1}));
  EXPECT_FALSE(traces_fit("cancelled", {.released = 1, .created = 1}));
}

TEST(TracesOutside, AnEventThatIsNotDecidedFitsNothing) {
  EXPECT_FALSE(traces_fit("pending", of("a")));
}

}  // namespace
}  // namespace admitone::app
