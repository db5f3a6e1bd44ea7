#pragma once
// Sagas for tests, ordinary and random, and how they are written and loaded.

#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "integration/postgres/unit_samples.hpp"

namespace admitone::postgres::testing {

inline base::SagaId saga_id(std::uint64_t n) {
  return {uuid_of(0x5A, n)};
}

inline ports::StepJournal step(ports::StepId id, ports::StepStatus status) {
  ports::StepJournal journal;
  journal.step = id;
  journal.status = status;
  return journal;
}

inline ports::SignedTransaction transaction(std::uint64_t n) {
  return {std::string("\0\xFF bytes ", 9) + std::to_string(n), "signature-" + std::to_string(n),
          900, "address"};
}

// A creation of event `n` that asks the venue for its dates.
inline ports::Saga saga(std::uint64_t n, base::TenantId of, std::int32_t lane = 0) {
  using ports::StepId;
  using ports::StepStatus;
  ports::Saga s;
  s.id = saga_id(n);
  s.kind = ports::SagaKind::event_create;
  s.tenant = of;
  s.event = event_id(n);
  s.lane = {0, lane};
  s.origin = "commands/0/" + std::to_string(n);
  s.input.venue_id = "hall";
  s.input.starts_at = at(1000);
  s.input.ends_at = at(2000);
  s.input.capacity = 100;
  s.steps = {step(StepId::db_reserve, StepStatus::done),
             step(StepId::venue_hold, StepStatus::running),
             step(StepId::db_publish, StepStatus::pending)};
  s.started_at = s.step_since = at(0);
  s.deadline = at(900);
  s.trace = {
      "c-" + std::to_string(n), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", {}};
  return s;
}

inline ports::Saga ended(ports::Saga s, ports::SagaStatus as, base::Timestamp when = at(50)) {
  s.status = as;
  s.ended_at = when;
  return s;
}

inline ports::UnitEnd write(Owner& owner, std::vector<ports::Saga> sagas) {
  auto writes = owner.begin(std::vector<base::TenantId>{});
  writes.sagas = std::move(sagas);
  return owner.commit(writes).end;
}

inline std::vector<ports::Saga> load(Owner& owner, std::optional<base::SagaId> after = {},
                                     std::int32_t limit = 1000) {
  auto loaded = owner.store->load_sagas(owner.lane.tp, after, limit);
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  return loaded.ok() ? *loaded : std::vector<ports::Saga>{};
}

// ---------------------------------------------------------------- random ones

inline std::string any_text() {
  return *rc::gen::container<std::string>(rc::gen::inRange(' ', '~'));
}
inline base::Timestamp any_time() {
  return base::from_unix_micros(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000));
}
template <class T, class Make>
std::optional<T> maybe(Make make) {
  if (*rc::gen::arbitrary<bool>()) return make();
  return std::nullopt;
}
template <class E>
E any_of(int last) {
  return static_cast<E>(*rc::gen::inRange(1, last + 1));
}
inline std::optional<domain::Code> any_code() {
  return maybe<domain::Code>([] { return static_cast<domain::Code>(*rc::gen::inRange(20, 47)); });
}
inline std::int32_t any_count() {
  return *rc::gen::inRange(0, 1'000'000);
}

// All but which step it is.
inline void fill_randomly(ports::StepJournal& s) {
  s.status = any_of<ports::StepStatus>(9);
  s.attempts = any_count();
  s.undo_attempts = any_count();
  s.tries = any_count();
  s.request_key = any_text();
  s.undo_key = any_text();
  s.request = any_text() + "é";
  s.response = any_text();
  s.last_error = any_text();
  s.code = any_code();
  s.started_at = maybe<base::Timestamp>(any_time);
  s.ended_at = maybe<base::Timestamp>(any_time);
  s.next_attempt_at = any_time();
  s.attempt_deadline = any_time();
  s.open_until = maybe<base::Timestamp>(any_time);
  s.ask = *rc::gen::arbitrary<bool>();
  s.had_effect = *rc::gen::arbitrary<bool>();
}

inline ports::SignedTransaction any_transaction() {
  return {*rc::gen::container<std::string>(rc::gen::arbitrary<char>()), any_text(),
          *rc::gen::arbitrary<std::int64_t>(), any_text()};
}

inline ports::SagaInput any_input() {
  ports::SagaInput input;
  input.venue_id = any_text();
  input.starts_at = any_time();
  input.ends_at = any_time();
  input.capacity = *rc::gen::arbitrary<std::int64_t>();
  input.old_hold = maybe<std::string>(any_text);
  input.on_chain = *rc::gen::arbitrary<bool>();
  input.royalties = maybe<domain::Royalties>([] {
    return domain::Royalties{any_count(), any_count(), any_text(), any_text()};
  });
  for (auto& byte : input.event_hash) byte = *rc::gen::arbitrary<std::uint8_t>();
  return input;
}

// What may change while it runs; unfinished.
inline void change_randomly(ports::Saga& s) {
  constexpr ports::SagaStatus kOpen[] = {ports::SagaStatus::running,
                                         ports::SagaStatus::compensating,
                                         ports::SagaStatus::needs_operator};
  s.status = kOpen[*rc::gen::inRange(0, 3)];
  s.deadline = any_time();
  s.step_since = any_time();
  s.cause = any_code();
  s.ends_as = any_of<ports::SagaStatus>(6);
  s.why = any_text();
  s.stop = *rc::gen::arbitrary<bool>();
  for (auto& one : s.steps)
    if (*rc::gen::arbitrary<bool>()) fill_randomly(one);
  const auto more = *rc::gen::inRange(0, 3);
  for (int i = 0; i < more; ++i) s.transactions.push_back(any_transaction());
}

inline ports::Saga any_saga(std::uint64_t n, base::TenantId of) {
  ports::Saga s = saga(n, of);
  s.kind = any_of<ports::SagaKind>(3);
  s.origin = any_text();
  s.input = any_input();
  s.started_at = any_time();
  s.trace = {any_text() + "é", maybe<std::string>(any_text), maybe<std::string>(any_text)};
  s.steps.resize(static_cast<std::size_t>(*rc::gen::inRange(0, 6)));
  for (auto& one : s.steps) {
    one.step = any_of<ports::StepId>(13);
    fill_randomly(one);
  }
  change_randomly(s);
  return s;
}

}  // namespace admitone::postgres::testing
