#include "solana/memo_registry.hpp"

#include <gtest/gtest.h>

#include "kit.hpp"
#include "solana/address.hpp"

namespace admitone::solana {
namespace {

Plan plan(const ports::ChainRecord& record, const Settings& settings = {}) {
  return make_registry(settings).value()->plan(record, test_wallet().address(), 890'880).value();
}

TEST(MemoRegistry, makes_a_guard_and_says_what_it_stands_for) {
  const auto made = plan(test_record());
  ASSERT_EQ(made.instructions.size(), 2U);
  EXPECT_EQ(made.instructions[0].accounts[1].key, made.guard);
  EXPECT_EQ(Json::parse(made.instructions[1].data),
            (Json{{"admitone", "create"},
                  {"tenant", "7d1f4b62-30a5-4c88-9d5e-0b6c1c0f7a11"},
                  {"venue", "hall-1"},
                  {"event", "0b0e1a52-9f0c-4a35-8b71-3f2f5a4f9d10"},
                  {"hash", "0707070707070707070707070707070707070707070707070707070707070707"},
                  {"artistBps", 500},
                  {"venueBps", 250},
                  {"artistWallet", "11111111111111111111111111111111"},
                  {"venueWallet", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"}}));
}

TEST(MemoRegistry, says_nothing_of_royalties_that_there_are_none_of) {
  auto record = test_record();
  record.royalties.reset();
  record.action = ports::ChainAction::cancel_event;
  const auto text = Json::parse(memo_text(record));
  EXPECT_EQ(text.at("admitone"), "cancel");
  EXPECT_EQ(text.size(), 5U);
}

TEST(MemoRegistry, has_a_seed_of_32_hexadecimal_digits_for_each_tenant_venue_event_and_action) {
  const auto base = test_record();
  auto tenant = base;
  tenant.tenant = {base::Uuid::parse("7d1f4b62-30a5-4c88-9d5e-0b6c1c0f7a12").value()};
  auto venue = base;
  venue.venue_id = "hall-2";
  auto event = base;
  event.event = {base::Uuid::parse("0b0e1a52-9f0c-4a35-8b71-3f2f5a4f9d11").value()};
  auto action = base;
  action.action = ports::ChainAction::cancel_event;
  std::set<std::string> seeds;
  for (const auto& record : {base, tenant, venue, event, action}) {
    EXPECT_EQ(guard_seed(record).size(), 32U);
    EXPECT_EQ(guard_seed(record).find_first_not_of("0123456789abcdef"), std::string::npos);
    seeds.insert(guard_seed(record));
  }
  EXPECT_EQ(seeds.size(), 5U);
}

TEST(MemoRegistry, keeps_the_guard_where_it_is_whatever_else_changes) {
  auto changed = test_record();
  changed.royalties.reset();
  changed.event_hash.fill(9);
  Settings newer;
  newer.memo_program = "Memo4c2pN8afCj432Lb7RMVKi9PbQnnW7ewFFaV3oAH";
  EXPECT_EQ(plan(changed, newer).guard, plan(test_record()).guard);
  EXPECT_EQ(base58(plan(changed, newer).instructions[1].program), newer.memo_program);
}

TEST(MemoRegistry, needs_a_program_that_is_an_address) {
  Settings settings;
  settings.memo_program = "Memo";
  const auto made = make_registry(settings);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message.find("'Memo'"), std::string::npos);
}

}  // namespace
}  // namespace admitone::solana
