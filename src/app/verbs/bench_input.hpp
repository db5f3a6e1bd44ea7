#pragma once
// The commands of each workload, made from a seed: the same bytes for ever. Used by: the verb
// `bench`. Lifetime: one pass over a workload. Threads: one. Blocking: never.
// Limits: a record costs about a microsecond to make; duplicates that are still to come and holds
// that can still be confirmed are remembered.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/verbs/bench_creations.hpp"
#include "app/verbs/dice.hpp"
#include "ports/outcome_log.hpp"

namespace admitone::app::bench {

enum class Shape {
  unique,      // holds with random keys, spread evenly over the events
  hot,         // on one event, which is sold out half-way
  duplicates,  // every other key a second time, later
  mixed,       // holds and what follows them, mistakes and poison, some events far more wanted
  creations,   // of events, each of them a saga: bench_creations.hpp
  neighbours,  // holds of ten tenants, one of which sends a hundred times as much as each other
};
inline constexpr std::int64_t kNeighbours = 10;
inline constexpr std::int64_t kLoudShare = 100;  // of the loud one, for one of each other

struct InputOptions {
  Shape shape = Shape::unique;
  std::uint64_t seed = 1;
  std::int64_t size = 1'000'000;  // commands, without those that make the events
  std::int64_t events = 10'000;
  std::string label = "b";  // command ids are <label>-<n>
  bool quiet = false;       // neighbours: the loud one sends nothing
};

class Input {
 public:
  explicit Input(InputOptions options);
  ~Input();

  // Fills in the next command, event creations first; false at the end. Parts of `record` are used
  // again: hand in the same one each time.
  bool next(ports::OutgoingRecord& record);

  // So far, or of all at the end: records, and those that are owed an outcome.
  [[nodiscard]] std::int64_t records() const { return records_; }
  [[nodiscard]] std::int64_t outcomes() const { return outcomes_; }
  // Records there will be.
  [[nodiscard]] std::int64_t total() const;
  // What goes wrong outside for the n-th command.
  [[nodiscard]] Fault fault(std::int64_t number) const {
    return options_.shape == Shape::creations ? fault_of(options_.seed, number) : Fault::none;
  }
  [[nodiscard]] Shape shape() const { return options_.shape; }
  // Whether the n-th command's time is also told apart from those of all: nothing goes wrong
  // outside for it (creations), it is not of the loud tenant (neighbours).
  [[nodiscard]] bool is_apart(std::int64_t number) const;
  // Whose all commands are, the loud one's of neighbours.
  [[nodiscard]] const std::string& tenant() const { return tenants_.front(); }
  // Those of them that make events; they are the first.
  [[nodiscard]] std::int64_t event_creations() const {
    return static_cast<std::int64_t>(events_.size());
  }

 private:
  struct Later;
  struct Hold {
    std::int64_t number = 0;
    std::size_t event = 0;
  };

  void create_event(ports::OutgoingRecord& record, std::size_t event);
  void creation(ports::OutgoingRecord& record, std::int64_t number) const;
  void hold(ports::OutgoingRecord& record, std::int64_t number, std::size_t event) const;
  void mixed(ports::OutgoingRecord& record, std::int64_t number);
  void follow(ports::OutgoingRecord& record, std::int64_t number, Hold hold, bool confirm) const;
  bool next_of_shape(ports::OutgoingRecord& record);
  bool next_with_duplicates(ports::OutgoingRecord& record);
  [[nodiscard]] std::size_t event_of(std::int64_t number) const;
  [[nodiscard]] std::size_t event_of_neighbour(Dice& dice) const;
  [[nodiscard]] const std::string& tenant_of(std::size_t event) const;
  [[nodiscard]] std::string reservation_id(std::int64_t number) const;
  [[nodiscard]] std::int64_t capacity() const;
  struct About {
    const std::string& tenant;
    const std::string& event;
  };
  [[nodiscard]] About about(std::size_t event) const { return {tenant_of(event), events_[event]}; }
  static void envelope(ports::OutgoingRecord& record, const char* type, const std::string& id,
                       const std::string& key, About of);

  InputOptions options_;
  Dice dice_;
  std::vector<std::string> tenants_;
  std::vector<std::string> events_;  // of the tenants in turn
  std::vector<double>
      wanted_;  // mixed: chance that a command is about one of the events up to here
  std::size_t created_ = 0;
  std::int64_t number_ = 0;  // commands made, without event creations and repeats
  std::int64_t records_ = 0;
  std::int64_t outcomes_ = 0;
  std::vector<Hold> open_;  // mixed: not yet confirmed or released
  std::unique_ptr<Later> later_;
};

// When each of so many commands is due after the beginning: a Poisson process, the same for ever.
std::vector<std::chrono::nanoseconds> due_times(std::int64_t per_second, std::int64_t commands);
// n of a command id <label>-<n>; nullopt for those that make events, and for foreign ones.
std::optional<std::size_t> command_number(std::string_view id);

}  // namespace admitone::app::bench
