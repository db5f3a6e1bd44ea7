#pragma once
// One connection to a Redis: plain or TLS, with a deadline for everything. hiredis speaks the
// protocol (its reader and its writer of commands); bytes go through OpenSSL, as the hiredis of
// Debian 12 knows no TLS.
//
// Used by: Link. Room-internal. Lifetime: until the first error; then it is dropped.
// Threads: one at a time; SIGPIPE must be blocked or ignored there.
// Blocking: until the deadline; the look-up of a host's name for as long as the resolver likes.
// Errors: retry_call; what was sent may have been carried out (effect unknown). A server that
//   answers a command with an error gives it as a reply. No text holds what was sent.
// Limits: bytes of all replies to one `ask`.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "ports/clock.hpp"
#include "redis/address.hpp"

namespace admitone::redis {

// Name and arguments; any bytes.
using Command = std::vector<std::string>;

struct Reply {
  enum class Kind { nothing, text, number, list, error };
  Kind kind = Kind::nothing;
  std::string text = {};  // of text and error
  std::int64_t number = 0;
  std::vector<Reply> list = {};
};

struct Tls {
  std::string ca_file = {};  // PEM; empty: the system's
};

class Connection {
 public:
  static constexpr std::size_t kMostBytes = 32U << 20U;

  // Connects, shows the certificate and the password, and chooses the database.
  static base::Result<std::unique_ptr<Connection>> open(const Address& address, const Tls& tls,
                                                        const ports::Clock& clock,
                                                        base::Instant deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends all of them and then reads one reply for each.
  base::Result<std::vector<Reply>> ask(std::span<const Command> commands, base::Instant deadline);

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::redis
