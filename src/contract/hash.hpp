#pragma once
// The digests the room derives from, by OpenSSL. Used inside the room, and by the
// HTTP API for the hashes it keeps of keys and requests.
// Threads: any; each thread keeps its own digest context. Blocking: never.
// Errors: a digest that cannot be made is our own mistake (or no memory) and ends the process.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace admitone::contract {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(std::string_view bytes);
Sha256 hmac_sha256(std::string_view secret, std::string_view bytes);
// RFC 9562, section 5.5: SHA-1 over the name space and the name.
base::Uuid uuid5(const base::Uuid& name_space, std::string_view name);

std::string to_hex(const Sha256& digest);
// Equal, in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b);

// A list of byte strings as one, so that no two lists give the same: four bytes of length
// (big-endian), then the bytes; all ones instead of a length is "none".
class Parts {
 public:
  Parts() { bytes_.reserve(160); }
  Parts& add(std::string_view part);
  Parts& add_none();
  Parts& add_optional(const std::optional<std::string>& part);
  Parts& add(const base::Uuid& uuid);
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace admitone::contract
