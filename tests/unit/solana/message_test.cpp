#include "solana/message.hpp"

#include <gtest/gtest.h>

#include "solana/base58.hpp"
#include "solana/instructions.hpp"

namespace admitone::solana {
namespace {

Key key(std::uint8_t n) {
  Key made{};
  made.fill(n);
  return made;
}

std::string compact(std::uint16_t value) {
  std::string out;
  append_compact_u16(out, value);
  return out;
}

TEST(Message, writes_lengths_in_as_few_bytes_as_can_be) {
  EXPECT_EQ(compact(0), std::string("\0", 1));
  EXPECT_EQ(compact(0x7f), "\x7f");
  EXPECT_EQ(compact(0x80), "\x80\x01");
  EXPECT_EQ(compact(0x3fff), "\xff\x7f");
  EXPECT_EQ(compact(0x4000), "\x80\x80\x01");
  EXPECT_EQ(compact(0xffff), "\xff\xff\x03");
}

TEST(Message, orders_accounts_by_what_they_may_and_counts_them) {
  const std::vector<Instruction> instructions{
      {key(9), {{key(5), false, true}, {key(4), true, false}, {key(6), false, false}}, "ab"}};
  const auto message = compile_message(key(1), instructions, key(0xbb)).value();
  // Two sign, one of them is read only; of the others two are.
  EXPECT_EQ(message.substr(0, 4), std::string("\2\1\2\5", 4));
  std::string order;
  for (std::size_t i = 0; i < 5; ++i) order += message[4 + 32 * i];
  EXPECT_EQ(order.substr(0, 3), "\1\4\5");
  EXPECT_EQ(message.substr(4 + 5 * 32, 32), std::string(32, '\xbb'));
  const auto tail = message.substr(4 + 6 * 32);
  EXPECT_EQ(tail[0], 1);                                   // one instruction,
  EXPECT_EQ(order[static_cast<std::size_t>(tail[1])], 9);  // of this program,
  EXPECT_EQ(tail[2], 3);                                   // with three accounts
  EXPECT_EQ(order[static_cast<std::size_t>(tail[3])], 5);
  EXPECT_EQ(order[static_cast<std::size_t>(tail[4])], 4);
  EXPECT_EQ(order[static_cast<std::size_t>(tail[5])], 6);
  EXPECT_EQ(tail.substr(6), "\2ab");
}

TEST(Message, lists_an_account_once_with_all_rights_it_has_anywhere) {
  const std::vector<Instruction> instructions{{key(9), {{key(5), false, true}}, ""},
                                              {key(9), {{key(5), true, false}}, ""}};
  const auto message = compile_message(key(1), instructions, Key{}).value();
  EXPECT_EQ(message.substr(0, 4), std::string("\2\0\1\3", 4));
}

TEST(Message, is_none_when_it_is_too_large_to_be_sent) {
  const auto of = [](std::size_t bytes) {
    return compile_message(key(1), {{key(9), {}, std::string(bytes, 'd')}}, Key{});
  };
  const auto bytes_around = of(0).value().size() + 1 + 64;    // with its signature
  const auto most = kMaxTransactionBytes - bytes_around - 1;  // a second byte of length
  EXPECT_EQ(wire_form({}, of(most).value()).value().size(), kMaxTransactionBytes);
  EXPECT_FALSE(wire_form({}, of(most + 1).value()));
  EXPECT_FALSE(of(1 << 20));
}

TEST(Message, of_a_creation_with_a_seed_is_laid_out_as_the_system_program_reads_it) {
  const auto made = create_account_with_seed({key(1), key(2), "seed", 0x0102, 3, key(4)});
  EXPECT_EQ(made.program, kSystemProgram);
  EXPECT_EQ(made.accounts, (std::vector<AccountUse>{{key(1), true, true}, {key(2), false, true}}));
  EXPECT_EQ(made.data, std::string("\3\0\0\0", 4) + std::string(32, '\1') +
                           std::string("\4\0\0\0\0\0\0\0seed", 12) +
                           std::string("\2\1\0\0\0\0\0\0", 8) + std::string("\3\0\0\0\0\0\0\0", 8) +
                           std::string(32, '\4'));
}

}  // namespace
}  // namespace admitone::solana
