#pragma once
// One unit of work of a pipeline: reads, decides, sends forwards, writes, commits, and moves the
// lanes' memory on. Threads: its pipeline's. Blocking: by the store's and sender's time-outs.
// Durable: when run() says committed, everything decided is in PostgreSQL and handed to `publish`.
// Errors: nothing was applied; the lanes are as they were and the caller tries again.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/decider.hpp"
#include "pipeline/known_keys.hpp"
#include "ports/clock.hpp"
#include "ports/lane_store.hpp"
#include "ports/meters.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::pipeline {

enum class RunEnd {
  committed,
  fenced,       // some lanes are not ours any more: `fenced` names them; nothing was applied
  again,        // raced with another lane, or memory was stale: run again at once
  later,        // the database or the broker did not answer: run again after a pause
  undecidable,  // this batch cannot be decided or stored: make it smaller, down to one item
};

struct RunReport {
  RunEnd end = RunEnd::later;
  std::vector<base::TopicPartition> fenced;
  std::string why;
  // Undecidable: by something of that lane, where it is known.
  std::optional<base::TopicPartition> cause = std::nullopt;
};

class UnitRunner {
 public:
  UnitRunner(const EngineOptions& options, ports::LaneStore& store, ports::CommandSender& sender,
             ports::Meters& meters, const ports::Clock& clock,
             std::function<void(Publication&&)> publish);

  RunReport run(std::vector<LaneShare>& shares);

 private:
  // None: it has to be decided again with look-ups that were left out.
  std::optional<RunReport> attempt(std::vector<LaneShare>& shares);
  ports::UnitQuery first_query(std::vector<LaneShare>& shares) const;
  void weigh(const std::vector<domain::Event>& events);
  void choose_look_ups(Item& item) const;
  base::Result<bool> read(std::vector<LaneShare>& shares, Overlay& overlay);
  base::Status read_values(const std::vector<LaneShare>& shares, Overlay& overlay);
  void take_copies(LaneShare& share, Overlay& overlay) const;
  // For each of the events whose parked commands are read.
  [[nodiscard]] std::int64_t record_bytes() const {
    return static_cast<std::int64_t>(options_.unit_bytes / 4);
  }
  base::Status prepare_parked(std::vector<LaneShare>& shares, const Overlay& overlay,
                              ports::UnitQuery& more) const;
  bool ends(const LaneShare& share, const ports::EventKey& event, const Overlay& overlay) const;
  base::Result<Claims> ask_claims(const std::vector<LaneShare>& shares, Overlay& overlay);
  RunReport commit(Overlay& overlay, ports::UnitWrites& writes, std::vector<LaneEffects>& effects);
  // True: the unit cannot be committed without the look-ups that were left out.
  bool unproven(const std::vector<LaneEffects>& effects);
  void remember(const ports::UnitWrites& writes);
  void apply(Overlay& overlay, std::vector<LaneEffects>& effects, std::size_t records);
  RunReport failed(const base::Error& error);

  const EngineOptions& options_;
  ports::LaneStore& store_;
  ports::CommandSender& sender_;
  ports::Meters& meters_;
  const ports::Clock& clock_;
  std::function<void(Publication&&)> publish_;
  std::size_t event_weight_ = 256U << 10U;  // of those that were read, about; at first a heavy one
  KnownKeys known_keys_;
  Trust trust_in_keys_;
  Trust trust_in_reservations_;
};

}  // namespace admitone::pipeline
