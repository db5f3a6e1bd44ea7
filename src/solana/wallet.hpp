#pragma once
// The key that signs and pays. The file is a JSON array of 64 numbers, as the chain's own tools
// write it: the seed, then the public key.
// Used by: app (loads it at start), client (signs). Lifetime: the process. Threads: any, once
// loaded. Blocking: `load` reads a small file. Errors: permanent, with a line that says what is
// wrong with
//   which file, and never shows a byte of it.
// Limits: the secret lives in one guarded, locked, read-only page, out of core dumps, wiped at the
//   end. Where the system does not let it be locked, that is logged and goes on.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "solana/key.hpp"

namespace admitone::solana {

class Wallet {
 public:
  // Refused unless it is a regular file (not a link), ours, and readable by nobody else (mode 0600,
  // or 0400).
  static base::Result<Wallet> load(const std::string& path);

  [[nodiscard]] const Key& address() const { return address_; }
  [[nodiscard]] Signature sign(std::string_view message) const;

 private:
  struct Free {
    void operator()(unsigned char* secret) const;
  };
  using Secret = std::unique_ptr<unsigned char, Free>;

  Wallet(Secret secret, const Key& address) : secret_(std::move(secret)), address_(address) {}
  static Secret make_secret(std::size_t bytes);
  static base::Result<Secret> parse(const char* text, std::size_t length, const std::string& path);
  static base::Result<Wallet> checked(Secret secret, const std::string& path);

  Secret secret_;
  Key address_;
};

}  // namespace admitone::solana
