// The settings of the section kafka that say who is who.

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "app/settings_check_outside.hpp"
#include "app/settings_row.hpp"
#include "app/wiring_kafka.hpp"
#include "http/rules.hpp"
#include "kafka/security.hpp"

namespace admitone::app {
namespace {

using Problems = std::vector<Problem>;

bool with_tls(const Settings& s) {
  return s.kafka.security_protocol == SecurityProtocol::ssl ||
         s.kafka.security_protocol == SecurityProtocol::sasl_ssl;
}

bool with_sasl(const Settings& s) {
  return s.kafka.security_protocol == SecurityProtocol::sasl_plaintext ||
         s.kafka.security_protocol == SecurityProtocol::sasl_ssl;
}

// librdkafka's second names, and what takes the place of one that we set.
struct SameThing {
  std::string_view option;
  const char* ours;
};
constexpr std::array kSameThings{
    SameThing{"sasl.mechanism", "sasl.mechanisms"},
    SameThing{"ssl.ca.pem", "ssl.ca.location"},
    SameThing{"ssl.certificate.pem", "ssl.certificate.location"},
    SameThing{"ssl.keystore.location", "ssl.certificate.location"},
    SameThing{"ssl.key.pem", "ssl.key.location"},
    SameThing{"ssl.key.location", "ssl.key.pem"},
};

// A setting of its own beside the same one in kafka.options: one of the two would be forgotten.
void check_once(const Settings& s, Problems& out) {
  if (s.kafka.security_protocol == SecurityProtocol::plaintext) return;
  const auto ours = kafka::options_of(kafka_security(s));
  const auto is_ours = [&](const std::string& option) {
    return ours.contains(option) || std::ranges::any_of(kSameThings, [&](const SameThing& same) {
             return same.option == option && ours.contains(same.ours);
           });
  };
  const auto look = [&](const char* key, const std::map<std::string, std::string>& given) {
    for (const auto& [option, value] : given) {
      if (!is_ours(option)) continue;
      out.push_back({key, "'" + option + "' is set, and kafka.security_protocol sets it, too",
                     "take it out, and use the setting of kafka that has its meaning"});
    }
  };
  look("kafka.options", s.kafka.options);
  look("kafka.option_files", s.kafka.option_files);
}

void check_file(const std::string& key, const std::string& path, Problems& out) {
  if (path.empty() || std::ifstream(path)) return;
  out.push_back({key, "'" + path + "' cannot be read", "check the path and its rights"});
}

void check_login(const Settings& s, Problems& out) {
  if (s.kafka.sasl_username.empty()) {
    out.push_back({"kafka.sasl_username", "is not set", "name the user that the broker knows"});
  }
  if (s.kafka.sasl_password.empty()) {
    out.push_back(
        {"kafka.sasl_password", "is not set", "name its file in kafka.sasl_password_file"});
  }
}

void check_oauth(const Settings& s, Problems& out) {
  const bool by_file = !s.kafka.oauth_token_file.empty();
  if (by_file == !s.kafka.oauth_token_url.empty()) {
    out.push_back({"kafka.oauth_token_file",
                   by_file ? "is set, and kafka.oauth_token_url is, too" : "is not set",
                   "set it, or kafka.oauth_token_url with kafka.oauth_client_id and "
                   "kafka.oauth_client_secret"});
    return;
  }
  if (by_file) return;
  for (const auto& [key, value] :
       {std::pair{"kafka.oauth_client_id", s.kafka.oauth_client_id},
        std::pair{"kafka.oauth_client_secret", s.kafka.oauth_client_secret}}) {
    if (value.empty()) out.push_back({key, "is not set", "kafka.oauth_token_url needs it"});
  }
  const auto origin = http::origin_of(s.kafka.oauth_token_url, http::Schemes::https_and_http);
  if (!origin) {
    out.push_back({"kafka.oauth_token_url", "is no address of a service",
                   "write for example https://login.example/token"});
  } else if (constexpr std::string_view kHttp = "http://";
             origin->starts_with(kHttp) && !on_this_machine(origin->substr(kHttp.size()))) {
    out.push_back({"kafka.oauth_token_url",
                   "is http: the client's secret, and every token, can be read on the way",
                   "use https"});
  }
}

void check_certificate(const Settings& s, Problems& out) {
  check_file("kafka.ca_file", s.kafka.ca_file, out);
  check_file("kafka.client_certificate_file", s.kafka.client_certificate_file, out);
  if (s.kafka.client_certificate_file.empty() == s.kafka.client_key.empty()) return;
  const bool no_key = s.kafka.client_key.empty();
  out.push_back({no_key ? "kafka.client_key" : "kafka.client_certificate_file", "is not set",
                 std::string("it goes with ") +
                     (no_key ? "kafka.client_certificate_file" : "kafka.client_key")});
}

// Set, and without effect: somebody believes in something that is not there.
void check_idle(const Settings& s, Problems& out) {
  const auto idle = [&](const char* key, bool set, const char* fix) {
    if (set) out.push_back({key, "is set, but has no effect", fix});
  };
  if (!with_tls(s)) {
    const char* fix = "set kafka.security_protocol to ssl or sasl_ssl";
    idle("kafka.ca_file", !s.kafka.ca_file.empty(), fix);
    idle("kafka.client_certificate_file", !s.kafka.client_certificate_file.empty(), fix);
    idle("kafka.client_key", !s.kafka.client_key.empty(), fix);
  }
  if (!with_sasl(s)) {
    const char* fix = "set kafka.security_protocol to sasl_ssl";
    idle("kafka.sasl_username", !s.kafka.sasl_username.empty(), fix);
    idle("kafka.sasl_password", !s.kafka.sasl_password.empty(), fix);
    idle("kafka.oauth_token_file", !s.kafka.oauth_token_file.empty(), fix);
    idle("kafka.oauth_token_url", !s.kafka.oauth_token_url.empty(), fix);
  }
}

}  // namespace

Table kafka_security_rows() {
  return {
      ADMITONE_SETTING(kafka.security_protocol,
                       "How brokers are talked to: ssl is TLS, sasl is a login."),
      ADMITONE_SETTING(kafka.sasl_mechanism, "How the login is done (sasl_ssl, sasl_plaintext)."),
      ADMITONE_SETTING(kafka.sasl_username, "User of the login (plain, scram)."),
      ADMITONE_SETTING(kafka.sasl_password, "Password of the login (plain, scram).",
                       .secret = true),
      ADMITONE_SETTING(kafka.oauth_token_file,
                       "File with the token of the login (oauthbearer), a JWT that somebody else "
                       "renews there."),
      ADMITONE_SETTING(kafka.oauth_token_url,
                       "Where tokens are fetched (oauthbearer) with the client's id and secret; "
                       "needs a librdkafka that was built with libcurl."),
      ADMITONE_SETTING(kafka.oauth_client_id, "Id of the client at kafka.oauth_token_url."),
      ADMITONE_SETTING(kafka.oauth_client_secret, "Secret of the client at kafka.oauth_token_url.",
                       .secret = true),
      ADMITONE_SETTING(kafka.oauth_scope, "Scope that is asked for at kafka.oauth_token_url."),
      ADMITONE_SETTING(kafka.ca_file,
                       "PEM file of the authorities that vouch for the brokers' certificates; "
                       "empty: the system's."),
      ADMITONE_SETTING(kafka.client_certificate_file,
                       "PEM file of our own certificate, where brokers want to see one (mTLS)."),
      ADMITONE_SETTING(kafka.client_key, "Its private key, PEM.", .secret = true),
      ADMITONE_SETTING(kafka.client_key_password, "Password of that key.", .secret = true),
      ADMITONE_SETTING(kafka.verify_host_name,
                       "A broker's certificate must name its host. Without that any certificate "
                       "of the authority will do."),
  };
}

void check_kafka_security(const Settings& settings, std::vector<Problem>& out) {
  const auto before = out.size();
  check_idle(settings, out);
  check_once(settings, out);
  if (with_tls(settings)) check_certificate(settings, out);
  if (with_sasl(settings)) {
    settings.kafka.sasl_mechanism == SaslMechanism::oauthbearer ? check_oauth(settings, out)
                                                                : check_login(settings, out);
  }
  if (out.size() > before) return;
  if (const auto checked = kafka::check_security(kafka_security(settings)); !checked) {
    out.push_back({"kafka.security_protocol", checked.error().message, "correct it"});
  }
}

}  // namespace admitone::app
