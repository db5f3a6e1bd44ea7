#include "simulate/transaction.hpp"

#include <gmock/gmock.h>

#include "unit/simulate/wallet.hpp"

namespace admitone::simulate {
namespace {

using testing::HasSubstr;

const Wallet kPayer(1);
const Wallet kOther(2);
const Key kHash = [] {
  Key key{};
  key.fill(7);
  return key;
}();

TEST(Transaction, IsReadAsItWasWritten) {
  const std::string wire = transaction_of(
      kPayer, {create_with_seed(kPayer.key, "seed", 10), memo(std::string(300, 'm'))}, kHash);
  const auto read = decode_transaction(wire);
  ASSERT_TRUE(read.ok());
  const Message& message = read->message;
  ASSERT_EQ(message.accounts.size(), 4U);
  EXPECT_EQ(message.accounts[0], kPayer.key);
  EXPECT_EQ(message.blockhash, kHash);
  EXPECT_TRUE(message.is_signer(0) && message.is_writable(0));
  EXPECT_TRUE(!message.is_signer(1) && message.is_writable(1));
  EXPECT_FALSE(message.is_writable(2));
  EXPECT_FALSE(message.is_writable(3));
  ASSERT_EQ(message.instructions.size(), 2U);
  EXPECT_EQ(message.instructions[1].data, std::string(300, 'm'));
  EXPECT_TRUE(signatures_hold(*read));
}

TEST(Transaction, IsUnsoundWhenOneByteOfTheMessageChanged) {
  std::string wire = transaction_of(kPayer, {memo("ten seats")}, kHash);
  wire.back() = 'S';
  const auto read = decode_transaction(wire);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(signatures_hold(*read));
}

TEST(Transaction, NeedsEverySignatureToHold) {
  const std::string message = message_of(kPayer.key, {transfer(kOther.key, kPayer.key, 1)}, kHash);
  EXPECT_TRUE(signatures_hold(*decode_transaction(signed_by({kPayer, kOther}, message))));
  EXPECT_FALSE(signatures_hold(*decode_transaction(signed_by({kPayer, kPayer}, message))));
  const auto one = decode_transaction(signed_by({kPayer}, message));
  ASSERT_FALSE(one.ok());
  EXPECT_THAT(one.error().message, HasSubstr("as many signatures"));
}

TEST(Transaction, MayBeOfVersionZeroWithoutTables) {
  const std::string legacy = message_of(kPayer.key, {memo("x")}, kHash);
  const auto read = decode_message("\x80" + legacy + std::string(1, '\0'));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->accounts[0], kPayer.key);
  EXPECT_THAT(decode_message("\x80" + legacy + std::string(1, '\1')).error().message,
              HasSubstr("address tables"));
  EXPECT_THAT(decode_message("\x81" + legacy).error().message, HasSubstr("version"));
}

TEST(Transaction, IsRefusedWhereverItIsCutOff) {
  const std::string wire = transaction_of(kPayer, {create_with_seed(kPayer.key, "s", 1)}, kHash);
  for (std::size_t size = 0; size < wire.size(); ++size) {
    EXPECT_FALSE(decode_transaction(wire.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(decode_transaction(wire + "x").ok());
  EXPECT_FALSE(decode_transaction(std::string(1'233, '\0')).ok());
}

TEST(Transaction, IsRefusedWhenItsPartsDoNotFit) {
  const std::string good = message_of(kPayer.key, {memo("x")}, kHash);
  ASSERT_TRUE(decode_message(good).ok());
  const auto with = [&good](std::size_t at, char value) {
    std::string changed = good;
    changed[at] = value;
    return decode_message(changed).ok();
  };
  EXPECT_FALSE(with(0, 0)) << "nobody signs";
  EXPECT_FALSE(with(0, 3)) << "more signers than accounts";
  EXPECT_FALSE(with(1, 1)) << "the fee payer is read-only";
  EXPECT_FALSE(with(2, 2)) << "more read-only ones than accounts";
  // header, count, two accounts, blockhash, count of instructions; then the program's index
  const std::size_t program = 3 + 1 + 2 * 32 + 32 + 1;
  EXPECT_FALSE(with(program, 0)) << "the fee payer as program";
  EXPECT_FALSE(with(program, 2)) << "a program that is not listed";
  std::string twice = good;
  std::copy_n(kPayer.key.begin(), 32, twice.begin() + 4 + 32);
  EXPECT_FALSE(decode_message(twice).ok());
}

}  // namespace
}  // namespace admitone::simulate
