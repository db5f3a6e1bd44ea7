#include "simulate/token.hpp"

#include <sodium.h>

#include <array>
#include <optional>

#include "simulate/json.hpp"

namespace admitone::simulate {
namespace {

constexpr std::int64_t kLeewaySeconds = 5;

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                        text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

bool signed_by(std::string_view secret, std::string_view bytes, std::string_view signature) {
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()),
                              secret.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(bytes.data()),
                                bytes.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  return signature.size() == mac.size() &&
         sodium_memcmp(signature.data(), mac.data(), mac.size()) == 0;
}

Json parsed(const std::optional<std::string>& text) {
  return text ? Json::parse(*text, nullptr, false) : Json();
}

std::optional<std::int64_t> seconds_at(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  return static_cast<std::int64_t>(found->get<double>());
}

}  // namespace

std::string token_fault(std::string_view authorization, std::string_view secret,
                        base::Timestamp now) {
  constexpr std::string_view kBearer = "Bearer ";
  if (!authorization.starts_with(kBearer)) return "there is no bearer token";
  const std::string_view token = authorization.substr(kBearer.size());
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return "the token has not three parts";
  if (text_at(parsed(from_base64url(token.substr(0, first))), "alg") != "HS256") {
    return "the token's alg is not HS256";
  }
  const auto signature = from_base64url(token.substr(second + 1));
  if (!signature || !signed_by(secret, token.substr(0, second), *signature)) {
    return "the token's signature does not hold";
  }
  const Json claims = parsed(from_base64url(token.substr(first + 1, second - first - 1)));
  if (!claims.is_object()) return "the token has no claims";
  const std::int64_t seconds = base::to_unix_millis(now) / 1'000;
  const auto expires = seconds_at(claims, "exp");
  if (!expires || *expires <= seconds) return "the token has expired, or has no exp";
  const auto from = seconds_at(claims, "nbf");
  if (from && *from > seconds + kLeewaySeconds) return "the token is not valid yet";
  return {};
}

}  // namespace admitone::simulate
