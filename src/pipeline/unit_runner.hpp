#pragma once
// One unit of work of a pipeline: reads, decides, sends forwards, writes, commits, and moves the
// lanes' and their sagas' memory on. Threads: its pipeline's. Blocking: by the store's and sender's
// time-outs. Durable: when run() says committed, everything decided is in PostgreSQL and handed to
// `publish`. Errors: nothing was applied; the lanes are as they were and the caller tries again.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/decider.hpp"
#include "pipeline/known_keys.hpp"
#include "ports/clock.hpp"
#include "ports/key_hints.hpp"
#include "ports/lane_store.hpp"
#include "ports/meters.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::pipeline {

enum class RunEnd {
  committed,
  fenced,       // some lanes are not ours any more: `fenced` names them; nothing was applied
  again,        // raced with another lane, or memory was stale: run again at once
  later,        // the database or the broker did not answer: run again after a pause
  set_aside,    // nothing was there but for lanes that have to wait (Lane::not_before)
  undecidable,  // this batch cannot be decided or stored: make it smaller, down to one item
};

struct RunReport {
  RunEnd end = RunEnd::later;
  std::vector<base::TopicPartition> fenced;
  std::string why;
  // Undecidable: by something of that lane, where it is known.
  std::optional<base::TopicPartition> cause = std::nullopt;
};

// Of an operator's change that is durable, or was refused.
void tell_of_change(const Item& item);

class UnitRunner {
 public:
  struct World {
    ports::LaneStore& store;
    ports::CommandSender& sender;
    ports::Meters& meters;
    const ports::Clock& clock;
    saga::Runner& sagas;
    SagaClock& saga_clock;  // set by each unit
    std::function<void(Publication&&)> publish;
    ports::LaneStore::Meanwhile meanwhile;  // while the database writes a unit
    ports::KeyHints* hints = nullptr;       // null: there are none
  };
  UnitRunner(const EngineOptions& options, World world);

  // What is given back of the shares' transitions is due again.
  RunReport run(std::vector<LaneShare>& shares);

 private:
  // None: it has to be decided again with look-ups that were left out.
  std::optional<RunReport> attempt(std::vector<LaneShare>& shares);
  ports::UnitQuery first_query(std::vector<LaneShare>& shares) const;
  void weigh(const std::vector<domain::Event>& events);
  void choose_look_ups(Item& item) const;
  // Before a unit is opened: what is said of where its keys may be (decision 0060).
  void recall(const std::vector<LaneShare>& shares);
  void count_look_ups(const ports::UnitQuery& query, const ports::UnitReads& reads);
  base::Result<bool> read(std::vector<LaneShare>& shares, Overlay& overlay);
  base::Status read_values(const std::vector<LaneShare>& shares, Overlay& overlay);
  void take_copies(LaneShare& share, Overlay& overlay) const;
  // For each of the events whose parked commands are read.
  [[nodiscard]] std::int64_t record_bytes() const {
    return static_cast<std::int64_t>(options_.unit_bytes / 4);
  }
  base::Status prepare_parked(std::vector<LaneShare>& shares, const Overlay& overlay,
                              ports::UnitQuery& more);
  bool ends(const LaneShare& share, const ports::EventKey& event, const Overlay& overlay) const;
  base::Result<Claims> ask_claims(const std::vector<LaneShare>& shares, Overlay& overlay);
  // Changes that cannot be published any more, as the database is: their sagas turn back.
  void refuse_changes(std::vector<LaneShare>& shares, Overlay& overlay, const Claims& claims);
  [[nodiscard]] saga::Now saga_now() const;
  void set_aside(LaneShare& share, const base::Error& why);
  base::Status change_sagas(LaneShare& share);  // saga_changes.cpp
  base::Status change_saga(LaneShare& share);
  RunReport commit(Overlay& overlay, ports::UnitWrites& writes, std::vector<LaneEffects>& effects);
  // True: the unit cannot be committed without the look-ups that were left out.
  bool unproven(const std::vector<LaneEffects>& effects);
  void remember(const ports::UnitWrites& writes);
  void apply(Overlay& overlay, std::vector<LaneEffects>& effects, std::size_t records);
  void move_on(Lane& lane, LaneEffects& effects);
  void tell_sagas(const std::vector<LaneShare>& shares, std::vector<LaneEffects>& effects);
  RunReport failed(const base::Error& error);

  const EngineOptions& options_;
  World world_;
  std::optional<base::TopicPartition> unreadable_;  // a lane whose parked command is, in this unit
  std::size_t event_weight_ = 256U << 10U;  // of those that were read, about; at first a heavy one
  KnownKeys known_keys_;
  Trust trust_in_keys_;
  Trust trust_in_reservations_;
  std::map<ports::LedgerKey, ports::KeyHint> hints_;  // of the unit's keys
};

}  // namespace admitone::pipeline
