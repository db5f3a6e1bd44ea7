#pragma once
// Identifiers. Uuid is 16 bytes in network order; its text form is always lower-case.
// KeyHash is the first 16 bytes of a SHA-256: what the ledger is keyed by.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace admitone::base {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  // Lower-case 8-4-4-4-12 only; anything else (upper case, braces) is nullopt.
  static std::optional<Uuid> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }
  auto operator<=>(const Uuid&) const = default;
};

// A Uuid that cannot be mixed up with another kind of Uuid.
template <class Tag>
struct Id {
  Uuid value;
  [[nodiscard]] std::string str() const { return value.str(); }
  [[nodiscard]] bool is_nil() const { return value.is_nil(); }
  auto operator<=>(const Id&) const = default;
};

using TenantId = Id<struct TenantTag>;
using EventId = Id<struct EventTag>;
using ReservationId = Id<struct ReservationTag>;
using OutcomeId = Id<struct OutcomeTag>;
using KeyHash = Id<struct KeyHashTag>;

// SHA-256 over `type` and the canonical JSON of `data`.
using Fingerprint = std::array<std::uint8_t, 32>;

struct UuidHash {
  std::size_t operator()(const Uuid& u) const noexcept {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, u.bytes.data(), 8);
    std::memcpy(&b, u.bytes.data() + 8, 8);
    return static_cast<std::size_t>((a ^ (b << 1U)) * 0x9E3779B97F4A7C15ULL);
  }
  template <class Tag>
  std::size_t operator()(const Id<Tag>& id) const noexcept {
    return (*this)(id.value);
  }
};

}  // namespace admitone::base
