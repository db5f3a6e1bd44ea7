#pragma once
// The token of a login at the brokers (OAUTHBEARER), a JWT that a file holds and something else
// renews. Used by: wiring_kafka, for all clients of the process. Lifetime: what was read last is
// kept as long as the process lives. Threads: any; librdkafka asks on one of its own.
// Blocking: a small file. Errors: permanent; no text repeats any of it.

#include <functional>
#include <string>
#include <string_view>

#include "app/secret_file.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "kafka/security.hpp"
#include "ports/clock.hpp"

namespace admitone::app {

// What the file holds; or, where that is no token to use, the one it held before, as long as that
// is not over: who renews it may fail once and be right the next time.
base::Result<kafka::Token> login_token(const std::string& path, base::Timestamp now);

// `use` is given each token that the file is found to hold by a look of `secrets`, and has it taken
// by the clients there are: one that was read while it was written may look like a token and be
// none, and they would keep it for most of its life. `clock` lives as long as `secrets`.
void watch_login_token(SecretWatch& secrets, const std::string& path, const ports::Clock& clock,
                       std::function<base::Status(const kafka::Token&)> use);

// With who it is for (`sub`) and when it ends (`exp`); its signature is the broker's to check.
base::Result<kafka::Token> parse_login_token(std::string_view text);

}  // namespace admitone::app
