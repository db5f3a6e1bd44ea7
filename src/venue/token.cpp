#include "venue/token.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>

#include "base/assert.hpp"
#include "contract/json.hpp"

namespace admitone::venue {
namespace {

using Seconds = std::chrono::sys_seconds;

constexpr std::size_t kLeastSecret = 32;
constexpr int kLeastRsaBits = 2048;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

base::Error refused(const char* why) {
  ERR_clear_error();
  return {base::ErrorKind::permanent, base::Effect::not_applied, why};
}

// OpenSSL would ask for the pass phrase of an encrypted key at the terminal.
int no_pass_phrase(char* /*out*/, int /*size*/, int /*for_writing*/, void* /*data*/) {
  return 0;
}

EVP_PKEY* read_pem(const std::string& pem) {
  if (pem.size() > std::size_t{std::numeric_limits<int>::max()}) return nullptr;
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_pass_phrase, nullptr) : nullptr;
}

// RFC 4648, section 5, without padding.
std::string base64url(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                    reinterpret_cast<const unsigned char*>(bytes.data()),
                                    static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":");
  contract::append_json_string(out, text);
}

void append_member(std::string& out, std::string_view name, Seconds time) {
  out.append(",\"").append(name).append("\":");
  out.append(std::to_string(time.time_since_epoch().count()));
}

}  // namespace

void Tokens::FreeKey::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

base::Result<Tokens> Tokens::create(TokenSettings settings) {
  ADMITONE_ASSERT(settings.renew_before < settings.lifetime);
  auto key = read_key(settings);
  OPENSSL_cleanse(settings.key.data(), settings.key.size());
  settings.key.clear();
  if (!key) return key.error();
  return Tokens(std::move(settings), std::move(*key));
}

Tokens::Tokens(TokenSettings settings, Key key)
    : settings_(std::move(settings)), key_(std::move(key)) {}

base::Result<Tokens::Key> Tokens::read_key(const TokenSettings& settings) {
  const auto& text = settings.key;
  if (settings.algorithm == TokenAlgorithm::rs256) {
    Key key(read_pem(text));
    if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA ||
        EVP_PKEY_get_bits(key.get()) < kLeastRsaBits)
      return refused(
          "the key of the venue service's token is not a private RSA key of 2048 bits or more in "
          "PEM without a pass phrase");
    return key;
  }
  if (text.size() < kLeastSecret)
    return refused("the secret of the venue service's token has less than 32 bytes");
  Key key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_HMAC, nullptr, reinterpret_cast<const unsigned char*>(text.data()), text.size()));
  ADMITONE_ASSERT(key != nullptr);
  return key;
}

const std::string& Tokens::current(base::Timestamp now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const bool good = !token_.empty() && second >= made_ &&
                    second < made_ + settings_.lifetime - settings_.renew_before;
  if (!good) {
    token_ = make(second);
    made_ = second;
  }
  return token_;
}

std::string Tokens::make(Seconds now) const {
  std::string header;
  append_member(header, "alg", settings_.algorithm == TokenAlgorithm::hs256 ? "HS256" : "RS256");
  append_member(header, "typ", "JWT");
  if (!settings_.key_id.empty()) append_member(header, "kid", settings_.key_id);
  std::string claims;
  append_member(claims, "iss", settings_.issuer);
  append_member(claims, "aud", settings_.audience);
  append_member(claims, "iat", now);
  append_member(claims, "exp", now + settings_.lifetime);
  auto out = base64url(header + '}') + '.' + base64url(claims + '}');
  out += '.' + base64url(sign(out));
  return out;
}

std::string Tokens::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  ADMITONE_ASSERT(context != nullptr && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(),
                                                           nullptr, key_.get()) == 1);
  ADMITONE_ASSERT(EVP_DigestSignUpdate(context.get(), bytes, text.size()) == 1);
  ADMITONE_ASSERT(EVP_DigestSignFinal(context.get(), nullptr, &size) == 1);
  std::string out(size, '\0');
  ADMITONE_ASSERT(
      EVP_DigestSignFinal(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size) == 1);
  out.resize(size);
  return out;
}

}  // namespace admitone::venue
