#include "simulate/chain.hpp"

#include <gmock/gmock.h>

#include "simulate/base64.hpp"
#include "unit/simulate/wallet.hpp"

namespace admitone::simulate {
namespace {

constexpr std::uint64_t kRent = 890'880;

class ChainTest : public testing::Test {
 protected:
  ChainTest() { journal_.push_back(chain_.airdrop(payer_.key, 1'000'000'000)); }

  std::string creation(const std::string& seed) {
    return transaction_of(payer_, {create_with_seed(payer_.key, seed, kRent), memo(seed)},
                          chain_.blockhash_at(chain_.slot()));
  }
  // Its signature.
  std::string send(const std::string& wire, const SendPlan& plan = {}) {
    const auto read = decode_transaction(wire);
    journal_.push_back(chain_.send(wire, *read, signatures_hold(*read), 2, plan));
    return text_of(read->signatures.front());
  }
  Json row(const std::string& signature) {
    const Json all = chain_.records();
    for (const Json& row : all["transactions"]) {
      if (row["signature"] == signature) return row;
    }
    return {};
  }
  static SendPlan dropped() {
    SendPlan plan;
    plan.drop = true;
    return plan;
  }
  void pass(Slot slots) { chain_.advance(chain_.slot() + slots); }
  Key guard(const std::string& seed) const { return seeded(payer_.key, seed, kSystemProgram); }

  Wallet payer_{1};
  Chain chain_{test_programs(), "genesis", 1'001};
  std::vector<Json> journal_;
};

TEST_F(ChainTest, LandsATransactionOnceHoweverOftenItIsSent) {
  const std::string wire = creation("a");
  const std::string signature = send(wire);
  send(wire);
  EXPECT_EQ(chain_.landing(signature, chain_.slot()), std::nullopt);
  pass(2);
  ASSERT_TRUE(chain_.landing(signature, chain_.slot()));
  EXPECT_EQ(chain_.landing(signature, chain_.slot())->slot, 1'003);
  EXPECT_EQ(chain_.landing(signature, 1'002), std::nullopt) << "as it was before";
  send(wire);
  pass(10);
  EXPECT_EQ(row(signature)["sends"], 3);
  EXPECT_EQ(chain_.landed_count(), 1);
  EXPECT_EQ(chain_.account(payer_.key, chain_.slot()).lamports, 1'000'000'000 - kRent - 5'000);
}

TEST_F(ChainTest, ShowsAccountsAsTheyWereAtASlot) {
  send(creation("a"));
  pass(5);
  EXPECT_EQ(chain_.account(guard("a"), 1'002).lamports, 0U);
  EXPECT_EQ(chain_.account(guard("a"), 1'003).lamports, kRent);
  EXPECT_EQ(chain_.account(payer_.key, 1'002).lamports, 1'000'000'000U);
}

TEST_F(ChainTest, LetsOneOfTwoCreationsWin) {
  const std::string first = send(creation("a"));
  pass(1);
  const std::string second = send(creation("a"));
  ASSERT_NE(first, second);
  pass(4);
  EXPECT_EQ(row(first)["state"], "landed");
  EXPECT_EQ(row(first)["created"], Json::array({text_of(guard("a"))}));
  EXPECT_EQ(row(first)["memo"], "a");
  EXPECT_EQ(row(second)["state"], "failed");
  EXPECT_EQ(row(second)["error"], (Json{{"InstructionError", Json::array({0, {{"Custom", 0}}})}}));
}

TEST_F(ChainTest, SkipsASlotNowAndThenSoThatHeightsAreOtherNumbers) {
  EXPECT_EQ(Chain::height_at(1'019), Chain::height_at(1'020));
  EXPECT_EQ(Chain::height_at(1'021), Chain::height_at(1'020) + 1);
  chain_.advance(1'018);
  const std::string signature = send(creation("a"));
  pass(5);
  EXPECT_EQ(chain_.landing(signature, chain_.slot())->slot, 1'021) << "there is no block 1020";
}

TEST_F(ChainTest, TakesABlockhashForAHundredAndFiftyBlocks) {
  const std::string last = creation("a");
  const std::string late = creation("b");
  const std::int64_t height = Chain::height_at(chain_.slot());
  Slot slot = chain_.slot();
  while (Chain::height_at(slot) < height + 150) ++slot;
  chain_.advance(slot - 2);
  const std::string landed = send(last);
  pass(1);
  const std::string dead = send(late);
  pass(5);
  EXPECT_EQ(row(landed)["state"], "landed");
  EXPECT_EQ(row(landed)["lastValidBlockHeight"], height + 150);
  EXPECT_EQ(row(dead)["state"], "dead");
  EXPECT_EQ(row(dead)["error"], "BlockhashNotFound");
}

TEST_F(ChainTest, KnowsWhetherABlockhashCanBeUsed) {
  const Key hash = chain_.blockhash_at(1'001);
  EXPECT_TRUE(chain_.is_usable(hash, 1'001));
  EXPECT_FALSE(chain_.is_usable(hash, 999)) << "a member that is behind does not know it yet";
  pass(200);
  EXPECT_FALSE(chain_.is_usable(hash, chain_.slot()));
  EXPECT_TRUE(chain_.is_usable(hash, 1'100));
  EXPECT_FALSE(chain_.is_usable(Key{}, chain_.slot()));
  const Chain other(test_programs(), "another genesis", 1'001);
  EXPECT_FALSE(other.is_usable(hash, 1'001));
}

TEST_F(ChainTest, DropsOneCopyAndTakesTheNext) {
  const std::string wire = creation("a");
  const std::string signature = send(wire, dropped());
  pass(5);
  EXPECT_EQ(row(signature)["state"], "open");
  EXPECT_EQ(row(signature)["dropped"], 1);
  send(wire);
  pass(5);
  EXPECT_EQ(row(signature)["state"], "landed");
}

TEST_F(ChainTest, LandsLateUnlessAnEarlierCopyComes) {
  SendPlan late;
  late.late = 40;
  const std::string slow = send(creation("a"), late);
  const std::string wire = creation("b");
  const std::string overtaken = send(wire, late);
  send(wire);
  pass(30);
  EXPECT_EQ(row(slow)["state"], "open");
  EXPECT_EQ(row(overtaken)["state"], "landed");
  pass(15);
  EXPECT_EQ(row(slow)["slot"], 1'043);
}

TEST_F(ChainTest, LandsWithTheErrorOfTheScript) {
  SendPlan failing;
  failing.error = "AccountInUse";
  const std::string signature = send(creation("a"), failing);
  pass(5);
  EXPECT_EQ(row(signature)["state"], "failed");
  EXPECT_EQ(row(signature)["error"], "AccountInUse");
  EXPECT_EQ(chain_.account(guard("a"), chain_.slot()).lamports, 0U);
  EXPECT_EQ(chain_.account(payer_.key, chain_.slot()).lamports, 1'000'000'000U - 5'000);
}

TEST_F(ChainTest, ForgetsABlockhashForTheScript) {
  SendPlan expiring;
  expiring.expire_blockhash = true;
  const std::string wire = creation("a");
  const std::string signature = send(wire, expiring);
  pass(5);
  EXPECT_EQ(row(signature)["error"], "BlockhashNotFound");
  EXPECT_EQ(chain_.preflight(*decode_transaction(wire), chain_.slot()), "BlockhashNotFound");
}

TEST_F(ChainTest, NeverLandsWhatIsNotSigned) {
  std::string wire = creation("a");
  const std::string signature = send(wire);
  wire.back() = 'b';
  send(wire);
  pass(5);
  EXPECT_EQ(row(signature)["memo"], "a");
  EXPECT_EQ(row(signature)["sends"], 1) << "the changed one is another one";
  EXPECT_EQ(chain_.landed_count(), 1);
  const Json changed = chain_.records()["transactions"][1];
  EXPECT_EQ(changed["error"], "SignatureFailure");
  EXPECT_EQ(changed["state"], "dead");
}

TEST_F(ChainTest, TellsBeforehandWhatWouldHappen) {
  const std::string wire = creation("a");
  const auto read = *decode_transaction(wire);
  EXPECT_EQ(chain_.preflight(read, chain_.slot()), nullptr);
  send(wire);
  pass(3);
  EXPECT_EQ(chain_.preflight(read, chain_.slot()), "AlreadyProcessed");
  EXPECT_EQ(chain_.preflight(*decode_transaction(creation("a")), chain_.slot()),
            (Json{{"InstructionError", Json::array({0, {{"Custom", 0}}})}}));
}

TEST_F(ChainTest, IsTheSameWhenItsEntriesAreReplayed) {
  const std::string wire = creation("a");
  send(wire, dropped());
  pass(7);
  send(wire);
  pass(30);
  send(creation("a"));
  SendPlan late;
  late.late = 20;
  send(creation("c"), late);
  pass(5);
  Chain again(test_programs(), "genesis", 1'001);
  for (const Json& entry : journal_) again.replay(Json::parse(text_of(entry)));
  again.advance(chain_.slot());
  EXPECT_EQ(again.records(), chain_.records());
  pass(50);
  again.advance(chain_.slot());
  EXPECT_EQ(again.records(), chain_.records());
  EXPECT_EQ(chain_.landed_count(), 3);
}

TEST_F(ChainTest, KeepsWhatItCanStillBeAskedFor) {
  for (int i = 0; i < 3'000; ++i) {
    pass(1);
    if (i % 10 == 0)
      send(transaction_of(payer_, {memo(std::to_string(i))}, chain_.blockhash_at(chain_.slot())));
  }
  const auto now = chain_.account(payer_.key, chain_.slot()).lamports;
  EXPECT_EQ(chain_.account(payer_.key, chain_.slot() - 300).lamports, now + 30 * 5'000);
}

}  // namespace
}  // namespace admitone::simulate
