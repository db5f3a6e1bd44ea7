#pragma once
// Statements that are sent one behind another, none waiting for the answer to the one before: one
// way there and back for all of them. The server executes them in order, and nothing behind one
// that failed.
// Used by: units of work. Lifetime: while it lives nothing else may use the connection. Threads:
// the connection's. Blocking: `end`, by the statements' time-out; `send` while the server takes
// nothing in. Errors: Failure, by `end`; an expected "no" is the result.

#include <functional>
#include <vector>

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

class Chain {
 public:
  explicit Chain(Connection& connection);
  // What was sent and not ended has been executed, or not.
  ~Chain();
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // Looks at what a statement gave; anything but `committed` is the end of the chain, and what is
  // behind it was executed for nothing.
  using Check = std::function<ports::UnitEnd(const Rows&)>;
  void send(const Statement& statement, const Params& params = {}, Check check = {});
  // It must concern so many rows.
  void expect(const Statement& statement, const Params& params, std::size_t rows,
              ports::UnitEnd otherwise);
  // As the connection knows it: one that was asked for before.
  [[nodiscard]] wire::RowType row_type(const char* name) const;
  // Waits for all of them; `meanwhile` is called before.
  ports::UnitEnd end(const ports::LaneStore::Meanwhile& meanwhile = {});

 private:
  struct Sent {
    const char* prepares = nullptr;  // the statement of that name
    Check check;
  };
  void sent(int accepted, Sent what);
  void close();
  // Until nothing is left to come. What failed first; null when nothing did.
  PGresult* collect(ports::UnitEnd& end);

  Connection& connection_;
  std::vector<Sent> sent_;
  bool open_ = true;
  bool refused_ = false;  // one was not sent
};

}  // namespace admitone::postgres
