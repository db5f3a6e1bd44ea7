#include "simulate/transaction.hpp"

#include <sodium.h>

#include <algorithm>
#include <set>

#include "simulate/base58.hpp"

namespace admitone::simulate {
namespace {

constexpr std::size_t kPacket = 1'232;

base::Error malformed(const std::string& why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, why};
}

// Reads from the front; once something is missing, everything that follows fails too.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::size_t byte() {
    const auto got = bytes(1);
    return got.empty() ? 0 : static_cast<std::uint8_t>(got[0]);
  }
  // Up to three bytes of seven bits, the shortest form only.
  std::size_t compact() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 21; shift += 7) {
      const std::size_t next = byte();
      value |= (next & 0x7FU) << shift;
      if ((next & 0x80U) != 0) continue;
      if ((next == 0 && shift > 0) || value > 0xFFFF) fail();
      return value;
    }
    fail();
    return 0;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    const auto got = bytes(N);
    std::copy(got.begin(), got.end(), out.begin());
    return out;
  }
  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) {
      fail();
      return {};
    }
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  std::string_view rest_;
  bool failed_ = false;
};

Instruction read_instruction(Reader& reader) {
  Instruction out;
  out.program = reader.byte();
  const std::size_t count = reader.compact();
  for (std::size_t i = 0; i < count && !reader.failed(); ++i) out.accounts.push_back(reader.byte());
  out.data = std::string(reader.bytes(reader.compact()));
  return out;
}

// What every validator refuses before it looks at an account.
std::string unsound(const Message& message) {
  const std::size_t count = message.accounts.size();
  if (message.signers == 0 || message.signers + message.readonly_others > count) {
    return "the header counts more accounts than there are";
  }
  if (message.readonly_signers >= message.signers) return "the fee payer is not writable";
  if (std::set<Key>(message.accounts.begin(), message.accounts.end()).size() != count) {
    return "an account is listed twice";
  }
  for (const Instruction& instruction : message.instructions) {
    const bool known = std::all_of(instruction.accounts.begin(), instruction.accounts.end(),
                                   [count](std::size_t index) { return index < count; });
    if (!known || instruction.program >= count || instruction.program == 0) {
      return "an instruction names an account that is not listed, or the fee payer as program";
    }
  }
  return {};
}

}  // namespace

bool Message::is_writable(std::size_t account) const {
  return account < signers ? account < signers - readonly_signers
                           : account < accounts.size() - readonly_others;
}

base::Result<Message> decode_message(std::string_view bytes) {
  Reader reader(bytes);
  Message out;
  out.bytes = std::string(bytes);
  std::size_t first = reader.byte();
  const bool versioned = (first & 0x80U) != 0;
  if (versioned && first != 0x80U) return malformed("a message version that is not known");
  if (versioned) first = reader.byte();
  out.signers = first;
  out.readonly_signers = reader.byte();
  out.readonly_others = reader.byte();
  const std::size_t accounts = reader.compact();
  for (std::size_t i = 0; i < accounts && !reader.failed(); ++i) {
    out.accounts.push_back(reader.array<32>());
  }
  out.blockhash = reader.array<32>();
  const std::size_t instructions = reader.compact();
  for (std::size_t i = 0; i < instructions && !reader.failed(); ++i) {
    out.instructions.push_back(read_instruction(reader));
  }
  if (versioned && reader.compact() != 0) return malformed("address tables are not supported");
  if (reader.failed()) return malformed("the message ends too early");
  if (!reader.rest().empty()) return malformed("there are bytes after the message");
  if (auto why = unsound(out); !why.empty()) return malformed(why);
  return out;
}

base::Result<Transaction> decode_transaction(std::string_view wire) {
  if (wire.size() > kPacket) return malformed("more than 1232 bytes");
  Reader reader(wire);
  Transaction out;
  const std::size_t signatures = reader.compact();
  for (std::size_t i = 0; i < signatures && !reader.failed(); ++i) {
    out.signatures.push_back(reader.array<64>());
  }
  if (reader.failed()) return malformed("the signatures end too early");
  auto message = decode_message(reader.rest());
  if (!message) return message.error();
  out.message = std::move(*message);
  if (out.signatures.size() != out.message.signers) {
    return malformed("not as many signatures as the header wants");
  }
  return out;
}

bool signatures_hold(const Transaction& transaction) {
  const Message& message = transaction.message;
  for (std::size_t i = 0; i < transaction.signatures.size(); ++i) {
    if (crypto_sign_verify_detached(transaction.signatures[i].data(),
                                    reinterpret_cast<const unsigned char*>(message.bytes.data()),
                                    message.bytes.size(), message.accounts[i].data()) != 0) {
      return false;
    }
  }
  return true;
}

std::string text_of(const Key& key) {
  return to_base58(key);
}
std::string text_of(const Signature& signature) {
  return to_base58(signature);
}

base::Result<Key> parse_key(std::string_view text) {
  const auto bytes = from_base58(text);
  Key out{};
  if (!bytes || bytes->size() != out.size()) {
    return malformed("'" + std::string(text.substr(0, 64)) + "' is not 32 bytes in base58");
  }
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

}  // namespace admitone::simulate
