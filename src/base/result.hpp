#pragma once
// Result<T>: the outcome of something the outside world may refuse.
// Our own mistakes are assertions (base/assert.hpp); the expected "no" is a value of the domain.
// A repeat is legal only when `effect` is not_applied or the operation carries its own key.

#include <string>
#include <utility>
#include <variant>

#include "base/assert.hpp"

namespace admitone::base {

// What the caller may do next.
enum class ErrorKind {
  retry_call,  // the same call may be made again
  retry_unit,  // the whole unit of work must be run again, on a fresh connection if asked for
  permanent,   // repeating will not help; an operator has to act
  cancelled,   // we were asked to stop
};

// What is known about the effect of the failed call.
enum class Effect { not_applied, applied, unknown };

struct Error {
  ErrorKind kind = ErrorKind::permanent;
  Effect effect = Effect::not_applied;
  std::string message;  // one line for an operator: what failed and what to do
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() {
    ADMITONE_ASSERT(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] const T& value() const {
    ADMITONE_ASSERT(ok());
    return std::get<0>(state_);
  }
  [[nodiscard]] const Error& error() const {
    ADMITONE_ASSERT(!ok());
    return std::get<1>(state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(*-explicit-*)

  [[nodiscard]] bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    ADMITONE_ASSERT(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace admitone::base
