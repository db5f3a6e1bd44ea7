#pragma once
// PostgreSQL's binary format, for the statements of the hot path: parameters as arrays, one per
// column, and results read column by column.
// Used by: the room's own sources only. Threads: values. Errors: a result that does not have the
// shape its statement promises is our own mistake (assertion).

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.hpp"
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

// One value of a composite type: its columns in the type's order. An empty optional is NULL.
class RowWriter {
 public:
  // Appends to `out`; the number of columns is filled in at the end.
  explicit RowWriter(std::string& out) : out_(out), at_(out.size()) { wire::put32(out, 0); }
  ~RowWriter() { wire::set32(out_, at_, columns_); }
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;

  template <class V>
  RowWriter& operator<<(const V& value) {
    using T = typename wire::Unwrapped<V>::type;
    ++columns_;
    wire::put32(out_, static_cast<std::int32_t>(wire::Type<T>::oid));
    if constexpr (std::is_same_v<V, T>) {
      put<T>(value);
    } else if (value) {
      put<T>(*value);
    } else {
      wire::put32(out_, -1);
    }
    return *this;
  }

 private:
  template <class T>
  void put(const T& value) {
    const auto at = out_.size();
    wire::put32(out_, 0);
    wire::Type<T>::put(out_, value);
    wire::set32(out_, at, static_cast<std::int32_t>(out_.size() - at - 4));
  }

  std::string& out_;
  std::size_t at_;
  std::int32_t columns_ = 0;
};

// The parameters of one execution.
class Params {
 public:
  template <class T>
  Params& scalar(const T& value) {
    std::string out;
    wire::Type<T>::put(out, value);
    push(wire::Type<T>::oid, std::move(out));
    return *this;
  }
  // One array: `project(element)` for each element of `range`; an empty optional is NULL.
  template <class Range, class Project>
  Params& array(const Range& range, Project project) {
    using Value = std::decay_t<decltype(project(*std::begin(range)))>;
    using T = typename wire::Unwrapped<Value>::type;
    std::string out;
    const auto count = static_cast<std::int32_t>(std::size(range));
    begin_array(out, wire::Type<T>::oid, count);
    for (const auto& element : range) {
      const auto& value = project(element);
      if constexpr (std::is_same_v<Value, T>) {
        put_element<T>(out, value);
      } else if (value) {
        put_element<T>(out, *value);
      } else {
        out[7] = 1;  // the array's flag "has nulls"
        wire::put32(out, -1);
      }
    }
    push(wire::array_of(wire::Type<T>::oid), std::move(out));
    return *this;
  }

  // One array of a composite type: `fill(writer, element)` for each element of `range`. For many
  // columns this is much cheaper than an array for each: `unnest` keeps a store for every array.
  template <class Range, class Fill>
  Params& rows(wire::RowType type, const Range& range, Fill fill) {
    std::string out;
    begin_array(out, type.element, static_cast<std::int32_t>(std::size(range)));
    for (const auto& element : range) {
      const auto at = out.size();
      wire::put32(out, 0);
      {
        RowWriter writer(out);
        fill(writer, element);
      }
      wire::set32(out, at, static_cast<std::int32_t>(out.size() - at - 4));
    }
    push(type.array, std::move(out));
    return *this;
  }

  [[nodiscard]] int size() const { return static_cast<int>(values_.size()); }
  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }
  [[nodiscard]] const std::vector<std::uint32_t>& types() const { return types_; }

 private:
  void push(std::uint32_t type, std::string value);
  static void begin_array(std::string& out, std::uint32_t element, std::int32_t count);
  template <class T, class V>
  static void put_element(std::string& out, const V& value) {
    const auto at = out.size();
    out.append(4, '\0');
    wire::Type<T>::put(out, value);
    wire::set32(out, at, static_cast<std::int32_t>(out.size() - at - 4));
  }

  std::vector<std::string> values_;
  std::vector<std::uint32_t> types_;
};

// One row; every `next` takes the following column.
class Row {
 public:
  Row(const PGresult* result, int row) : result_(result), row_(row) {}

  template <class T>
  T next() {
    if constexpr (!std::is_same_v<T, typename wire::Unwrapped<T>::type>) {
      if (PQgetisnull(result_, row_, column_) != 0) {
        ++column_;
        return std::nullopt;
      }
      return next<typename wire::Unwrapped<T>::type>();
    } else {
      ADMITONE_ASSERT(column_ < PQnfields(result_));
      ADMITONE_ASSERT(PQgetisnull(result_, row_, column_) == 0);
      const std::string_view bytes(PQgetvalue(result_, row_, column_),
                                   static_cast<std::size_t>(PQgetlength(result_, row_, column_)));
      ++column_;
      return parse<T>(bytes);
    }
  }
  // smallint columns that hold one of our enumerations.
  template <class E>
  E next_enum() {
    return static_cast<E>(next<std::int16_t>());
  }

 private:
  template <class T>
  static T parse(std::string_view bytes);

  const PGresult* result_;
  int row_;
  int column_ = 0;
};

// The result of one execution.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}
  [[nodiscard]] int size() const { return PQntuples(result_.get()); }
  [[nodiscard]] Row operator[](int row) const { return {result_.get(), row}; }
  // Rows inserted, updated or deleted.
  [[nodiscard]] std::int64_t affected() const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

template <>
bool Row::parse<bool>(std::string_view bytes);
template <>
std::int16_t Row::parse<std::int16_t>(std::string_view bytes);
template <>
std::int32_t Row::parse<std::int32_t>(std::string_view bytes);
template <>
std::int64_t Row::parse<std::int64_t>(std::string_view bytes);
template <>
base::Timestamp Row::parse<base::Timestamp>(std::string_view bytes);
template <>
base::Uuid Row::parse<base::Uuid>(std::string_view bytes);
template <>
base::Fingerprint Row::parse<base::Fingerprint>(std::string_view bytes);
template <>
std::string Row::parse<std::string>(std::string_view bytes);
template <>
std::vector<std::string> Row::parse<std::vector<std::string>>(std::string_view bytes);

template <class T>
T Row::parse(std::string_view bytes) {
  return T{parse<base::Uuid>(bytes)};  // the strong ids
}

}  // namespace admitone::postgres
