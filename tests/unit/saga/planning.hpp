#pragma once
// Plans, answers and writes at chosen moments.

#include <gtest/gtest.h>

#include "fixture.hpp"
#include "saga/planner.hpp"

namespace admitone::saga {

inline constexpr std::uint64_t kMiddle = std::uint64_t{1} << 63U;

template <class T>
T planned(const Saga& saga, base::Duration since, const Limits& limits = {}) {
  const auto action = next(saga, at(since), limits);
  EXPECT_TRUE(std::holds_alternative<T>(action)) << "action " << action.index();
  return std::holds_alternative<T>(action) ? std::get<T>(action) : T{};
}

// Makes the call that is planned then, and takes the answer in a little later.
inline bool answer(Saga& saga, const Reply& with, base::Duration since, const Limits& limits = {}) {
  const auto call = planned<MakeCall>(saga, since, limits);
  note_call(saga, call, at(since));
  return apply(saga, call, with, {at(since), at(since + 10ms), kMiddle}, limits);
}

inline void write_next(Saga& saga, base::Duration since, const Limits& limits = {}) {
  write_down(saga, next(saga, at(since), limits), at(since), limits);
}

inline StepJournal& step(Saga& saga, StepId id) {
  return *find_step(saga, id);
}

}  // namespace admitone::saga
