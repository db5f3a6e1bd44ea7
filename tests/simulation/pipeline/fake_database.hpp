#pragma once
// PostgreSQL as the engine sees it, in memory: what ports/lane_store.hpp promises, in one process.
// Several stores (several workers) may share one database. Single-threaded.

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "ports/lane_store.hpp"

namespace admitone::simulation {

struct Progress {
  ports::LaneAdvance at;
  bool consumed = false;  // next_offset is meaningful
  std::vector<std::string> publishers;
  std::string owner;  // whose publisher was added last
  std::optional<std::int64_t> head_offset;
  std::int32_t tries = 0;
  std::int64_t alone_offset = -1;
  std::int32_t alone_attempts = 0;
  bool alone_read = false;
  int begun_alone = 0;  // attempts that were counted, ever
};

// What an operator has written down.
struct FakeAction {
  std::int32_t lane = 0;
  ports::AuditedAction what;
  std::string state = "pending";
  std::string position = {};
};

struct FakeDatabase {
  base::Timestamp now{std::chrono::hours{24 * 365 * 56}};
  std::int32_t part = 1;
  std::map<base::TopicPartition, Progress> progress;
  std::map<std::tuple<ports::LedgerKey, std::int32_t>, ports::LedgerRow> ledger;
  std::set<ports::LedgerKey> origins;
  std::map<ports::LedgerKey, ports::ContentKeyRow> content_keys;
  std::map<ports::EventKey, domain::Event> events;
  std::map<ports::ReservationKey, domain::Reservation> reservations;
  std::map<std::pair<base::TenantId, base::SagaId>, ports::Saga> sagas;
  std::map<std::pair<base::TenantId, base::SagaId>, std::int32_t> begun_alone;
  std::map<std::pair<base::TenantId, base::Uuid>, FakeAction> actions;
  std::map<std::pair<std::int32_t, std::int64_t>, ports::ParkedRow> parked;
  std::map<base::Position, ports::PendingDeadLetter> dead_letters;
  std::map<std::int32_t, ports::TimerRun> timers;  // `released`: of all notes together
  std::int64_t units = 0;

  // Rows with a sequence of a lane, in order.
  [[nodiscard]] std::vector<const ports::LedgerRow*> outcomes(std::int32_t lane) const;
  [[nodiscard]] const ports::LedgerRow* at(const base::Position& position) const;
  ports::UnitEnd write(const std::vector<ports::Saga>& written);
};

inline base::Error unreachable() {
  return {base::ErrorKind::retry_unit, base::Effect::not_applied, "the fake database is down"};
}

class FakeStore : public ports::LaneStore {
 public:
  explicit FakeStore(FakeDatabase& database) : db_(database) {}

  // Called before each commit; what it returns happens instead of (or after) it.
  enum class Fault { none, lost_before, lost_after, refused };
  std::function<Fault()> before_commit = [] { return Fault::none; };
  const ports::UnitWrites* writing = nullptr;  // what it is about
  std::function<void()> before_open = [] {};
  std::function<void()> before_due_holds = [] {};
  int asked = 0;                              // for the time or due holds
  std::function<void()> during_take = [] {};  // after the rows are written, before the answer
  bool down = false;
  bool lost_values = false;  // of unpublished outcomes
  bool no_work = false;      // load_work fails, and nothing else
  // So many lanes are taken before the database fails.
  std::size_t takes = std::numeric_limits<std::size_t>::max();
  bool no_actions = false;  // pending_action fails, and nothing else
  int actions_asked = 0;
  bool no_time = false;                                      // database_now fails, and nothing else
  bool no_holds = false;                                     // due_holds fails, and nothing else
  std::optional<std::int32_t> no_holds_of;                   // or that of one lane
  std::vector<std::optional<base::Timestamp>> drained_from;  // of each drain that was read
  int lose_notes = 0;                                        // so many are not written down
  // A unit with more rows costs the connection.
  std::size_t rows_refused_above = std::numeric_limits<std::size_t>::max();
  // The largest so far, of one read and of one unit: bytes of stored values and of records.
  std::int64_t most_read = 0;
  std::int64_t most_written = 0;
  std::size_t most_events = 0;

  base::Result<std::vector<ports::TakenLane>> take(std::span<const base::TopicPartition> lanes,
                                                   const std::string& publisher) override;
  base::Result<ports::LaneWork> load_work(base::TopicPartition tp) override;
  base::Result<std::vector<ports::UnpublishedOutcome>> load_unpublished(
      base::TopicPartition tp, std::int64_t after, std::int32_t limit, std::int64_t bytes) override;
  base::Result<std::vector<ports::PendingDeadLetter>> load_dead_letters(
      base::TopicPartition tp) override;
  base::Result<std::vector<ports::DueHold>> due_holds(std::int32_t lane, base::Timestamp until,
                                                      std::int32_t limit) override;
  base::Result<std::vector<ports::Saga>> load_sagas(base::TopicPartition tp,
                                                    std::optional<base::SagaId> after,
                                                    std::int32_t limit) override;
  base::Result<std::optional<ports::AuditedAction>> pending_action(base::TopicPartition tp,
                                                                   base::TenantId tenant,
                                                                   base::Uuid id) override;
  base::Result<base::Timestamp> database_now() override;
  base::Result<std::int64_t> lane_epoch(base::TopicPartition tp) override;
  base::Status give_back(std::span<const ports::GivenLane> lanes) override;
  base::Result<ports::Attempt> count_attempt(base::TopicPartition tp, std::int64_t epoch,
                                             std::int64_t offset) override;
  base::Status note_timers(std::span<const ports::TimerRun> runs) override;
  base::Status note_read(base::TopicPartition tp, std::int64_t epoch, std::int64_t offset) override;
  base::Result<std::int32_t> count_transition(base::TopicPartition tp, std::int64_t epoch,
                                              base::TenantId tenant, base::SagaId saga) override;
  base::Result<ports::UnitReads> open(const ports::UnitQuery& query) override;
  base::Result<std::vector<ports::ClaimAnswer>> claims(
      const std::vector<ports::ClaimQuery>& queries) override;
  base::Result<ports::UnitReads> more(const ports::UnitQuery& query) override;
  using ports::LaneStore::commit;
  base::Result<ports::UnitReport> commit(const ports::UnitWrites& writes,
                                         const Meanwhile& meanwhile) override;
  void rollback() override { open_ = false; }

 private:
  ports::UnitReads read(const ports::UnitQuery& query);
  // Applies to a copy; the copy replaces the database when everything fits.
  static ports::UnitEnd apply(FakeDatabase& db, const ports::UnitWrites& writes);

  FakeDatabase& db_;
  bool open_ = false;
};

}  // namespace admitone::simulation
