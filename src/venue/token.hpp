#pragma once
// The token by which the venue service knows us: a JWT (RFC 7519), signed by HMAC (HS256) or RSA
// (RS256), short-lived, kept and made anew before it expires.
// Used by: the client. Lifetime: the client's. Threads: one at a time. Blocking: never; a signature
// by RSA takes a millisecond, once in a token's life.
// Errors: making it fails (permanent) when the key is none; no text holds any part of the key. The
//   key is in OpenSSL's memory, which wipes it, and nowhere else here.

#include <chrono>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

struct evp_pkey_st;

namespace admitone::venue {

enum class TokenAlgorithm { hs256, rs256 };

struct TokenSettings {
  TokenAlgorithm algorithm = TokenAlgorithm::hs256;
  std::string key;     // hs256: at least 32 bytes (RFC 7518, 3.2); rs256: PEM, at least 2048 bits
  std::string key_id;  // header `kid`; empty: none
  std::string issuer = "admitone";
  std::string audience = "venue";
  std::chrono::seconds lifetime{300};
  std::chrono::seconds renew_before{60};  // less than the lifetime
};

class Tokens {
 public:
  static base::Result<Tokens> create(TokenSettings settings);

  // For the time of the service, which checks it: wall clock. Made anew when it is about to expire
  // or when the clock went back before it was made.
  const std::string& current(base::Timestamp now);
  // The service does not take it: the next one is a new one.
  void forget() { token_.clear(); }

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  using Key = std::unique_ptr<evp_pkey_st, FreeKey>;
  Tokens(TokenSettings settings, Key key);
  static base::Result<Key> read_key(const TokenSettings& settings);
  [[nodiscard]] std::string make(std::chrono::sys_seconds now) const;
  [[nodiscard]] std::string sign(std::string_view text) const;

  TokenSettings settings_;  // without the key
  Key key_;
  std::string token_;
  std::chrono::sys_seconds made_{};
};

}  // namespace admitone::venue
