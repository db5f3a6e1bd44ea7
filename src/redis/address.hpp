#pragma once
// Where a Redis is and how to come in: redis[s]://[[user]:password@]host[:port][/database].
// Used by: app, the connection. Threads: pure, any. Errors: permanent; no text repeats the URL,
// which may hold a password.

#include <string>

#include "base/result.hpp"

namespace admitone::redis {

struct Address {
  bool tls = false;
  std::string host;  // an IPv6 address without its brackets
  std::string port = "6379";
  std::string user = {};      // empty: the default user
  std::string password = {};  // empty: none
  int database = 0;
  // For logs and labels: "host:port".
  [[nodiscard]] std::string name() const;
};

base::Result<Address> parse_address(const std::string& url);

}  // namespace admitone::redis
