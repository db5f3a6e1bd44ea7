#pragma once
// Who may have a connection next: at most so many in all and so many to one origin, the origins in
// turn, and within an origin by age. Pure. Room-internal. Threads: one.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace admitone::http {

class Waiting {
 public:
  struct Limits {
    std::size_t in_all = 0;
    std::size_t per_origin = 0;
  };
  explicit Waiting(Limits limits) : limits_(limits) {}

  // Numbers only ever grow.
  void add(const std::string& origin, std::uint64_t number);
  // It waits no longer, and has no connection.
  void remove(const std::string& origin, std::uint64_t number);
  // The next one, which has a connection from now on until `end`; nullopt: nobody can have one.
  std::optional<std::uint64_t> start();
  void end(const std::string& origin);

  [[nodiscard]] std::size_t active() const { return active_; }

 private:
  struct Origin {
    std::set<std::uint64_t> queue;
    std::size_t active = 0;
  };
  using Origins = std::map<std::string, Origin>;
  Origins::iterator next_with_room();
  void forget_if_idle(Origins::iterator origin);

  Limits limits_;
  Origins origins_;
  std::string last_;  // whose turn it was
  std::size_t active_ = 0;
};

}  // namespace admitone::http
