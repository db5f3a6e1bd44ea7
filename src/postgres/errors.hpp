#pragma once
// What PostgreSQL said, translated once into the house's errors. Decided by SQLSTATE, the state of
// the connection and the name of the constraint; never by message text.
// Threads: pure functions, any.

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "domain/codes.hpp"

namespace admitone::postgres {

// Thrown inside the room by everything that talks to the server; never leaves it.
class Failure : public std::runtime_error {
 public:
  Failure(std::string state, std::string constraint_name, bool lost, const std::string& message)
      : std::runtime_error(message),
        sqlstate(std::move(state)),
        constraint(std::move(constraint_name)),
        connection_lost(lost) {}
  std::string sqlstate;  // empty when the server did not answer
  std::string constraint;
  bool connection_lost;
};

// Our own finding that no SQLSTATE expresses: the kind is chosen where it is thrown.
class Refused : public std::runtime_error {
 public:
  Refused(base::ErrorKind k, const std::string& message) : std::runtime_error(message), kind(k) {}
  base::ErrorKind kind;
};

// May the unit of work be run again? The effect is left to the caller, who knows what was sent.
base::ErrorKind kind_of(std::string_view sqlstate, bool connection_lost);

// Unique violation: another lane or a racing command was first.
bool is_unique_violation(const Failure& failure);

// What a violated constraint means to the producer (audit DB8); nullopt: nothing, it is a defect.
std::optional<domain::Code> code_of(std::string_view constraint);

// The SQLSTATE class of the exception now being handled ("40", "57"); "connection" when the server
// did not answer.
std::string class_of_current();

// The exception now being handled, as an error. `doing` says what failed ("taking a lane"); the
// text is one line and carries neither parameters nor the connection string.
base::Error translate_current(std::string_view doing);

}  // namespace admitone::postgres
