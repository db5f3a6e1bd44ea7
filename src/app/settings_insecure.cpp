// What is told about connections that others can read, or that prove nothing about the other side.
// Of an address no more than its host and port: the rest may hold a secret.

#include <algorithm>
#include <sstream>
#include <string_view>

#include "app/settings.hpp"
#include "app/settings_check_outside.hpp"
#include "app/wiring.hpp"
#include "app/wiring_kafka.hpp"
#include "http/rules.hpp"
#include "kafka/effective.hpp"
#include "postgres/url.hpp"
#include "redis/address.hpp"

namespace admitone::app {
namespace {

using Problems = std::vector<Problem>;

std::string far_broker(const Settings& s) {
  std::istringstream servers(s.kafka.bootstrap_servers);
  for (std::string one; std::getline(servers, one, ',');) {
    if (!on_this_machine(one)) return one;
  }
  return {};
}

// Asked of librdkafka, which knows more than one spelling, whichever setting a value comes from.
void tell_kafka(const Settings& s, Problems& out) {
  const std::string far = far_broker(s);
  if (far.empty()) return;
  const auto client = kafka_client(s, "check");  // it reads kafka.option_files
  const auto security = kafka_security(s);
  const auto value = [&](const char* option) {
    return kafka::effective(security, client ? client->options : s.kafka.options, option);
  };
  const std::string protocol = value("security.protocol");
  if (!protocol.ends_with("ssl")) {
    out.push_back({"kafka.security_protocol",
                   protocol + " to " + far + ": commands, outcomes" +
                       (protocol.starts_with("sasl") ? ", what the login shows" : "") +
                       " can be read and changed on the way",
                   "let the broker listen with TLS, and set it to sasl_ssl or ssl"});
    return;
  }
  if (value("ssl.endpoint.identification.algorithm") == "none") {
    const bool by_option = s.kafka.verify_host_name;
    out.push_back({by_option ? "kafka.options" : "kafka.verify_host_name",
                   std::string(by_option ? "ssl.endpoint.identification.algorithm " : "") +
                       "is off: any certificate of the authority will do for " + far,
                   std::string(by_option ? "take it out" : "set it to true") +
                       ", and give brokers certificates with their names"});
  }
  if (value("enable.ssl.certificate.verification") == "false") {
    out.push_back({"kafka.options",
                   "enable.ssl.certificate.verification is off: any certificate will do for " + far,
                   "take it out, and set kafka.ca_file"});
  }
}

void tell_database(const Settings& s, Problems& out) {
  for (const auto& [key, url] : {std::pair{"database.url", s.database.url},
                                 std::pair{"database.owner_url", s.database.owner_url},
                                 std::pair{"database.reader_url", s.database.reader_url}}) {
    const auto way = postgres::way_of(url);
    if (url.empty() || !way || way->local || way->sslmode == "verify-full") continue;
    out.push_back({key,
                   "sslmode is " + way->sslmode + " to " + way->host +
                       ": the server is not proven to be the right one",
                   "add sslmode=verify-full and sslrootcert=FILE to the connection"});
  }
}

void tell_redis(const Settings& s, Problems& out) {
  const auto address = redis::parse_address(s.redis.url);
  if (!address || address->tls || postgres::is_local_host(address->host)) return;
  out.push_back({"redis.url",
                 "no TLS to " + address->name() +
                     ": the password, and what is answered, can be read and changed on the way",
                 "let Redis listen with TLS, and write rediss://"});
}

void tell_service(const std::string& key, const std::string& url, Problems& out) {
  const auto origin = http::origin_of(url, http::Schemes::https_and_http);
  constexpr std::string_view kHttp = "http://";
  if (!origin || !origin->starts_with(kHttp)) return;
  const auto server = origin->substr(kHttp.size());
  if (on_this_machine(server)) return;
  // Before an '@' it may be a password that is taken for a host and a port.
  const bool may_be_shown = url.find('@') == std::string::npos;
  out.push_back({key,
                 "http to " + (may_be_shown ? server : std::string("a service")) +
                     ": what is asked and answered can be read and changed on the way",
                 "use https, and take allow_insecure out"});
}

void tell_outside(const Settings& s, Problems& out) {
  if (!s.redis.url.empty()) tell_redis(s, out);
  if (s.venue.enabled) tell_service("venue.url", s.venue.url, out);
  if (!s.chain.enabled) return;
  for (const auto& url : rpc_urls(s)) tell_service("solana.rpc_url", url, out);
}

}  // namespace

bool on_this_machine(const std::string& server) {
  const auto from = std::min(server.find_first_not_of(' '), server.size());
  return postgres::is_local_host(server.substr(from, server.rfind(':') - from));
}

std::vector<Problem> insecure_settings(const Settings& settings) {
  Problems out;
  tell_kafka(settings, out);
  tell_database(settings, out);
  tell_outside(settings, out);
  return out;
}

}  // namespace admitone::app
