#include "contract/hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>

#include "base/assert.hpp"
#include "contract/bytes.hpp"

namespace admitone::contract {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: OpenSSL 3 otherwise looks the algorithm up by name on every call. Kept for the life
// of the process.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  ADMITONE_ASSERT(digest != nullptr);
  return digest;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> digest_of(const EVP_MD* algorithm, std::string_view first,
                                         std::string_view second) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::array<std::uint8_t, Size> out{};
  unsigned int size = 0;
  ADMITONE_ASSERT(context != nullptr && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
  ADMITONE_ASSERT(EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1);
  ADMITONE_ASSERT(EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1);
  ADMITONE_ASSERT(EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1 && size == Size);
  return out;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  static const EVP_MD* const algorithm = fetch("SHA256");
  return digest_of<32>(algorithm, bytes, {});
}

Sha256 hmac_sha256(std::string_view secret, std::string_view bytes) {
  Sha256 out{};
  unsigned int size = 0;
  // An empty view may have no address, and OpenSSL takes a key without one as "the last one".
  const char* const key = secret.empty() ? "" : secret.data();
  const auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
  ADMITONE_ASSERT(HMAC(EVP_sha256(), key, static_cast<int>(secret.size()), data, bytes.size(),
                       out.data(), &size) != nullptr);
  ADMITONE_ASSERT(size == out.size());
  return out;
}

base::Uuid uuid5(const base::Uuid& name_space, std::string_view name) {
  static const EVP_MD* const algorithm = fetch("SHA1");
  const std::string_view prefix(reinterpret_cast<const char*>(name_space.bytes.data()),
                                name_space.bytes.size());
  const auto digest = digest_of<20>(algorithm, prefix, name);
  base::Uuid out;
  std::copy_n(digest.begin(), out.bytes.size(), out.bytes.begin());
  out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0FU) | 0x50U);
  out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3FU) | 0x80U);
  return out;
}

std::string to_hex(const Sha256& digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(digest.size() * 2);
  for (const auto byte : digest) {
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 0x0FU]);
  }
  return out;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Parts& Parts::add(std::string_view part) {
  append_big_endian(bytes_, static_cast<std::uint32_t>(part.size()));
  bytes_.append(part);
  return *this;
}

Parts& Parts::add_none() {
  bytes_.append(4, '\xFF');
  return *this;
}

Parts& Parts::add_optional(const std::optional<std::string>& part) {
  return part ? add(std::string_view(*part)) : add_none();
}

Parts& Parts::add(const base::Uuid& uuid) {
  return add(std::string_view(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()));
}

}  // namespace admitone::contract
