// Sagas in units of work on PostgreSQL: what comes out is what the simulation says, also when the
// process dies between any two units, and no invariant is broken.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/failpoint.hpp"
#include "integration/pipeline/shadowed_store.hpp"
#include "integration/postgres/test_database.hpp"
#include "simulation/pipeline/saga_world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
using postgres::RoleKind;
using postgres::testing::TestDatabase;
using Wrong = std::vector<std::string>;

const std::string kEvent = "0a000000-0000-4000-8000-000000000001";

class SagasOnPostgres : public postgres::testing::DatabaseTest {
 public:
  using Script = std::function<void(SagaWorld&)>;

 protected:
  void TearDown() override {
    base::failpoint::clear();
    DatabaseTest::TearDown();
  }

  struct Played {
    std::vector<std::string> story;
    int deaths = 0;
  };
  // In a schema of its own, or (null) on the fake alone.
  Played play(const TestDatabase* real, const std::string& point, saga::Switches switches,
              const Script& script) {
    base::failpoint::clear();
    EXPECT_TRUE(base::failpoint::configure(point));
    SagaWorld world(switches);
    world.options.continuation_rows = 2;
    if (real != nullptr)
      world.make_stores = [&] {
        return Stores{std::make_unique<ShadowedStore>(real->store(), world.database, world.clock),
                      real->store()};
      };
    script(world);
    Played played;
    for (int life = 1; life < 10; ++life) {
      auto one = world.start(fmt::format("worker-{}", life));
      try {
        EXPECT_TRUE(world.run(*one, 30min, switches.chain ? 200ms : 50ms));
        break;
      } catch (const std::exception&) {
        ++played.deaths;
        if (real != nullptr) expect_sound(*real);
      }
    }
    EXPECT_EQ(world.wrong(), Wrong{}) << point;
    played.story = story(world, world.lane_of(kEvent));
    if (real == nullptr) return played;
    expect_sound(*real);
    EXPECT_EQ(real->value(RoleKind::reader,
                          "select count(*) from saga_log where status not in "
                          "('completed', 'rejected', 'failed')"),
              "0");
    return played;
  }
  void expect_same_with_deaths(const Script& script) {
    const saga::Switches venue{.venue = true};
    const auto expected = play(nullptr, "", venue, script);
    int deaths = 0;
    for (int n = 1;; ++n) {
      const TestDatabase fresh(*postgres::testing::Urls::from_environment());
      const auto played = play(&fresh, fmt::format("unit.committed=throw@{}", n), venue, script);
      ASSERT_EQ(played.story, expected.story) << "death after unit " << n;
      if (played.deaths == 0) break;
      ++deaths;
    }
    EXPECT_GT(deaths, 8);
  }
  static void expect_sound(const TestDatabase& real) {
    EXPECT_EQ(real.value(RoleKind::reader, "select count(*) from invariant_violations"), "0")
        << real.value(
               RoleKind::reader,
               "select string_agg(name || ': ' || detail, E'\\n') from invariant_violations");
  }
};

SagasOnPostgres::Script expiring(bool with_key) {
  return [with_key](SagaWorld& world) {
    world.options.continuation_rows = 10;
    send_expiring(world, kEvent, with_key);
  };
}

void life(SagaWorld& world) {
  world.fail(Op::hold, Fault::lost, 1);
  send_life(world, kEvent);
}

TEST_F(SagasOnPostgres, TellTheSameStoryAsTheSimulation) {
  const saga::Switches both{.venue = true, .chain = true};
  const auto expected = play(nullptr, "", both, life);
  ASSERT_EQ(expected.story.size(), 15U);
  EXPECT_EQ(play(db.get(), "", both, life).story, expected.story);
}

TEST_F(SagasOnPostgres, TellItAlsoWhenTheirOwnerDies) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  expect_same_with_deaths(life);
}

TEST_F(SagasOnPostgres, AreBegunByCopiesOfWhatExpired) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  expect_same_with_deaths(expiring(true));
}

TEST_F(SagasOnPostgres, AreBegunByAliasesOfWhatExpired) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  expect_same_with_deaths(expiring(false));
}

}  // namespace
}  // namespace admitone::simulation
