#pragma once
// Reads the keys of closed parts of the ledger and puts filters of them on the shelf; again when a
// part is closed, dropped, or gets a key that it did not have. Rests for as long as it reads, so
// that units of work keep the database.
// Used by: the worker's upkeep. Lifetime: as its user; a connection of its own. Threads: one at a
// time. Blocking: `step` reads one page of keys, or looks whether there is anything to do; by the
// statement time-out. Errors: retry_call; without filters everything is looked for, as ever.
// Limits: no part that would make the filters larger than `most_bytes` gets one, nor a younger one.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"
#include "postgres/part_filters.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

struct FilterKeeperOptions {
  ConnectionSettings connection;  // the worker's
  std::int64_t most_bytes = 256 << 20;
  std::int32_t page = 20'000;  // keys that are read at once
  std::chrono::milliseconds statement_timeout = std::chrono::seconds{30};
};

class FilterKeeper {
 public:
  FilterKeeper(FilterKeeperOptions options, FilterShelf& shelf, const ports::Clock& clock,
               ports::Meters& meters);
  ~FilterKeeper();
  FilterKeeper(const FilterKeeper&) = delete;
  FilterKeeper& operator=(const FilterKeeper&) = delete;

  // How long to rest before there is more to read; nullopt: nothing is left to do for now.
  base::Result<std::optional<base::Duration>> step();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::postgres
