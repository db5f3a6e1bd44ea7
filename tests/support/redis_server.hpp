#pragma once
// A real redis-server for a test, on a free loopback port. It writes nothing to disk,
// and goes with the test, whatever way that ends.

#include <sys/types.h>

#include <string>
#include <vector>

namespace admitone::tests {

class RedisServer {
 public:
  // There is a program to start.
  static bool installed();

  // Started and listening. Further arguments are redis-server's.
  explicit RedisServer(std::vector<std::string> arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const;
  // As by kill -9; what it kept is gone.
  void kill();
  // Again on the same port, empty.
  void start();
  // Holds all that is sent to it and answers nothing, until it is thawed.
  void freeze();
  void thaw();

 private:
  [[nodiscard]] bool listens() const;

  std::vector<std::string> arguments_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace admitone::tests

// First line of a test or of SetUp.
#define ADMITONE_TEST_NEEDS_REDIS()                 \
  if (!::admitone::tests::RedisServer::installed()) \
  GTEST_SKIP() << "redis-server is not installed: scripts/setup does that"
