#pragma once
// What clients log in with that may change while they live: those there are use the new one for
// their next connections. A client that is made later begins with the newest name and password; for
// a token it asks itself (Security::token).
// Used by: the worker, which reads the files of its secrets again. Lifetime: shared by its clients.
// Threads: any. Blocking: briefly. Errors: of a token, permanent: the library does not take it, and
// the one before stays in use; a name and a password may be any text.

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/result.hpp"
#include "kafka/security.hpp"

struct rd_kafka_s;

namespace admitone::kafka {

class Credentials {
 public:
  Credentials() = default;
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // Of PLAIN and SCRAM.
  void renew(std::string username, std::string password);
  // Of OAUTHBEARER.
  base::Status renew(const Token& token);

  // Of this room: a client that has been made, and one that is about to be destroyed.
  void joined(rd_kafka_s* client);
  void left(rd_kafka_s* client);

 private:
  struct Login {
    std::string username;
    std::string password;
  };
  std::mutex mutex_;  // held while librdkafka is told: a client must not go meanwhile
  std::set<rd_kafka_s*> clients_;
  std::optional<Login> newest_;
};

// Of this room: of one client.
base::Status give(rd_kafka_s* client, const Token& token);

}  // namespace admitone::kafka
