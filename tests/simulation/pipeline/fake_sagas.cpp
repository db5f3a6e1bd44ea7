// What the fake database does with sagas.
#include <algorithm>
#include <map>

#include "simulation/pipeline/fake_database.hpp"

namespace admitone::simulation {
namespace {

using ports::UnitEnd;

bool is_stale(const ports::Saga& known, const ports::Saga& saga) {
  const auto kept = std::min(known.transactions.size(), saga.transactions.size());
  const auto same_step = [](const auto& a, const auto& b) { return a.step == b.step; };
  return known.is_over() || known.lane != saga.lane || known.event != saga.event ||
         known.kind != saga.kind ||
         !std::equal(known.steps.begin(), known.steps.end(), saga.steps.begin(), saga.steps.end(),
                     same_step) ||
         !std::equal(saga.transactions.begin(),
                     saga.transactions.begin() + static_cast<std::ptrdiff_t>(kept),
                     known.transactions.begin());
}

UnitEnd write_saga(FakeDatabase& db, const ports::Saga& saga) {
  for (const auto& [key, other] : db.sagas)
    if (key.first == saga.tenant && other.event == saga.event && other.id != saga.id &&
        !other.is_over() && !saga.is_over())
      return UnitEnd::key_taken;
  const auto [known, fresh] = db.sagas.try_emplace({saga.tenant, saga.id}, saga);
  if (fresh) return UnitEnd::committed;
  if (is_stale(known->second, saga)) return UnitEnd::stale;
  known->second = saga;
  db.begun_alone.erase({saga.tenant, saga.id});
  return UnitEnd::committed;
}

}  // namespace

// What ends makes room for the event's next one.
UnitEnd FakeDatabase::write(const std::vector<ports::Saga>& written) {
  for (const bool over : {true, false})
    for (const auto& saga : written) {
      if (saga.is_over() != over) continue;
      if (const auto end = write_saga(*this, saga); end != UnitEnd::committed) return end;
    }
  return UnitEnd::committed;
}

base::Result<std::vector<ports::Saga>> FakeStore::load_sagas(base::TopicPartition tp,
                                                             std::optional<base::SagaId> after,
                                                             std::int32_t limit) {
  if (down || no_work)
    return base::Error{base::ErrorKind::retry_unit, base::Effect::not_applied,
                       "the fake database is down"};
  std::map<base::SagaId, const ports::Saga*> found;
  for (const auto& [key, saga] : db_.sagas)
    if (saga.lane == tp && !saga.is_over() && (!after || saga.id > *after))
      found.emplace(saga.id, &saga);
  std::vector<ports::Saga> sagas;
  for (const auto& [id, saga] : found)
    if (sagas.size() < static_cast<std::size_t>(limit)) sagas.push_back(*saga);
  return sagas;
}

base::Result<std::int32_t> FakeStore::count_transition(base::TopicPartition tp, std::int64_t epoch,
                                                       base::TenantId tenant, base::SagaId saga) {
  if (down)
    return base::Error{base::ErrorKind::retry_unit, base::Effect::not_applied,
                       "the fake database is down"};
  const auto known = db_.sagas.find({tenant, saga});
  if (db_.progress.at(tp).at.epoch != epoch || known == db_.sagas.end() ||
      known->second.is_over() || known->second.lane != tp)
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied, "another owner"};
  return ++db_.begun_alone[{tenant, saga}];
}

}  // namespace admitone::simulation
