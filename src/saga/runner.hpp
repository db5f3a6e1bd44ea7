#pragma once
// Drives all open sagas of one pipeline, without a thread of its own: thousands at once.
//
//   adopt ──► turn(now) ──► due(lane) ──► [the lane's unit of work] ──► committed ──► calls
//                ▲                                 └──► rolled_back: due again
//                └── answers, timers
//
// A transition is handed out by `due`, written by the pipeline beside commands, and only when
// `committed` says that it is durable the call that it intends is made (law L13). A transition that
// cannot be written because the lane is another owner's: `dropped`, and the new owner goes on from
// the journal.
//
// Lifetime: the services outlive it; answers may come after its end, and wake nobody then.
// Threads: one, but answers arrive on the loop's thread through an inbox. `wake` is called there
// and only there; it takes no lock under which the runner is ended.
// Blocking: never; the end waits for a `wake` under way. Durable: nothing by itself.
// Limits: sagas in memory and calls in flight, of all and of one tenant (Limits); transitions per
// call of `due`; each saga has at most one call, one timer, one transition. Calls wait for their
// turn service by service and tenant by tenant, so that the sagas of one do not stand before those
// of the others; only what was written down before has its deadline from then (Limits). Retries
// are within a budget for each service. A saga that needs an operator takes no room while there are
// not too many of them. Its whole journal is kept all the same, because what the operator changes
// is the journal in memory, and the change is written like any transition: there is no second way.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "resilience/retry_budget.hpp"
#include "saga/caller.hpp"
#include "saga/operator.hpp"
#include "saga/turns.hpp"

namespace admitone::saga {

// The same moment on both clocks. `time` is the database's, carried on by the steady one: equal for
// all owners, and a pod with a wrong clock ends no saga early.
struct Now {
  base::Timestamp time;
  base::Instant steady;
};

// What is to be written in the lane's next unit of work: the saga as it is then, and at most one
// decision to be carried out with it. When `saga.is_over()` the saga ends with this unit.
struct Transition {
  Saga saga;
  std::optional<Decision> decision;
};

// Where it stands: going forward the first step that is not done, going back the last that may
// still have to be undone. (As the view saga_log says it.)
const StepJournal& step_in_view(const Saga& saga);

// What a line of the log about the saga carries.
base::Fields fields_of(const Saga& saga);

// One saga as others may see it.
struct Glance {
  base::SagaId id;
  base::TenantId tenant;
  base::EventId event;
  base::TopicPartition lane;
  Kind kind{};
  Status status{};
  StepId step{};  // the present one
  StepStatus step_status{};
  std::int32_t attempts = 0;
  std::string last_error;
  base::Duration age{};  // of the present step
  bool stuck = false;    // beyond its objective, or in need of an operator
};

// All of them together, for metrics.
struct Tally {
  std::map<StepId, base::Duration> oldest;  // for how long it has been some saga's present step
  std::size_t stuck = 0;                    // as Glance says it
  // Attempts that were put off because the service's retry budget was used up; never fewer.
  std::uint64_t venue_refused = 0;
  std::uint64_t chain_refused = 0;
};

class Runner {
 public:
  struct World {
    Services services;
    std::function<std::uint64_t()> random;  // every value as likely: jitter
    std::function<void()> wake = {};        // from the loop's thread
  };
  Runner(Limits limits, World world);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Room for so many more sagas, and for so many of one tenant.
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] std::size_t room(const base::TenantId& tenant) const;
  // One that has just begun (its unit has committed), or that an earlier owner left. One that is
  // known is ignored. More than there is room for are taken all the same: the caller asks first.
  enum class From { this_owner, earlier_owner };
  void adopt(Saga saga, From from, Now now);

  // Takes in answers, gives up attempts, wakes whoever's time has come, makes calls.
  void turn(Now now);
  // Lanes that have something to write.
  [[nodiscard]] std::vector<base::TopicPartition> due_lanes() const;
  // At most `most` transitions of the lane, in the order in which they became due. Each is given
  // once, until it has committed or was rolled back.
  std::vector<Transition> due(base::TopicPartition lane, std::size_t most, Now now);
  void committed(std::span<const base::SagaId> sagas, Now now);
  void rolled_back(std::span<const base::SagaId> sagas);
  // The lane is not ours any more; nothing of its sagas is kept.
  void dropped(base::TopicPartition lane);

  // Within the unit that was to write it: the decision cannot be carried out. The transition to be
  // written instead.
  Transition refused(const base::SagaId& saga, domain::Code code, const std::string& why, Now now);

  // What was to be written of it (as `due` has given it) cannot be. It goes on from its journal as
  // that is in the database, like one of an earlier owner, and waits there for an operator. The
  // transition to be written instead.
  Transition give_up(Saga written, const std::string& why, Now now);

  // No reservation of the saga's event is left, as the unit knows that has just committed.
  void drained(const base::SagaId& saga, Now now);
  // An operator's change: to be written by this lane's unit, like any transition; when that is
  // rolled back, it was never made. Refused while a unit writes the saga, or has left it. Not
  // found: none.
  using Change = std::function<base::Status(Saga&)>;
  std::optional<base::Status> change(const base::SagaId& saga, const Change& change, Now now);
  // What there is to write of this saga, out of its turn; while a call of it is under way, its
  // journal as it is. None: nothing, or it is in a unit already.
  std::optional<Transition> due(const base::SagaId& saga);

  // When `turn` has something to do; none: only after an answer.
  [[nodiscard]] std::optional<base::Timestamp> next_turn() const;
  [[nodiscard]] std::size_t size() const { return sagas_.size(); }
  [[nodiscard]] std::size_t calls() const { return calls_.size(); }
  // Null: it is not (any more) in memory.
  [[nodiscard]] const Saga* find(const base::SagaId& saga) const;
  [[nodiscard]] std::map<std::pair<Kind, Status>, std::size_t> count() const;
  [[nodiscard]] Tally tally(base::Timestamp now) const;
  // Those that need an operator first, then by age.
  [[nodiscard]] std::vector<Glance> glance(base::Timestamp now, std::size_t most) const;

 private:
  enum class Phase {
    waiting,  // for its timer, or for a signal
    queued,   // for its turn to call
    calling,
    due,      // has something to write
    writing,  // in a unit of work
  };
  // As it was before an operator's change that is not durable yet.
  struct Unchanged {
    Saga saga;
    std::optional<Decision> decision;
    std::optional<Saga> before;
    bool dirty = false;
  };
  struct Entry {
    Saga saga;
    Phase phase = Phase::waiting;
    std::optional<Decision> decision;
    std::optional<base::Timestamp> timer;
    CallNumber call_number = 0;
    MakeCall call;
    base::Timestamp call_began;
    std::optional<Saga> before;  // as it was before `decision`
    std::optional<bool> parked;  // as it is counted in its tenant's share
    bool dirty = false;          // changed, and that is not in what is being written or asked
    std::optional<Unchanged> unchanged;
  };

  // What one tenant has.
  struct Share {
    std::size_t active = 0;
    std::size_t parked = 0;
    std::size_t calls = 0;
    [[nodiscard]] bool is_nothing() const { return active + parked + calls == 0; }
  };
  struct Called {
    base::SagaId saga;
    base::TenantId tenant;
    Turns& turns;
  };

  base::Status alter(Entry& entry, const Change& change, Now now);
  void take_back(Entry& entry);
  // Plans on. What is to be written is put down, or the call queued, or the timer set.
  void settle(Entry& entry, Now now, bool write);
  // True: something was put down.
  bool plan(Entry& entry, Now now);
  void to_write(Entry& entry);
  void to_call(Entry& entry, const MakeCall& call);
  void set_timer(Entry& entry, base::Timestamp at);
  void clear_timer(Entry& entry);
  void answered(Entry& entry, const Reply& reply, Now now);
  void wake_up(Entry& entry, Now now);
  void make_calls(Now now);
  void make_calls(Turns& turns, Now now);
  [[nodiscard]] Turns& turns_of(const MakeCall& call);
  void start_call(Entry& entry, const MakeCall& call, Now now);
  bool within_budget(Entry& entry, const MakeCall& call, Now now);
  void leave(Entry& entry);
  void recount(Entry& entry);
  void uncount(Entry& entry);
  void drop_share_of(const base::TenantId& tenant);
  void end_call(CallNumber number);
  [[nodiscard]] bool may_call(const base::TenantId& tenant) const;
  [[nodiscard]] Glance glance(const Saga& saga, base::Timestamp now) const;

  const Limits limits_;
  World world_;
  std::shared_ptr<Inbox> inbox_;
  std::unordered_map<base::SagaId, Entry, base::UuidHash> sagas_;
  std::map<base::TopicPartition, std::deque<base::SagaId>> due_;
  std::set<std::pair<base::Timestamp, base::SagaId>> timers_;
  std::unordered_map<CallNumber, Called> calls_;
  std::map<base::TenantId, Share> shares_;
  std::size_t parked_ = 0;
  // Waiting for their turn to call.
  Turns venue_turns_;
  Turns chain_turns_;
  resilience::RetryBudget venue_budget_;
  resilience::RetryBudget chain_budget_;
  std::uint64_t venue_refused_ = 0;
  std::uint64_t chain_refused_ = 0;
  CallNumber last_call_ = 0;
};

}  // namespace admitone::saga
