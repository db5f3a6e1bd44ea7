#pragma once
// One connection, set up and verified. libpqxx and libpq work on the same session: the hot path
// sends binary arrays with libpq, everything else goes through libpqxx.
// Used by: every class of the room. Lifetime: one per owner; a broken one is thrown away, never
// revived silently. Threads: one at a time. Blocking: connect_timeout, then statement_timeout, and
// where somebody watches (patience.hpp) answer_limit, whatever the server does.
// Errors: Failure, Refused or libpqxx's exceptions (the room's classes translate them).

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/version.hxx>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/patience.hpp"
#include "postgres/settings.hpp"
#include "postgres/wire.hpp"

// The session class has no common name over libpqxx 6 to 8.
#if PQXX_VERSION_MAJOR < 7
namespace pqxx {
class connection_base;
}
namespace admitone::postgres {
using Session = pqxx::connection_base;
}
#else
namespace pqxx {
class connection;
}
namespace admitone::postgres {
using Session = pqxx::connection;
}
#endif

namespace admitone::postgres {

// A statement of the hot path; `name` is unique in the program.
struct Statement {
  const char* name;
  const char* sql;
};

class Connection {
 public:
  // Connects, sets and verifies the session's settings, and refuses a role that is not `kind`.
  Connection(const ConnectionSettings& settings, RoleKind kind);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // For libpqxx's transactions. None may be open while the calls below are used.
  [[nodiscard]] Session& session() { return *session_; }
  // To be kept while libpqxx waits for answers: all of them together have `answer_limit`.
  [[nodiscard]] Patience::Wait waiting() { return Patience::Wait(*watched_); }

  // Prepared on first use, binary both ways.
  Rows run(const Statement& statement, const Params& params = {});
  // Of the schema; asked for once.
  wire::RowType row_type(const char* name);
  // One or more commands without parameters; the last one's result is not looked at.
  void command(const std::string& sql);

  [[nodiscard]] bool alive() const;
  // Since the last call, not counting what libpqxx does.
  struct Traffic {
    std::int64_t statements = 0;
    std::int64_t round_trips = 0;
  };
  Traffic take_sent() { return std::exchange(sent_, {}); }
  // Who this session is on the server, to be able to end it from another one.
  struct Backend {
    int pid = 0;
    std::string started;
  };
  [[nodiscard]] const Backend& backend() const { return backend_; }

 private:
  friend class Chain;
  // Parameters as libpq wants them; they must outlive it.
  class Values {
   public:
    explicit Values(const Params& params);
    [[nodiscard]] const char* const* data() const { return values_.data(); }
    [[nodiscard]] const int* lengths() const { return lengths_.data(); }
    [[nodiscard]] const int* formats() const { return formats_.data(); }

   private:
    std::vector<const char*> values_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
  };

  void set_up(const ConnectionSettings& settings, RoleKind kind);
  void count_one();
  // Null: what the connection says.
  [[noreturn]] void fail(PGresult* result);

  std::shared_ptr<Session> session_;  // its base class has no virtual destructor in 6.4
  PGconn* raw_ = nullptr;             // owned by session_
  std::optional<Patience::Watched> watched_;
  std::set<std::string, std::less<>> prepared_;
  std::map<std::string, wire::RowType, std::less<>> row_types_;
  Backend backend_;
  Traffic sent_;
};

}  // namespace admitone::postgres
