#include "postgres/wire.hpp"

#include <bit>
#include <charconv>
#include <cstring>

namespace admitone::postgres {
namespace wire {
namespace {

// PostgreSQL's numbers are big-endian.
template <class U>
U swapped(U v) {
  if constexpr (std::endian::native == std::endian::big) return v;
  if constexpr (sizeof v == 2) return __builtin_bswap16(v);
  if constexpr (sizeof v == 4) return __builtin_bswap32(v);
  if constexpr (sizeof v == 8) return __builtin_bswap64(v);
}

template <class U>
void put(std::string& out, U v) {
  const U wire = swapped(v);
  out.append(reinterpret_cast<const char*>(&wire), sizeof wire);
}

template <class U>
U get(const char* p) {
  U wire = 0;
  std::memcpy(&wire, p, sizeof wire);
  return swapped(wire);
}

}  // namespace

std::uint32_t array_of(Oid element) {
  switch (element) {
    case kBool:
      return 1000;
    case kBytea:
      return 1001;
    case kInt2:
      return 1005;
    case kInt4:
      return 1007;
    case kText:
      return 1009;
    case kInt8:
      return 1016;
    case kTimestamptz:
      return 1185;
    case kUuid:
      return 2951;
    case kJson:
      return 199;
  }
  return 0;
}

void put16(std::string& out, std::int16_t v) {
  put(out, static_cast<std::uint16_t>(v));
}
void put32(std::string& out, std::int32_t v) {
  put(out, static_cast<std::uint32_t>(v));
}
void put64(std::string& out, std::int64_t v) {
  put(out, static_cast<std::uint64_t>(v));
}
void set32(std::string& out, std::size_t at, std::int32_t v) {
  const auto wire = swapped(static_cast<std::uint32_t>(v));
  std::memcpy(out.data() + at, &wire, sizeof wire);
}
std::int16_t get16(const char* p) {
  return static_cast<std::int16_t>(get<std::uint16_t>(p));
}
std::int32_t get32(const char* p) {
  return static_cast<std::int32_t>(get<std::uint32_t>(p));
}
std::int64_t get64(const char* p) {
  return static_cast<std::int64_t>(get<std::uint64_t>(p));
}

}  // namespace wire

void Params::push(std::uint32_t type, std::string value) {
  types_.push_back(type);
  values_.push_back(std::move(value));
}

void Params::begin_array(std::string& out, std::uint32_t element, std::int32_t count) {
  out.reserve(20 + static_cast<std::size_t>(count) * 20);
  wire::put32(out, count == 0 ? 0 : 1);  // dimensions
  wire::put32(out, 0);                   // flags
  wire::put32(out, static_cast<std::int32_t>(element));
  if (count == 0) return;
  wire::put32(out, count);
  wire::put32(out, 1);  // lower bound
}

std::int64_t Rows::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::int64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

template <>
bool Row::parse<bool>(std::string_view bytes) {
  ADMITONE_ASSERT(bytes.size() == 1);
  return bytes[0] != 0;
}
template <>
std::int16_t Row::parse<std::int16_t>(std::string_view bytes) {
  ADMITONE_ASSERT(bytes.size() == 2);
  return wire::get16(bytes.data());
}
template <>
std::int32_t Row::parse<std::int32_t>(std::string_view bytes) {
  ADMITONE_ASSERT(bytes.size() == 4);
  return wire::get32(bytes.data());
}
template <>
std::int64_t Row::parse<std::int64_t>(std::string_view bytes) {
  ADMITONE_ASSERT(bytes.size() == 8);
  return wire::get64(bytes.data());
}
template <>
base::Timestamp Row::parse<base::Timestamp>(std::string_view bytes) {
  return base::from_unix_micros(parse<std::int64_t>(bytes) + wire::kEpochShift);
}
template <>
base::Uuid Row::parse<base::Uuid>(std::string_view bytes) {
  base::Uuid id;
  ADMITONE_ASSERT(bytes.size() == id.bytes.size());
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}
template <>
base::Fingerprint Row::parse<base::Fingerprint>(std::string_view bytes) {
  base::Fingerprint print{};
  ADMITONE_ASSERT(bytes.size() == print.size());
  std::memcpy(print.data(), bytes.data(), bytes.size());
  return print;
}
template <>
std::string Row::parse<std::string>(std::string_view bytes) {
  return std::string(bytes);
}
template <>
std::vector<std::string> Row::parse<std::vector<std::string>>(std::string_view bytes) {
  std::vector<std::string> out;
  ADMITONE_ASSERT(bytes.size() >= 12);
  if (wire::get32(bytes.data()) == 0) return out;
  ADMITONE_ASSERT(bytes.size() >= 20);
  const auto count = wire::get32(bytes.data() + 12);
  std::size_t at = 20;
  for (std::int32_t i = 0; i < count; ++i) {
    ADMITONE_ASSERT(at + 4 <= bytes.size());
    const auto length = wire::get32(bytes.data() + at);
    at += 4;
    ADMITONE_ASSERT(length >= 0 && at + static_cast<std::size_t>(length) <= bytes.size());
    out.emplace_back(bytes.substr(at, static_cast<std::size_t>(length)));
    at += static_cast<std::size_t>(length);
  }
  return out;
}

}  // namespace admitone::postgres
