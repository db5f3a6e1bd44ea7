#include "simulate/execution.hpp"

#include <gmock/gmock.h>

#include "unit/simulate/wallet.hpp"

namespace admitone::simulate {
namespace {

const Wallet kPayer(1);
const Wallet kOther(2);
constexpr std::uint64_t kRich = 1'000'000'000;
const std::uint64_t kRent = 890'880;  // of an account without data, as Solana publishes it

class ExecutionTest : public testing::Test {
 protected:
  Execution run(const std::vector<Invocation>& calls, const Json& forced = nullptr) {
    const Message message = *decode_message(message_of(kPayer.key, calls, Key{}));
    std::vector<Account> before;
    for (const Key& key : message.accounts) before.push_back(world_[key]);
    Execution done = execute(message, before, programs_, forced);
    for (std::size_t i = 0; i < message.accounts.size(); ++i) {
      world_[message.accounts[i]] = done.accounts[i];
    }
    return done;
  }
  static Json at(int instruction, const Json& what) {
    return {{"InstructionError", Json::array({instruction, what})}};
  }
  static Json custom(int code) { return {{"Custom", code}}; }
  std::uint64_t lamports(const Key& key) { return world_[key].lamports; }

  Programs programs_{memo_program(), kOther.key};
  std::map<Key, Account> world_{{kPayer.key, {kRich, {}, 0}}};
  const Key guard_ = seeded(kPayer.key, "seed", kSystemProgram);
};

TEST_F(ExecutionTest, MakesTheGuardOnceAndChargesTheFeeEachTime) {
  const std::vector<Invocation> calls{create_with_seed(kPayer.key, "seed", kRent), memo("event")};
  const auto first = run(calls);
  EXPECT_EQ(first.error, nullptr);
  EXPECT_EQ(first.created, std::vector<Key>{guard_});
  EXPECT_EQ(lamports(guard_), kRent);
  EXPECT_EQ(lamports(kPayer.key), kRich - kRent - 5'000);
  const auto second = run(calls);
  EXPECT_TRUE(second.charged);
  EXPECT_EQ(second.error, at(0, custom(0)));
  EXPECT_TRUE(second.created.empty());
  EXPECT_EQ(lamports(guard_), kRent);
  EXPECT_EQ(lamports(kPayer.key), kRich - kRent - 10'000);
}

TEST_F(ExecutionTest, ChecksWhereTheGuardMustBe) {
  Invocation wrong = create_with_seed(kPayer.key, "seed", kRent);
  wrong.accounts[1].key = kOther.key;
  EXPECT_EQ(run({wrong}).error, at(0, custom(5)));
  const std::string long_seed(33, 's');
  EXPECT_EQ(run({create_with_seed(kPayer.key, long_seed, kRent)}).error, at(0, custom(0)));
  Invocation marked = create_with_seed(kPayer.key, "seed", kRent);
  marked.data.replace(marked.data.size() - 21, 21, "ProgramDerivedAddress");
  EXPECT_EQ(run({marked}).error, at(0, custom(2)));
}

TEST_F(ExecutionTest, WantsTheBaseToHaveSigned) {
  Invocation call = create_with_seed(kPayer.key, "seed", kRent);
  const std::string base = bytes_of(kOther.key);
  call.data.replace(4, 32, base);
  call.accounts[1].key = seeded(kOther.key, "seed", kSystemProgram);
  EXPECT_EQ(run({call}).error, at(0, "MissingRequiredSignature"));
}

TEST_F(ExecutionTest, LeavesNothingBehindWhenALaterInstructionFails) {
  const auto done = run({create_with_seed(kPayer.key, "seed", kRent), memo("\xff\xfe")});
  EXPECT_EQ(done.error, at(1, "ProgramFailedToComplete"));
  EXPECT_EQ(lamports(guard_), 0U);
  EXPECT_EQ(lamports(kPayer.key), kRich - 5'000);
}

TEST_F(ExecutionTest, WantsRentToBePaidForTheSizeThatIsMade) {
  EXPECT_EQ(run({create_with_seed(kPayer.key, "seed", kRent - 1)}).error,
            (Json{{"InsufficientFundsForRent", {{"account_index", 1}}}}));
  EXPECT_EQ(run({create_with_seed(kPayer.key, "seed", kRent, 1)}).error,
            (Json{{"InsufficientFundsForRent", {{"account_index", 1}}}}));
  EXPECT_EQ(run({create_with_seed(kPayer.key, "seed", kRent + 6'960, 1)}).error, nullptr);
  EXPECT_EQ(rent_exempt_minimum(0), kRent);
}

TEST_F(ExecutionTest, CannotLandWhenTheFeeCannotBePaid) {
  const auto error_with = [this](std::uint64_t lamports) {
    world_[kPayer.key].lamports = lamports;
    const auto done = run({memo("x")});
    EXPECT_EQ(done.charged, done.error.is_null());
    EXPECT_EQ(world_[kPayer.key].lamports, done.charged ? lamports - 5'000 : lamports);
    return done.error;
  };
  EXPECT_EQ(error_with(0), "AccountNotFound");
  EXPECT_EQ(error_with(4'999), "InsufficientFundsForFee");
  EXPECT_EQ(error_with(5'001), (Json{{"InsufficientFundsForRent", {{"account_index", 0}}}}));
  EXPECT_EQ(error_with(5'000), nullptr);
  EXPECT_EQ(error_with(kRent + 5'000), nullptr);
}

TEST_F(ExecutionTest, CannotSpendMoreThanThereIs) {
  EXPECT_EQ(run({create_with_seed(kPayer.key, "seed", kRich)}).error, at(0, custom(1)));
  EXPECT_EQ(run({transfer(kPayer.key, guard_, kRich)}).error, at(0, custom(1)));
  EXPECT_EQ(run({transfer(kPayer.key, guard_, kRent)}).error, nullptr);
  EXPECT_EQ(lamports(guard_), kRent);
}

TEST_F(ExecutionTest, WantsAccountsOfAMemoToHaveSignedIt) {
  Invocation call = memo("x");
  call.accounts = {{kPayer.key, true, false}};
  EXPECT_EQ(run({call}).error, nullptr);
  call.accounts = {{guard_, false, false}};
  EXPECT_EQ(run({call}).error, at(0, "MissingRequiredSignature"));
}

TEST_F(ExecutionTest, KnowsNoOtherPrograms) {
  EXPECT_EQ(run({{guard_, {}, "x"}}).error, "ProgramAccountNotFound");
  EXPECT_EQ(run({{kSystemProgram, {{kPayer.key, true, true}}, little(8, 4)}}).error,
            at(0, "InvalidInstructionData"));
}

TEST_F(ExecutionTest, LetsARegistryCreateARecordOnceAndChangeOnlyWhatIsThere) {
  // sha256("global:create_event")
  const std::string create("\x31\xdb\x1d\xcb\x16\x62\x64\x57", 8);
  const auto call = [&](const std::string& data) {
    return Invocation{kOther.key, {{kPayer.key, true, true}, {guard_, false, true}}, data};
  };
  EXPECT_EQ(run({call("cancel..")}).error, at(0, custom(3012)));
  EXPECT_EQ(run({call(create + "arguments")}).error, nullptr);
  EXPECT_EQ(world_[guard_].owner, kOther.key);
  EXPECT_EQ(run({call(create + "arguments")}).error, at(0, custom(0)));
  EXPECT_EQ(run({call("cancel..")}).error, nullptr);
}

TEST_F(ExecutionTest, FailsAsItIsForcedTo) {
  const auto done = run({create_with_seed(kPayer.key, "seed", kRent)}, "AccountInUse");
  EXPECT_TRUE(done.charged);
  EXPECT_EQ(done.error, "AccountInUse");
  EXPECT_EQ(lamports(guard_), 0U);
}

TEST(Memo, IsTheTextOfAllItsInstructions) {
  const auto message = decode_message(message_of(kPayer.key, {memo("one"), memo("two")}, Key{}));
  EXPECT_EQ(memo_of(*message, test_programs()), "one\ntwo");
}

}  // namespace
}  // namespace admitone::simulate
