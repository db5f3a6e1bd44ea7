#pragma once
// Identifiers. Uuid is 16 bytes in network order; its text form is always lower-case.
// KeyHash is the first 16 bytes of a SHA-256: what the ledger is keyed by.

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace admitone::base {

// The text form of a Uuid, without memory of its own.
struct UuidText {
  std::array<char, 36> chars{};
  operator std::string_view() const {  // NOLINT(*-explicit-*)
    return {chars.data(), chars.size()};
  }
};

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  // Lower-case 8-4-4-4-12 only; anything else (upper case, braces) is nullopt.
  static std::optional<Uuid> parse(std::string_view text);
  [[nodiscard]] UuidText text() const;
  [[nodiscard]] std::string str() const { return std::string(std::string_view(text())); }
  [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }
  bool operator==(const Uuid&) const = default;
  // By bytes, as two words: units of work sort what they ask for.
  std::strong_ordering operator<=>(const Uuid& other) const {
    const auto high = word(0) <=> other.word(0);
    return high != 0 ? high : word(8) <=> other.word(8);
  }

 private:
  [[nodiscard]] std::uint64_t word(std::size_t at) const {
    std::uint64_t out = 0;
    std::memcpy(&out, bytes.data() + at, sizeof(out));
    return std::endian::native == std::endian::little ? __builtin_bswap64(out) : out;
  }
};

// A Uuid that cannot be mixed up with another kind of Uuid.
template <class Tag>
struct Id {
  Uuid value;
  [[nodiscard]] UuidText text() const { return value.text(); }
  [[nodiscard]] std::string str() const { return value.str(); }
  [[nodiscard]] bool is_nil() const { return value.is_nil(); }
  auto operator<=>(const Id&) const = default;
};

using TenantId = Id<struct TenantTag>;
using EventId = Id<struct EventTag>;
using ReservationId = Id<struct ReservationTag>;
using OutcomeId = Id<struct OutcomeTag>;
using SagaId = Id<struct SagaTag>;
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
