#pragma once
// What a simulator has seen, as JSON lines on disk: read again at the next start. Used by:
// venue_service, solana_service. Lifetime: as long as the service; the file is locked, a second
// simulator on it is refused. Threads: any. Blocking: `sync` waits for the disk, one write for all
// who wait at the same time. Errors: what could not be written stays an error of every later
// `sync`; nothing of it may be answered. Durable: everything appended before a `sync` that returned
// without an error.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "simulate/json.hpp"

namespace admitone::simulate {

enum class Keep { what_is_there, nothing };

class Journal {
 public:
  struct Opened {
    std::unique_ptr<Journal> journal;
    std::vector<Json> entries;
  };
  // Makes the file when there is none. A last line that was not written to its end is cut off; any
  // other line that cannot be read is an error.
  static base::Result<Opened> open(const std::string& path, Keep keep);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Keeps the order of the calls.
  void append(const Json& entry);
  base::Status sync();

 private:
  explicit Journal(int file) : file_(file) {}
  base::Status write(const std::string& lines) const;

  int file_;
  std::mutex mutex_;
  std::condition_variable written_;
  std::string waiting_;  // lines that nobody has begun to write
  std::uint64_t appended_ = 0;
  std::uint64_t synced_ = 0;
  bool writing_ = false;
  base::Status disk_;
};

}  // namespace admitone::simulate
