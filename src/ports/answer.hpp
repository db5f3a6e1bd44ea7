#pragma once
// What a call to an outside service ended with. An answer is one of exactly four kinds; the saga
// decides by the kind alone (laws L14, L16).

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "domain/codes.hpp"

namespace admitone::ports {

enum class AnswerKind {
  done,     // it is so; `value` is set
  refused,  // a definite no of the service: `code` says which. A time-out, a broken connection, 5xx
            // or 429 never is one
  retry,    // nothing was applied, and the same call may be made again
  unknown,  // it may have been applied: only a look-up, or the same call under the same request
            // key, may follow
};

template <class T>
struct Answer {
  AnswerKind kind = AnswerKind::unknown;
  std::optional<T> value;            // done only
  std::optional<domain::Code> code;  // refused only
  std::string why;                   // all but done: one line for an operator, without secrets
  std::optional<std::chrono::milliseconds> retry_after;  // retry and unknown: the service asked so

  static Answer done(T value) { return {AnswerKind::done, std::move(value), {}, {}, {}}; }
  static Answer refused(domain::Code code, std::string why) {
    return {AnswerKind::refused, {}, code, std::move(why), {}};
  }
  static Answer retry(std::string why, std::optional<std::chrono::milliseconds> after = {}) {
    return {AnswerKind::retry, {}, {}, std::move(why), after};
  }
  static Answer unknown(std::string why, std::optional<std::chrono::milliseconds> after = {}) {
    return {AnswerKind::unknown, {}, {}, std::move(why), after};
  }
};

// Called exactly once for each call, on the loop's thread, never from within the call itself. It
// must not block.
template <class T>
using Answered = std::function<void(Answer<T>)>;

}  // namespace admitone::ports
