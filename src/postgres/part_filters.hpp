#pragma once
// Which keys closed parts of the ledger may have, kept in memory, so that a key that nobody has
// need not be looked for in each of them (decision 0077: why what they leave out is not there).
// Used by: LaneStore (FilterShelf::find), FilterKeeper (put). Lifetime: the shelf outlives both.
// Threads: PartFilters is constant; the shelf may be used from any. Blocking: never, but `wait`.
// Limits: about 1.5 bytes a key.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/ids.hpp"
#include "base/key_filter.hpp"
#include "base/time.hpp"

namespace admitone::postgres {

// What a unit of work sees of the parts while it holds their lock. Where it is the same, so is
// what the closed parts have, but for keys that have left them.
struct PartsSeen {
  std::int32_t oldest = 0;  // that may still have rows
  std::int32_t current = 0;
  // Of the current part. A database that was put back to an earlier time comes to another one.
  base::Timestamp since;
  std::int64_t keys_moved = 0;  // into parts when they were closed already, of all of them
  bool operator==(const PartsSeen&) const = default;
};

// The keys of one closed part. Grows by further filters where it was thought to be smaller.
class PartFilter {
 public:
  // `keys`: about so many will be added.
  explicit PartFilter(std::size_t keys);
  void add(const base::KeyHash& key);
  [[nodiscard]] bool may_contain(const base::KeyHash& key) const;
  [[nodiscard]] std::size_t bytes() const;
  static std::size_t bytes_for(std::size_t keys);

 private:
  std::vector<base::KeyFilter> filters_;
};

// Those of the closed parts from the oldest to `upto`; none where it is less than the oldest.
struct PartFilters {
  PartsSeen seen;
  std::int32_t upto = 0;
  std::vector<std::shared_ptr<const PartFilter>> parts;

  [[nodiscard]] bool may_contain(const base::KeyHash& key) const;
  [[nodiscard]] std::size_t bytes() const;
};

class FilterShelf {
 public:
  // Null: nobody knows, and whoever waits is told that filters are wanted.
  std::shared_ptr<const PartFilters> find(const PartsSeen& seen);
  void put(std::shared_ptr<const PartFilters> filters);
  // Until filters were looked for in vain, or `limit` is over, or a stop.
  void wait(const std::stop_token& stop, base::Duration limit);

 private:
  std::mutex mutex_;
  std::condition_variable_any missed_;
  bool is_missed_ = false;
  std::shared_ptr<const PartFilters> filters_;
};

}  // namespace admitone::postgres
