#pragma once
// How single values look in PostgreSQL's binary format: one trait per C++ type.
// Used by: wire.hpp. Threads: pure functions, any.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace admitone::postgres {

// Bytes that are no text (bytea).
struct Bytes {
  std::string value;
};
struct BytesView {
  std::string_view value;
};

namespace wire {

// Type numbers that PostgreSQL has fixed for ever (pg_type.dat).
enum Oid : std::uint32_t {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kJson = 114,
  kTimestamptz = 1184,
  kUuid = 2950,
};
std::uint32_t array_of(Oid element);

// A composite type of a migration; its numbers differ from database to database
// (Connection::row_type).
struct RowType {
  std::uint32_t element = 0;
  std::uint32_t array = 0;
};

void put16(std::string& out, std::int16_t v);
void put32(std::string& out, std::int32_t v);
void put64(std::string& out, std::int64_t v);
void set32(std::string& out, std::size_t at, std::int32_t v);
std::int16_t get16(const char* p);
std::int32_t get32(const char* p);
std::int64_t get64(const char* p);

// Microseconds between 1970 and 2000, where PostgreSQL counts from.
inline constexpr std::int64_t kEpochShift = 946'684'800'000'000;

template <class T>
struct Type;  // oid, put(out, value) without the length

template <>
struct Type<bool> {
  static constexpr Oid oid = kBool;
  static void put(std::string& out, bool v) { out.push_back(v ? '\1' : '\0'); }
};
template <>
struct Type<std::int16_t> {
  static constexpr Oid oid = kInt2;
  static void put(std::string& out, std::int16_t v) { put16(out, v); }
};
template <>
struct Type<std::int32_t> {
  static constexpr Oid oid = kInt4;
  static void put(std::string& out, std::int32_t v) { put32(out, v); }
};
template <>
struct Type<std::int64_t> {
  static constexpr Oid oid = kInt8;
  static void put(std::string& out, std::int64_t v) { put64(out, v); }
};
template <>
struct Type<base::Timestamp> {
  static constexpr Oid oid = kTimestamptz;
  static void put(std::string& out, base::Timestamp v) {
    put64(out, base::to_unix_micros(v) - kEpochShift);
  }
};
template <>
struct Type<base::Uuid> {
  static constexpr Oid oid = kUuid;
  static void put(std::string& out, const base::Uuid& v) {
    out.append(reinterpret_cast<const char*>(v.bytes.data()), v.bytes.size());
  }
};
template <class Tag>
struct Type<base::Id<Tag>> {
  static constexpr Oid oid = kUuid;
  static void put(std::string& out, const base::Id<Tag>& v) { Type<base::Uuid>::put(out, v.value); }
};
template <>
struct Type<std::string_view> {
  static constexpr Oid oid = kText;
  static void put(std::string& out, std::string_view v) { out.append(v); }
};
template <>
struct Type<std::string> : Type<std::string_view> {};
template <>
struct Type<BytesView> {
  static constexpr Oid oid = kBytea;
  static void put(std::string& out, BytesView v) { out.append(v.value); }
};
template <>
struct Type<base::Fingerprint> {
  static constexpr Oid oid = kBytea;
  static void put(std::string& out, const base::Fingerprint& v) {
    out.append(reinterpret_cast<const char*>(v.data()), v.size());
  }
};

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};

}  // namespace wire

}  // namespace admitone::postgres
