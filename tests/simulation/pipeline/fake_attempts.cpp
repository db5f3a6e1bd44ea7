// What the fake database counts of lanes that are taken and of what is tried alone.
#include "simulation/pipeline/fake_database.hpp"

namespace admitone::simulation {

using base::Effect;
using base::Error;
using base::ErrorKind;

base::Status FakeStore::give_back(std::span<const ports::GivenLane> lanes) {
  if (down) return base::Status{unreachable()};
  for (const auto& given : lanes) {
    auto& row = db_.progress[given.tp];
    if (row.at.epoch != given.epoch) continue;
    if (row.tries > 0) row.tries -= 1;
    if (row.alone_offset == given.begun && row.alone_attempts > 0) row.alone_attempts -= 1;
  }
  return {};
}

base::Result<ports::Attempt> FakeStore::count_attempt(base::TopicPartition tp, std::int64_t epoch,
                                                      std::int64_t offset) {
  if (down) return unreachable();
  auto& row = db_.progress.at(tp);
  if (row.at.epoch != epoch)
    return Error{ErrorKind::permanent, Effect::not_applied, "another owner"};
  const bool again = row.alone_offset == offset;
  row.alone_attempts = again ? row.alone_attempts + 1 : 1;
  row.alone_read = again && row.alone_read;
  row.alone_offset = offset;
  ++row.begun_alone;
  return ports::Attempt{row.alone_attempts, row.alone_read};
}

base::Status FakeStore::note_read(base::TopicPartition tp, std::int64_t epoch,
                                  std::int64_t offset) {
  if (down || lose_notes-- > 0) return base::Status{unreachable()};
  auto& row = db_.progress.at(tp);
  if (row.at.epoch != epoch || row.alone_offset != offset)
    return base::Status{Error{ErrorKind::permanent, Effect::not_applied, "another owner"}};
  row.alone_read = true;
  return {};
}

}  // namespace admitone::simulation
