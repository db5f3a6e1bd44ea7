#pragma once
// PostgreSQL's binary format, for the statements of the hot path: parameters as arrays, one per
// column, and results read column by column.
// Used by: the room's own sources only. Threads: values. Errors: a result that does not have the
// shape its statement promises is our own mistake (assertion).

#include <libpq-fe.h>

#include <algorithm>
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
#include "postgres/wire_types.hpp"

namespace admitone::postgres {

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
      // The others will be about as long; if not, it grows as any string does.
      if (at == kArrayHeader)
        out.reserve(std::min((out.size() - at) * std::size(range) * 5 / 4 + at, kMostReserved));
    }
    push(type.array, std::move(out));
    return *this;
  }

  [[nodiscard]] int size() const { return static_cast<int>(values_.size()); }
  [[nodiscard]] const std::vector<std::string>& values() const { return values_; }
  [[nodiscard]] const std::vector<std::uint32_t>& types() const { return types_; }

 private:
  static constexpr std::size_t kArrayHeader = 20;
  static constexpr std::size_t kMostReserved = 4U << 20U;
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
