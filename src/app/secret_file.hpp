#pragma once
// A secret in a file: what it holds now, without the line end that editors and `echo` leave.
// Used by: loading of the settings, and everything that reads a secret again. Threads: any.
// Blocking: a small file. Errors: nullopt when it is missing, empty, unreadable or over 64 KiB.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace admitone::app {

std::optional<std::string> read_secret(const std::string& path);

// Files that are looked at again, for those who can use a new secret while they run, and to tell of
// those that nobody can.
// Lifetime: as those it tells. Threads: one at a time.
class SecretWatch {
 public:
  // An error: it is no secret to use, and the one before stays in use.
  using Changed = std::function<base::Status(const std::string& secret)>;
  // An empty path is none. `current` is what is in use.
  void add(std::string path, std::string current, Changed changed);
  // A file of any size that stays in use as it was at the start; a change is told in the log.
  void add_fixed(std::string path);
  // A file that is being replaced may be missing for a moment: the next look finds it.
  void look();

 private:
  struct File {
    std::string path;
    std::string current;
    Changed changed;
  };
  struct Fixed {
    std::string path;
    std::optional<std::filesystem::file_time_type> written;
    std::size_t digest = 0;
  };
  void look_at(Fixed& file);
  std::vector<File> files_;
  std::vector<Fixed> fixed_;
};

}  // namespace admitone::app
