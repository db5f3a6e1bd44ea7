#pragma once
// How a client and the brokers prove to each other who they are, in Kafka's words.
// Used by: app (wiring, `config check`, `doctor`), every client of this room.
// Threads: values; the functions from any thread. `Security::token` is called on a thread of
// librdkafka's. Blocking: never, but for `token`, which may read a file.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace admitone::kafka {

class Credentials;

enum class Protocol { plaintext, ssl, sasl_plaintext, sasl_ssl };
enum class Mechanism { plain, scram_sha_256, scram_sha_512, oauthbearer };

// What a broker is shown under OAUTHBEARER.
struct Token {
  std::string value;
  std::string principal;
  std::chrono::milliseconds expires{};  // since 1970
};

struct Security {
  Protocol protocol = Protocol::plaintext;

  // SASL. Name and password are those of PLAIN and SCRAM.
  Mechanism mechanism = Mechanism::scram_sha_512;
  std::string username;
  std::string password;
  // May be null; else it has the last word about name, password and token (credentials.hpp).
  std::shared_ptr<Credentials> credentials{};
  // OAUTHBEARER: librdkafka gets tokens itself, where it was built with that,
  std::string token_url{};
  std::string client_id{};
  std::string client_secret{};
  std::string scope{};
  // or is given one, asked for anew when four fifths of its life are over. Null: the former.
  std::function<base::Result<Token>()> token{};

  // TLS. Empty: the system's authorities, no certificate of our own.
  std::string ca_file{};
  std::string certificate_file{};
  // The key of that certificate: a file, which a client that is made anew reads anew as it does the
  // certificate's, or the key itself.
  std::string key_file{};
  std::string key_pem{};
  std::string key_password{};
  bool verify_host_name = true;
};

[[nodiscard]] bool with_tls(const Security& security);
[[nodiscard]] bool with_sasl(const Security& security);

// As librdkafka's settings. Holds secrets.
std::map<std::string, std::string> options_of(const Security& security);

// What the librdkafka of this process cannot do, and what of the settings it refuses. No text
// repeats a value.
base::Status check_security(const Security& security);

// "TLS, SCRAM-SHA-512": for logs, without secrets.
std::string describe(const Security& security);

// What to do about something that librdkafka said of a broker; empty: nothing is known about it.
std::string advice_on(std::string_view complaint);

}  // namespace admitone::kafka
