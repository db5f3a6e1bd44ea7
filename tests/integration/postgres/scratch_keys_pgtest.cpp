// The keys of earlier commands that a measurement begins with: are they what a ledger has after so
// much traffic?

#include <utility>

#include "integration/postgres/test_database.hpp"
#include "integration/postgres/unit_samples.hpp"
#include "postgres/scratch_keys.hpp"

namespace admitone::postgres::testing {
namespace {

using ports::UnitEnd;

class EarlierKeysTest : public DatabaseTest {
 protected:
  static EarlierKeys some(std::int64_t count) {
    EarlierKeys keys;
    keys.count = count;
    keys.tenant = tenant(1);
    keys.lanes = 3;
    keys.command_source = "/test";
    keys.idempotency_key = "01234567-89ab-cdef-0123-456789abcdef";
    keys.outcome_value = R"({"command":{"idempotencyKey":"01234567-89ab-cdef-0123-456789abcdef"}})";
    return keys;
  }
  void make(std::int64_t count) {
    const auto made = make_earlier_keys(db->settings(RoleKind::owner), some(count),
                                        [](std::int64_t) { return true; });
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  std::string truth(const std::string& what) {
    return db->truth("select " + what + " from ledger");
  }
  // A key that the n-th of the parts has, and the text of it.
  std::pair<ports::LedgerKey, std::string> key_of(int part) {
    const auto from =
        " from ledger where part = " + std::to_string(part) + " order by key_hash limit 1";
    return {{tenant(1), {*base::Uuid::parse(db->truth("select key_hash" + from))}},
            db->truth("select idempotency_key" + from)};
  }
};

TEST_F(EarlierKeysTest, LieInThePartsOfTheirTimeEvenlySpreadOverTheHorizon) {
  make(1400);
  EXPECT_EQ(db->truth("select part from ledger_part"), "8");
  // Half a day in the current part, and the other half of it in the oldest.
  EXPECT_EQ(db->truth("select string_agg(n::text, ' ' order by part) from"
                      " (select part, count(*) as n from ledger group by part) parts"),
            "100 200 200 200 200 200 200 100");
  EXPECT_EQ(truth("count(*) filter (where completed_at between now() - interval '7 days 1 minute'"
                  " and now())"),
            "1400");
  EXPECT_EQ(truth("count(*) filter (where expires_at = completed_at + interval '7 days')"), "1400");
  EXPECT_EQ(truth("count(distinct key_hash)"), "1400");
  EXPECT_EQ(truth("count(distinct (lane, out_seq))"), "1400");
  EXPECT_EQ(truth("max(out_seq) || ' ' || count(distinct lane)"), "0 3");
  // Each in the part that was open when it was completed.
  EXPECT_EQ(db->truth("select count(*) from ledger l join ledger_parts p using (part)"
                      " where l.completed_at > p.closed_at + interval '1 minute'"),
            "0");
  const auto size = ledger_size(db->settings(RoleKind::owner));
  ASSERT_TRUE(size.ok()) << size.error().message;
  EXPECT_GT(size->index_bytes, 0);
  EXPECT_GT(size->bytes, size->index_bytes);
}

TEST_F(EarlierKeysTest, AreKeysThatAWorkerFindsAndAnswersWith) {
  make(1400);
  const auto [old_key, old_text] = key_of(1);
  const auto [new_key, new_text] = key_of(8);
  Owner owner(db->store());
  ports::UnitQuery query;
  query.tenants = {tenant(1)};
  query.keys = {old_key, new_key};
  auto reads = owner.look(query);
  EXPECT_EQ(reads.part, 8);
  ASSERT_EQ(reads.keys.size(), 2U);
  for (const auto& found : reads.keys) {
    const bool is_old = found.key == old_key;
    EXPECT_EQ(found.part, is_old ? 1 : 8);
    EXPECT_EQ(found.status, domain::CommandStatus::completed);
    ASSERT_TRUE(found.outcome);
    EXPECT_EQ(found.outcome->value,
              R"({"command":{"idempotencyKey":")" + (is_old ? old_text : new_text) + R"("}})");
  }
  query.new_keys = std::exchange(query.keys, {});
  reads = owner.look(query);
  ASSERT_EQ(reads.keys.size(), 1U);
  EXPECT_EQ(reads.keys[0].key, old_key);
}

TEST_F(EarlierKeysTest, AreTakenOutAgainAndWhatCameAfterThemStays) {
  make(500);
  Owner owner(db->store());
  EXPECT_EQ(owner.lane.out_seq, 0);
  auto writes = owner.begin({tenant(1)}, 1, 1);
  writes.rows.push_back(row(1, tenant(1), 0, 1));
  ASSERT_EQ(owner.commit(writes).end, UnitEnd::committed);
  const auto dropped = drop_earlier_keys(db->settings(RoleKind::owner));
  ASSERT_TRUE(dropped.ok()) << dropped.error().message;
  EXPECT_EQ(truth("string_agg(out_seq::text, ' ')"), "1");
  EXPECT_EQ(db->truth("select min(part) from ledger_parts"), "8");
  EXPECT_EQ(db->value(RoleKind::reader, "select count(*) from invariant_violations"), "0");
  auto more = owner.begin({tenant(1)}, 1, 1);
  more.rows.push_back(row(2, tenant(1), 1, 2));
  EXPECT_EQ(owner.commit(more).end, UnitEnd::committed);
}

TEST_F(EarlierKeysTest, AreMadeInAThrowAwaySchemaOnlyAndStopWhenTold) {
  auto settings = db->settings(RoleKind::owner);
  settings.schema = "admitone";
  for (const auto& refused :
       {make_earlier_keys(settings, some(1), [](std::int64_t) { return true; }),
        drop_earlier_keys(settings)}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, base::ErrorKind::permanent);
  }
  const auto stopped = make_earlier_keys(db->settings(RoleKind::owner), some(10),
                                         [](std::int64_t) { return false; });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind, base::ErrorKind::cancelled);
}

}  // namespace
}  // namespace admitone::postgres::testing
