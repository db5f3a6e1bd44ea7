#pragma once
// Redis as a fast memory beside the database, which alone decides (decision 0060): hints for keys
// of commands, written after their units have committed and asked for before the next ones are
// opened.
//
// Used by: app (makes it), the pipeline through ports/key_hints.hpp.
// Lifetime: made, both of its loops run once, destroyed after they have returned.
// Threads: any; the loops block the two that they are given. One connection each: look-ups, which
//   somebody waits for, and writes.
// Blocking: `recall` for `batch_wait` at most; all else never, but the loops (see link.hpp).
// Errors: none. What fails is counted, opens the breaker of its connection, and is as if nothing
//   were known.
// Durable: nothing.
// Limits: connections (two), jobs that wait (64 each), a call (1 s, three tries), an entry's life.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ports/clock.hpp"
#include "ports/key_hints.hpp"
#include "redis/address.hpp"
#include "redis/link.hpp"
#include "resilience/breaker.hpp"

namespace admitone::redis {

struct Settings {
  Address address;
  Tls tls = {};
  std::string prefix = "admitone";  // of all keys: several installations may share a Redis
  std::chrono::milliseconds key_ttl = std::chrono::hours{24};
  std::chrono::milliseconds batch_wait{20};
  std::chrono::milliseconds call_limit{1'000};
  std::size_t most_waiting = 64;
  resilience::BreakerSettings breaker{.open_for = std::chrono::seconds{5}};
};

struct State {
  bool up = false;
  std::string why;  // it is not
  std::chrono::microseconds answered_in{0};
  resilience::BreakerState look_ups = resilience::BreakerState::closed;
  resilience::BreakerState writes = resilience::BreakerState::closed;
  resilience::BreakerTransitions look_ups_changed{};
  resilience::BreakerTransitions writes_changed{};
  std::uint64_t errors = 0;  // questions and writes that failed, entries that were none
};

// Whether it lets us in, and how long that took. Blocks for the call limit at most, and as the
// resolver does. SIGPIPE must be ignored.
base::Result<std::chrono::microseconds> probe(const Settings& settings, const ports::Clock& clock);

class Client final : public ports::KeyHints {
 public:
  Client(Settings settings, const ports::Clock& clock);
  ~Client() override = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void run_look_ups(const std::stop_token& stop) { look_ups_.run(stop); }
  void run_writes(const std::stop_token& stop) { writes_.run(stop); }

  std::vector<ports::KeyHint> recall(const std::vector<ports::LedgerKey>& keys) override;
  void remember(std::vector<ports::KeyHint> hints) override;

  // What else is kept, by whoever knows its form (venues.hpp). Neither waits. `told` is called
  // once, on the look-ups' thread, or on the caller's when nobody can be asked; it must not wait
  // either.
  using Replies = base::Result<std::vector<Reply>>;
  using Make = std::function<std::vector<Command>()>;
  void tell(Make make);
  void ask(Make make, std::chrono::milliseconds wait, std::function<void(const Replies&)> told);

  [[nodiscard]] const std::string& prefix() const { return settings_.prefix; }
  [[nodiscard]] State state() const;

 private:
  // Of one connection. A server that takes no writes (a replica, one without memory) can be asked.
  class Gate {
   public:
    Gate(const resilience::BreakerSettings& settings, const ports::Clock& clock)
        : clock_(clock), breaker_(settings) {}
    std::optional<resilience::Breaker::Pass> admit();
    void end(const resilience::Breaker::Pass& pass, bool good);
    [[nodiscard]] resilience::BreakerState state() const;
    [[nodiscard]] resilience::BreakerTransitions transitions() const;

   private:
    const ports::Clock& clock_;
    mutable std::mutex mutex_;
    resilience::Breaker breaker_;
  };
  void end(Gate& gate, const resilience::Breaker::Pass& pass, bool good);
  // None: not in time.
  std::optional<Replies> look_up(std::function<std::vector<Command>()> make);

  const Settings settings_;
  const ports::Clock& clock_;
  Gate may_look_up_;
  Gate may_write_;
  std::atomic<std::uint64_t> errors_{0};
  // Last: they end first, and tell of what they give up.
  Link look_ups_;
  Link writes_;
};

}  // namespace admitone::redis
