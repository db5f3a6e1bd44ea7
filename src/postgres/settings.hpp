#pragma once
// How to reach the database. One struct for every class of the room that opens a connection.

#include <chrono>
#include <string>

namespace admitone::postgres {

class Patience;

// What the role behind the URL must be. The worker must not be able to look past row level
// security; the owner migrates; the reader only reads.
enum class RoleKind { worker, owner, reader };

struct ConnectionSettings {
  std::string url;
  // Read for each connection, so that a new password needs no new process. Empty, or nothing in it:
  // `url`.
  std::string url_file;
  std::string schema = "admitone";  // database.schema
  std::string application_name = "admitone";
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds statement_timeout{10000};
  std::chrono::milliseconds lock_timeout{2000};
  std::chrono::milliseconds idle_in_transaction_timeout{15000};
  std::chrono::milliseconds connection_check_interval{1000};
  // Who ends the wait for a server that does not keep to its time-outs; null: nobody.
  Patience* patience = nullptr;
  // For one answer: to a statement, or to all that a unit of work sends together.
  std::chrono::milliseconds answer_limit{25000};
};

}  // namespace admitone::postgres
