#pragma once
// Keys, and transactions signed by them, written by the format's description: what the room's own
// decoder is tried on.

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "simulate/execution.hpp"
#include "simulate/transaction.hpp"

namespace admitone::simulate {

struct Wallet {
  explicit Wallet(unsigned char name) {
    std::array<unsigned char, 32> seed{};
    seed.fill(name);
    EXPECT_GE(sodium_init(), 0);
    crypto_sign_seed_keypair(key.data(), secret.data(), seed.data());
  }
  Key key{};
  std::array<unsigned char, 64> secret{};
};

struct Meta {
  Key key{};
  bool signer = false;
  bool writable = false;
};

struct Invocation {
  Key program{};
  std::vector<Meta> accounts;
  std::string data;
};

inline std::string little(std::uint64_t value, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i, value >>= 8U) out += static_cast<char>(value & 0xFFU);
  return out;
}
inline std::string bytes_of(const Key& key) {
  return {key.begin(), key.end()};
}

inline const Key kSystemProgram{};
inline Key memo_program() {
  return *parse_key("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
}
inline Programs test_programs() {
  return {memo_program(), std::nullopt};
}

inline Key seeded(const Key& base, const std::string& seed, const Key& owner) {
  const std::string text = bytes_of(base) + seed + bytes_of(owner);
  Key out{};
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return out;
}

inline Invocation memo(const std::string& text) {
  return {memo_program(), {}, text};
}
inline Invocation transfer(const Key& from, const Key& to, std::uint64_t lamports) {
  return {
      kSystemProgram, {{from, true, true}, {to, false, true}}, little(2, 4) + little(lamports, 8)};
}
inline Invocation create_with_seed(const Key& payer, const std::string& seed,
                                   std::uint64_t lamports, std::uint64_t space = 0) {
  return {kSystemProgram,
          {{payer, true, true}, {seeded(payer, seed, kSystemProgram), false, true}},
          little(3, 4) + bytes_of(payer) + little(seed.size(), 8) + seed + little(lamports, 8) +
              little(space, 8) + bytes_of(kSystemProgram)};
}

// Legacy message: signers before others, writable before read-only.
inline std::string message_of(const Key& payer, const std::vector<Invocation>& calls,
                              const Key& blockhash) {
  std::vector<Meta> metas{{payer, true, true}};
  const auto add = [&metas](const Meta& meta) {
    for (Meta& known : metas) {
      if (known.key != meta.key) continue;
      known.signer = known.signer || meta.signer;
      known.writable = known.writable || meta.writable;
      return;
    }
    metas.push_back(meta);
  };
  for (const Invocation& call : calls) {
    for (const Meta& meta : call.accounts) add(meta);
    add({call.program, false, false});
  }
  std::stable_sort(metas.begin() + 1, metas.end(), [](const Meta& a, const Meta& b) {
    return std::pair(!a.signer, !a.writable) < std::pair(!b.signer, !b.writable);
  });
  const auto count = [&metas](bool signer, bool writable) {
    return static_cast<char>(std::count_if(metas.begin(), metas.end(), [&](const Meta& meta) {
      return meta.signer == signer && meta.writable == writable;
    }));
  };
  const auto index = [&metas](const Key& key) {
    const auto at = std::find_if(metas.begin(), metas.end(),
                                 [&key](const Meta& meta) { return meta.key == key; });
    return static_cast<char>(at - metas.begin());
  };
  std::string out;
  out += static_cast<char>(count(true, true) + count(true, false));
  out += count(true, false);
  out += count(false, false);
  out += static_cast<char>(metas.size());
  for (const Meta& meta : metas) out += bytes_of(meta.key);
  out += bytes_of(blockhash);
  out += static_cast<char>(calls.size());
  for (const Invocation& call : calls) {
    out += index(call.program);
    out += static_cast<char>(call.accounts.size());
    for (const Meta& meta : call.accounts) out += index(meta.key);
    if (call.data.size() < 128) {
      out += static_cast<char>(call.data.size());
    } else {
      out += static_cast<char>((call.data.size() & 0x7FU) | 0x80U);
      out += static_cast<char>(call.data.size() >> 7U);
    }
    out += call.data;
  }
  return out;
}

inline std::string signed_by(const std::vector<Wallet>& wallets, const std::string& message) {
  std::string out(1, static_cast<char>(wallets.size()));
  for (const Wallet& wallet : wallets) {
    std::array<unsigned char, 64> signature{};
    crypto_sign_detached(signature.data(), nullptr,
                         reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                         wallet.secret.data());
    out.append(signature.begin(), signature.end());
  }
  return out + message;
}

inline std::string transaction_of(const Wallet& payer, const std::vector<Invocation>& calls,
                                  const Key& blockhash) {
  return signed_by({payer}, message_of(payer.key, calls, blockhash));
}

}  // namespace admitone::simulate
