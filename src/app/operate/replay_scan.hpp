#pragma once
// Reads a range of a command topic beside what the database says of it, piece by piece.
// Used by: replaying, by the verb and by the API. Threads: one at a time. Blocking: the time-outs
// of brokers and database. Errors: VerbError. Limits: memory is that of one piece's undecided
// records, without their values, and a few bits for each offset of the range. A piece has a
// snapshot of its own, which is over when the piece is.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/operate/means.hpp"
#include "app/operate/redrive_core.hpp"
#include "app/operate/replay_core.hpp"
#include "kafka/reader.hpp"

namespace admitone::app {

struct ScanFacts {
  std::string topic;
  ReplayMode mode = ReplayMode::dedupe;
  bool home = true;
  std::map<std::int32_t, std::int64_t> next_offsets;  // by partition; absent: nothing is decided
  // re-emit, of the range
  Places given_already;
  Places forwarded;
  base::Timestamp horizon_start;
};

class ReplayScan {
 public:
  static constexpr std::int64_t kPiece = 50'000;  // offsets; each costs a pass over the ledger

  // All outlive it. `read`: told of each record.
  ReplayScan(
      const Means& means, const kafka::Reader& reader, const ScanFacts& facts,
      std::function<void()> read = [] {});

  // A record whose outcome may be given again, as its sender made it; false: the piece is to end
  // behind it.
  using Again = std::function<bool(const base::Record& record, base::TenantId tenant)>;
  // Between two pieces, when no snapshot is held; false: stop.
  using After = std::function<bool()>;
  // Counts every record of `pieces`. False when it was stopped or interrupted.
  bool run(const std::vector<Piece>& pieces, Tallies& tallies, const Again& again = {},
           const After& after = {});
  // One piece, and where the next one begins; nullopt when it was interrupted, and not all counted.
  std::optional<std::int64_t> piece(const Piece& piece, Tallies& tallies, const Again& again);

 private:
  struct Undecided {
    RecordFacts facts;
    std::string tenant;
    std::string key_hash;
  };
  [[nodiscard]] bool is_copy(const std::optional<VerdictFacts>& decided) const;
  static void look_up(postgres::Views& views, std::vector<Undecided>& undecided);
  [[nodiscard]] ReplayFacts facts_of(std::int32_t partition) const;

  const Means& means_;
  const Settings& settings_;
  const kafka::Reader& reader_;
  const ScanFacts& facts_;
  std::function<void()> read_;
  std::int32_t partitions_;
};

}  // namespace admitone::app
