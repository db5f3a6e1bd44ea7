#include "solana/message.hpp"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "solana/base58.hpp"

namespace admitone::solana {
namespace {

struct Account {
  AccountUse use;
  bool payer = false;
  std::string folded;   // the order is alphabetical without regard to case;
  std::string swapped;  // between two that are equal then, lower-case comes first
  [[nodiscard]] auto rank() const {
    return std::tuple<bool, bool, bool, const std::string&, const std::string&>(
        !payer, !use.signer, !use.writable, folded, swapped);
  }
};

Account account(const AccountUse& use, bool payer) {
  Account made{use, payer, base58(use.key), {}};
  made.swapped = made.folded;
  for (auto& letter : made.folded) letter = static_cast<char>(std::tolower(letter));
  for (auto& letter : made.swapped)
    letter = static_cast<char>(std::islower(letter) ? std::toupper(letter) : std::tolower(letter));
  return made;
}

class Accounts {
 public:
  Accounts(const Key& payer, const std::vector<Instruction>& instructions) {
    list_.push_back(account({payer, true, true}, true));
    for (const auto& instruction : instructions) {
      add({instruction.program, false, false});
      for (const auto& use : instruction.accounts) add(use);
    }
    std::sort(list_.begin(), list_.end(),
              [](const Account& a, const Account& b) { return a.rank() < b.rank(); });
  }

  [[nodiscard]] const std::vector<Account>& list() const { return list_; }
  [[nodiscard]] char index(const Key& key) const {
    const auto found = std::find_if(list_.begin(), list_.end(),
                                    [&](const Account& one) { return one.use.key == key; });
    return static_cast<char>(found - list_.begin());
  }
  [[nodiscard]] char count(bool signer, bool writable) const {
    return static_cast<char>(std::count_if(list_.begin(), list_.end(), [&](const Account& one) {
      return one.use.signer == signer && one.use.writable == writable;
    }));
  }

 private:
  // An account that is used twice gets all rights it has anywhere.
  void add(const AccountUse& use) {
    for (auto& known : list_) {
      if (known.use.key != use.key) continue;
      known.use.signer |= use.signer;
      known.use.writable |= use.writable;
      return;
    }
    list_.push_back(account(use, false));
  }

  std::vector<Account> list_;
};

void append_length(std::string& out, std::size_t length) {
  append_compact_u16(out, static_cast<std::uint16_t>(length));
}

void append_instruction(std::string& out, const Instruction& instruction,
                        const Accounts& accounts) {
  out += accounts.index(instruction.program);
  append_length(out, instruction.accounts.size());
  for (const auto& use : instruction.accounts) out += accounts.index(use.key);
  append_length(out, instruction.data.size());
  out += instruction.data;
}

// Nothing of it can be sent; and the lengths below fit their types.
bool too_large(const std::vector<Instruction>& instructions) {
  std::size_t bytes = 0;
  for (const auto& one : instructions) bytes += 1 + one.accounts.size() + one.data.size();
  return bytes > kMaxTransactionBytes;
}

}  // namespace

void append_compact_u16(std::string& out, std::uint16_t value) {
  for (; value > 0x7F; value = static_cast<std::uint16_t>(value >> 7U))
    out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

void append_integer(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

std::optional<std::string> compile_message(const Key& fee_payer,
                                           const std::vector<Instruction>& instructions,
                                           const Key& recent_blockhash) {
  if (too_large(instructions)) return {};
  const Accounts accounts(fee_payer, instructions);
  if (accounts.list().size() > 255) return {};
  std::string out;
  out += static_cast<char>(accounts.count(true, true) + accounts.count(true, false));
  out += accounts.count(true, false);
  out += accounts.count(false, false);
  append_length(out, accounts.list().size());
  for (const auto& one : accounts.list()) out.append(as_text(one.use.key));
  out.append(as_text(recent_blockhash));
  append_length(out, instructions.size());
  for (const auto& instruction : instructions) append_instruction(out, instruction, accounts);
  return out;
}

std::optional<std::string> wire_form(const Signature& signature, std::string_view message) {
  std::string out;
  append_compact_u16(out, 1);
  out.append(as_text(signature)).append(message);
  if (out.size() > kMaxTransactionBytes) return {};
  return out;
}

}  // namespace admitone::solana
