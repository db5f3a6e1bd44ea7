#include "solana/instructions.hpp"

namespace admitone::solana {

Instruction create_account_with_seed(const NewAccount& account) {
  constexpr std::uint32_t kCreateAccountWithSeed = 3;
  std::string data;
  append_integer(data, kCreateAccountWithSeed, 4);
  data.append(as_text(account.payer));
  append_integer(data, account.seed.size(), 8);
  data.append(account.seed);
  append_integer(data, account.lamports, 8);
  append_integer(data, account.space, 8);
  data.append(as_text(account.owner));
  return {kSystemProgram,
          {{account.payer, true, true}, {account.address, false, true}},
          std::move(data)};
}

Instruction memo(const Key& program, const Key& signer, std::string_view text) {
  return {program, {{signer, true, false}}, std::string(text)};
}

}  // namespace admitone::solana
