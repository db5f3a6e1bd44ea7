#pragma once
// Where the servers of this run are: scripts/test and `scripts/stack env` say so in the
// environment. A test that needs one that is not there is skipped, and CI counts skipped tests as
// failed.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace admitone::tests {

// Empty when it is not set.
inline std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

}  // namespace admitone::tests

// First line of a test or of SetUp: ADMITONE_TEST_NEEDS("ADMITONE_KAFKA_BOOTSTRAP_SERVERS");
#define ADMITONE_TEST_NEEDS(variable)                        \
  if (::admitone::tests::from_environment(variable).empty()) \
  GTEST_SKIP() << variable << " is not set: run it through scripts/test"
