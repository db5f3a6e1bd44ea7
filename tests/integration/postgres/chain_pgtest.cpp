// Statements sent together: results in order, errors where they belong, and a connection that can
// be used afterwards.

#include "postgres/chain.hpp"

#include <optional>

#include "integration/postgres/test_database.hpp"
#include "postgres/errors.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

constexpr Statement kEcho{"test_echo", "select $1::int"};
constexpr Statement kDivide{"test_divide", "select 10 / $1::int"};
constexpr Statement kBytes{"test_bytes", "select repeat('x', $1::int), octet_length($2::text)"};
constexpr Statement kWrong{"test_wrong", "select nothing_of_that_name"};
constexpr Statement kEnd{"test_end", "select pg_terminate_backend(pg_backend_pid())"};

Params number(std::int32_t value) {
  Params p;
  p.scalar(value);
  return p;
}

class ChainTest : public DatabaseTest {
 protected:
  // What was echoed so far, in order.
  Chain::Check note() {
    return [this](const Rows& rows) {
      seen.push_back(rows[0].next<std::int32_t>());
      return UnitEnd::committed;
    };
  }
  void expect_usable() { EXPECT_EQ(connection().run(kEcho, number(7))[0].next<std::int32_t>(), 7); }
  void SetUp() override {
    DatabaseTest::SetUp();
    own.emplace(db->settings(RoleKind::worker), RoleKind::worker);
  }
  Connection& connection() { return *own; }
  std::optional<Connection> own;
  std::vector<std::int32_t> seen;
};

TEST_F(ChainTest, GivesResultsInOrderForOneWayThereAndBack) {
  static_cast<void>(connection().take_sent());
  bool meanwhile = false;
  Chain chain(connection());
  for (std::int32_t i = 1; i <= 3; ++i) chain.send(kEcho, number(i), note());
  EXPECT_EQ(chain.end([&] {
    EXPECT_TRUE(seen.empty());
    meanwhile = true;
  }),
            UnitEnd::committed);
  EXPECT_TRUE(meanwhile);
  EXPECT_EQ(seen, (std::vector<std::int32_t>{1, 2, 3}));
  const auto sent = connection().take_sent();
  EXPECT_EQ(sent.statements, 4) << "one of them prepares";
  EXPECT_EQ(sent.round_trips, 1);
  expect_usable();
}

TEST_F(ChainTest, WhatFailsIsToldAndWhatIsBehindItIsNotExecuted) {
  Chain chain(connection());
  chain.send(kEcho, number(1), note());
  chain.send(kDivide, number(0), note());
  chain.send(kEcho, number(2), note());
  try {
    chain.end();
    FAIL() << "the failure was lost";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.sqlstate, "22012");
    EXPECT_FALSE(failure.connection_lost);
  }
  EXPECT_EQ(seen, (std::vector<std::int32_t>{1}));
  expect_usable();
}

TEST_F(ChainTest, WhatCannotBePreparedIsToldToo) {
  {
    Chain chain(connection());
    chain.send(kWrong);
    EXPECT_THROW(chain.end(), Failure);
  }
  Chain again(connection());
  again.send(kWrong);
  EXPECT_THROW(again.end(), Failure) << "it was not taken for prepared";
  expect_usable();
}

TEST_F(ChainTest, TheFirstNoCountsWhateverFailsBehindIt) {
  Chain chain(connection());
  chain.expect(kEcho, number(1), 1, UnitEnd::fenced);
  chain.expect(kEcho, number(1), 2, UnitEnd::stale);
  chain.expect(kEcho, number(1), 3, UnitEnd::key_taken);
  chain.send(kDivide, number(0), note());
  EXPECT_EQ(chain.end(), UnitEnd::stale);
  EXPECT_TRUE(seen.empty());
  expect_usable();
}

TEST_F(ChainTest, ThatIsLeftLeavesTheConnectionUsable) {
  {
    Chain chain(connection());
    chain.send(kEcho, number(1), note());
  }
  EXPECT_TRUE(seen.empty());
  expect_usable();
}

TEST_F(ChainTest, MayBeLargerThanAnyBuffer) {
  const std::string large(20U << 20U, 'y');
  Params p;
  p.scalar(std::int32_t{20 << 20});
  p.scalar(std::string_view(large));
  Chain chain(connection());
  for (int i = 0; i < 3; ++i) {
    chain.send(kBytes, p, [&](const Rows& rows) {
      auto row = rows[0];
      EXPECT_EQ(row.next<std::string>().size(), large.size());
      seen.push_back(row.next<std::int32_t>());
      return UnitEnd::committed;
    });
  }
  EXPECT_EQ(chain.end(), UnitEnd::committed);
  EXPECT_EQ(seen, std::vector<std::int32_t>(3, 20 << 20));
}

TEST_F(ChainTest, WithoutAConnectionIsLost) {
  for (int before = 0; before < 3; ++before) {
    Connection lost(db->settings(RoleKind::worker), RoleKind::worker);
    Chain chain(lost);
    for (int i = 0; i < before; ++i) chain.send(kEcho, number(i));
    chain.send(kEnd);
    chain.send(kEcho, number(9));
    try {
      chain.end();
      FAIL() << "the loss was not told";
    } catch (const Failure& failure) {
      EXPECT_TRUE(failure.connection_lost || failure.sqlstate == "57P01") << failure.sqlstate;
    }
    try {
      Chain next(lost);
      next.send(kEcho, number(1), note());
      next.end();
      FAIL() << "the loss was not told";
    } catch (const Failure& failure) {
      EXPECT_TRUE(failure.connection_lost);
    }
    EXPECT_TRUE(seen.empty());
  }
}

}  // namespace
}  // namespace admitone::postgres::testing
