#pragma once
// Reads a topic as a stranger does: read_committed, from given positions to the end as it was when
// the reading began, all headers included. Joins no group, commits nothing.
// Used by: `audit`, `produce --wait`, `dead-letters`, `inspect`, `replay`, `bench`, tests.
// Threads: one at a time; `stop` from any. Blocking: each call by its limit without progress.
// Errors: retry_call (broker away, no progress), permanent (rights, unknown topic).

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/record.hpp"
#include "base/result.hpp"
#include "kafka/handles.hpp"
#include "kafka/probe.hpp"
#include "ports/clock.hpp"

namespace admitone::kafka {

// Per partition: [begin, end) of what a read_committed reader may see.
using Extent = std::map<std::int32_t, Watermarks>;

class Reader {
 public:
  // `group_id` is only a name that rights may be given to.
  static base::Result<std::unique_ptr<Reader>> create(const ClientSettings& settings,
                                                      const std::string& group_id,
                                                      const ports::Clock& clock);
  Reader(Client client, const ports::Clock& clock);

  // Asks again while the answer is one that passes by itself, until `limit` is over; a topic that
  // nobody knows is given two seconds to be told to all brokers.
  base::Result<Extent> extent(const std::string& topic, Milliseconds limit) const;

  // Per partition of `extent` the first offset whose record is of `time` or later; its end when
  // there is none.
  base::Result<std::map<std::int32_t, std::int64_t>> offsets_at(const std::string& topic,
                                                                const Extent& extent,
                                                                base::Timestamp time,
                                                                Milliseconds limit) const;

  // Every committed record within `extent`, in order per partition; Record::position has topic 0.
  // `each` returns false to stop early. `patience`: longest time without a record or an end.
  using Each = std::function<bool(base::Record&&)>;
  base::Status read(const std::string& topic, const Extent& extent, Milliseconds patience,
                    const Each& each) const;

  // New records from `extent`'s ends on, until `each` or `go_on` returns false or `limit` is over;
  // `go_on` is asked many times a second, also while nothing comes. That the time is over is no
  // error: the caller knows what it still waits for.
  using GoOn = std::function<bool()>;
  base::Status follow(const std::string& topic, const Extent& extent, Milliseconds limit,
                      const Each& each, const GoOn& go_on = {}) const;

  // Ends a `follow` that is under way, for good: it returns as when its time is over.
  void stop() { stopped_ = true; }

  // The record at a position; nullopt when there is none (control record, aborted, gone).
  base::Result<std::optional<base::Record>> find(const NamedPartition& partition,
                                                 std::int64_t offset, Milliseconds limit) const;

 private:
  base::Status begin(const std::string& topic, const Extent& extent, bool at_end) const;
  base::Status scan(const std::string& topic, const Extent& extent, Milliseconds patience,
                    const Each& each) const;
  Client client_;
  const ports::Clock& clock_;
  std::atomic<bool> stopped_{false};
};

}  // namespace admitone::kafka
