// Which lanes have part in a unit of work: those with a backlog by turns, those with little each
// time, and what goes alone between them.
#include <gtest/gtest.h>

#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class TurnsTest : public ::testing::Test {
 protected:
  TurnsTest() {
    world.options.batch_records = 16;  // two are little
    for (std::int32_t p = 0; p < 8; ++p) partners.push_back({1, p});
  }
  void begin(int rounds = 30) {
    one = world.worker("one");
    one->source.assign(World::all_lanes());
    one->source.assign(partners);
    world.turn(*one, rounds);
  }
  // (With the partitioner that is none, what is sent to a home lane is decided there.)
  void send(base::TopicPartition tp, int records) {
    for (int i = 0; i < records; ++i)
      world.send(kEvent, hold(kEvent, 1, "k" + std::to_string(++sent)), tp.partition, tp.topic);
  }
  std::int64_t decided(base::TopicPartition tp) {
    return world.database.progress[tp].at.next_offset;
  }
  World world;
  std::vector<base::TopicPartition> partners;
  std::unique_ptr<Worker> one;
  int sent = 0;
};

TEST_F(TurnsTest, LanesWithABacklogHaveAsManyTurnsEachWhoeverIsReadyBesides) {
  world.options.partitioner = contract::Partitioner::none;
  begin();
  send({0, 1}, 400);
  send({0, 2}, 400);
  for (int i = 0; i < 20; ++i) {
    send({0, 0}, 1);
    send({0, 3}, 1);
    world.turn(*one, 1);
  }
  EXPECT_NEAR(static_cast<double>(decided({0, 1})), static_cast<double>(decided({0, 2})), 16);
  EXPECT_GE(decided({0, 1}) + decided({0, 2}), 19 * 14);
  EXPECT_GE(decided({0, 0}), 19) << "and whoever has little rides along";
  EXPECT_GE(decided({0, 3}), 19);
}

TEST_F(TurnsTest, WhoRidesAlongLeavesRoomForTheLaneWhoseTurnItIs) {
  const base::TopicPartition busy{0, world.lane_of(kEvent)};  // theirs are forwarded to it
  begin();
  send(busy, 100);
  for (const auto& tp : partners) send(tp, 2);
  world.turn(*one, 1);
  EXPECT_EQ(decided(busy), 8);
  world.turn(*one, 1);
  EXPECT_EQ(decided(busy), 16);
  for (const auto& tp : partners)
    EXPECT_EQ(decided(tp), 2) << tp.partition << " was left out twice";
}

TEST_F(TurnsTest, WhoRidesAlongHasAsMuchRoomAsTheOthersInTheEnd) {
  begin();
  const base::TopicPartition busy{1, 5};
  send(busy, 600);
  for (int i = 0; i < 56; ++i) {  // four rounds of seven riders in each kind of unit
    for (const auto& tp : partners) {
      const auto sent_so_far = static_cast<std::int64_t>(world.kafka.commands[tp].size());
      if (tp != busy) send(tp, static_cast<int>(2 - (sent_so_far - decided(tp))));
    }
    world.turn(*one, 1);
  }
  for (const auto& tp : partners) {
    if (tp == busy) continue;
    EXPECT_NEAR(static_cast<double>(decided(tp)), 56. * 8 / 7, 3) << tp.partition;
  }
}

// What a unit may hold in bytes is over before all riders had their part.
TEST_F(TurnsTest, WhomALimitInBytesLeavesOutIsFirstTheNextTime) {
  world.options.partitioner = contract::Partitioner::none;
  world.options.unit_bytes = 1'000;  // who is first has one outcome, the others none
  begin();
  for (int i = 0; i < 40; ++i) {
    for (const auto& tp : World::all_lanes())
      if (std::ssize(world.kafka.commands[tp]) == decided(tp)) send(tp, 1);
    world.turn(*one, 1);
  }
  std::vector<std::int64_t> all;
  for (const auto& tp : World::all_lanes()) all.push_back(decided(tp));
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  EXPECT_LT(*most, 40) << "the limit left nobody out";
  EXPECT_LE(*most - *least, 2);
}

// Nor may they use up all the bytes each time.
TEST_F(TurnsTest, WhoseTurnItIsKeepsItWhenNothingIsLeftInBytes) {
  world.options.partitioner = contract::Partitioner::none;
  world.options.unit_bytes = 1'000;  // who is first has one outcome, the others none
  begin();
  const base::TopicPartition busy{0, 3};
  send(busy, 300);
  for (int i = 0; i < 40; ++i) {
    for (const auto& tp : World::all_lanes())
      if (tp != busy && std::ssize(world.kafka.commands[tp]) == decided(tp)) send(tp, 1);
    world.turn(*one, 1);
  }
  EXPECT_EQ(decided(busy), 20) << "each second unit";
  std::vector<std::int64_t> riders;
  for (const auto& tp : World::all_lanes())
    if (tp != busy) riders.push_back(decided(tp));
  const auto [least, most] = std::minmax_element(riders.begin(), riders.end());
  EXPECT_GE(*least, 6);
  EXPECT_LE(*most - *least, 1);
}

// The units of one come to nothing: those of the others are none of its business.
TEST_F(TurnsTest, WhoFailsKeepsNobodyElseFromItsTurn) {
  const base::TopicPartition failing{1, 1}, other{1, 2};
  std::string elsewhere;
  for (int i = 2; elsewhere.empty(); ++i) {
    const auto id = "0a000000-0000-4000-8000-00000000000" + std::to_string(i);
    if (world.lane_of(id) != world.lane_of(kEvent)) elsewhere = id;
  }
  begin();
  for (int i = 0; i < 100; ++i)
    world.send(elsewhere, hold(elsewhere, 1, "e" + std::to_string(i)), failing.partition, 1);
  send(other, 100);
  one->sender.no_leader = {world.lane_of(elsewhere)};
  for (int i = 0; i < 40; ++i) {
    world.turn(*one, 1);
    world.clock.pass(std::chrono::seconds{1});
  }
  EXPECT_EQ(decided(failing), 0);
  EXPECT_EQ(decided(other), 100);
}

// Suspect ones take as many units as they have records. Others do not wait for their end.
TEST_F(TurnsTest, WhatGoesAloneIsNotAllThatGoes) {
  world.options.partitioner = contract::Partitioner::none;
  world.database.progress[{0, 1}].tries = world.database.progress[{0, 2}].tries = 5;
  send({0, 1}, 10);
  send({0, 2}, 10);
  send({0, 0}, 100);
  begin(1);
  world.turn(*one, 8);
  EXPECT_EQ(decided({0, 1}), 2);
  EXPECT_EQ(decided({0, 2}), 2);
  EXPECT_EQ(decided({0, 0}), 4 * 16);
}

}  // namespace
}  // namespace admitone::simulation
