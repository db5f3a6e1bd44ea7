#include "integration/pipeline/shadowed_store.hpp"

#include <gtest/gtest.h>

namespace admitone::simulation {

base::Result<std::vector<ports::TakenLane>> ShadowedStore::take(
    std::span<const base::TopicPartition> lanes, const std::string& publisher) {
  auto taken = real_->take(lanes, publisher);
  if (!taken) return taken;
  const auto shadowed = shadow_.take(lanes, publisher);
  EXPECT_EQ(taken->size(), shadowed->size());
  for (std::size_t i = 0; i < taken->size(); ++i) {
    EXPECT_EQ(taken->at(i).epoch, shadowed->at(i).epoch);
    EXPECT_EQ(taken->at(i).unit, shadowed->at(i).unit);
    EXPECT_EQ(taken->at(i).tries, shadowed->at(i).tries);
  }
  return taken;
}

base::Result<ports::LaneWork> ShadowedStore::load_work(base::TopicPartition tp) {
  auto work = real_->load_work(tp);
  const auto shadowed = shadow_.load_work(tp);
  if (work) {
    EXPECT_EQ(work->draining, shadowed->draining);
    EXPECT_EQ(work->parked, shadowed->parked);
  }
  return work;
}

base::Result<std::vector<ports::Saga>> ShadowedStore::load_sagas(base::TopicPartition tp,
                                                                 std::optional<base::SagaId> after,
                                                                 std::int32_t limit) {
  auto sagas = real_->load_sagas(tp, after, limit);
  if (sagas) {
    EXPECT_EQ(*sagas, shadow_.load_sagas(tp, after, limit).value());
  }
  return sagas;
}

base::Result<ports::UnitReads> ShadowedStore::open(const ports::UnitQuery& query) {
  auto reads = real_->open(query);
  if (!reads) return reads;
  reads->database_now = clock_.wall;
  database_.part = reads->part;
  return reads;
}

base::Result<ports::UnitReads> ShadowedStore::more(const ports::UnitQuery& query) {
  auto reads = real_->more(query);
  if (reads && reads->database_now != base::Timestamp{}) reads->database_now = clock_.wall;
  return reads;
}

base::Result<ports::UnitReport> ShadowedStore::commit(const ports::UnitWrites& writes,
                                                      const Meanwhile& meanwhile) {
  auto report = real_->commit(writes, meanwhile);
  if (!report || report->end != ports::UnitEnd::committed) return report;
  EXPECT_TRUE(shadow_.open({}).ok());
  const auto shadowed = shadow_.commit(writes);
  EXPECT_EQ(shadowed->end, ports::UnitEnd::committed) << "what one takes the other does not";
  return report;
}

base::Result<std::vector<ports::UnpublishedOutcome>> ShadowedStore::load_unpublished(
    base::TopicPartition tp, std::int64_t after, std::int32_t limit, std::int64_t bytes) {
  return real_->load_unpublished(tp, after, limit, bytes);
}

base::Result<std::vector<ports::PendingDeadLetter>> ShadowedStore::load_dead_letters(
    base::TopicPartition tp) {
  return real_->load_dead_letters(tp);
}

base::Result<std::vector<ports::DueHold>> ShadowedStore::due_holds(std::int32_t lane,
                                                                   base::Timestamp until,
                                                                   std::int32_t limit) {
  return real_->due_holds(lane, until, limit);
}

base::Result<std::int64_t> ShadowedStore::lane_epoch(base::TopicPartition tp) {
  return real_->lane_epoch(tp);
}

base::Status ShadowedStore::give_back(std::span<const ports::GivenLane> lanes) {
  (void)shadow_.give_back(lanes);
  return real_->give_back(lanes);
}

base::Result<ports::Attempt> ShadowedStore::count_attempt(base::TopicPartition tp,
                                                          std::int64_t epoch, std::int64_t offset) {
  (void)shadow_.count_attempt(tp, epoch, offset);
  return real_->count_attempt(tp, epoch, offset);
}

base::Status ShadowedStore::note_read(base::TopicPartition tp, std::int64_t epoch,
                                      std::int64_t offset) {
  (void)shadow_.note_read(tp, epoch, offset);
  return real_->note_read(tp, epoch, offset);
}

base::Result<std::vector<ports::ClaimAnswer>> ShadowedStore::claims(
    const std::vector<ports::ClaimQuery>& queries) {
  return real_->claims(queries);
}

}  // namespace admitone::simulation
