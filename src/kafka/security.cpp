#include "kafka/security.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kafka/handles.hpp"

namespace admitone::kafka {
namespace {

const char* name_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::plaintext:
      return "plaintext";
    case Protocol::ssl:
      return "ssl";
    case Protocol::sasl_plaintext:
      return "sasl_plaintext";
    case Protocol::sasl_ssl:
      return "sasl_ssl";
  }
  return "";
}

const char* name_of(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::plain:
      return "PLAIN";
    case Mechanism::scram_sha_256:
      return "SCRAM-SHA-256";
    case Mechanism::scram_sha_512:
      return "SCRAM-SHA-512";
    case Mechanism::oauthbearer:
      return "OAUTHBEARER";
  }
  return "";
}

using Options = std::map<std::string, std::string>;

void set_given(Options& out, const char* name, const std::string& value) {
  if (!value.empty()) out[name] = value;
}

void add_tls(const Security& security, Options& out) {
  set_given(out, "ssl.ca.location", security.ca_file);
  set_given(out, "ssl.certificate.location", security.certificate_file);
  set_given(out, "ssl.key.location", security.key_file);
  if (security.key_file.empty()) set_given(out, "ssl.key.pem", security.key_pem);
  set_given(out, "ssl.key.password", security.key_password);
  // Older libraries check no names unless they are told to.
  out["ssl.endpoint.identification.algorithm"] = security.verify_host_name ? "https" : "none";
}

void add_sasl(const Security& security, Options& out) {
  out["sasl.mechanisms"] = name_of(security.mechanism);
  if (security.mechanism != Mechanism::oauthbearer) {
    set_given(out, "sasl.username", security.username);
    set_given(out, "sasl.password", security.password);
    return;
  }
  if (security.token) return;
  out["sasl.oauthbearer.method"] = "oidc";
  set_given(out, "sasl.oauthbearer.token.endpoint.url", security.token_url);
  set_given(out, "sasl.oauthbearer.client.id", security.client_id);
  set_given(out, "sasl.oauthbearer.client.secret", security.client_secret);
  set_given(out, "sasl.oauthbearer.scope", security.scope);
}

// Texts of librdkafka, OpenSSL and brokers, the closest first.
struct Advice {
  std::string_view of;
  std::string_view text;
};
constexpr std::array kAdvice{
    Advice{"certificate has expired", "renew the broker's certificate"},
    Advice{"not yet valid", "the broker's certificate is not valid yet: compare the clocks"},
    Advice{"mismatch",
           "the broker's certificate names other hosts: write the name it has in "
           "kafka.bootstrap_servers and advertised.listeners"},
    Advice{"issuer certificate", "name the authority that signed it in kafka.ca_file"},
    Advice{"self-signed", "name the authority that signed it in kafka.ca_file"},
    Advice{"self signed", "name the authority that signed it in kafka.ca_file"},
    Advice{"certificate verify failed", "name the authority that signed it in kafka.ca_file"},
    Advice{"certificate required",
           "the broker wants to see a certificate: set kafka.client_certificate_file and "
           "kafka.client_key_file"},
    Advice{"alert bad certificate",
           "the broker does not take our certificate: check kafka.client_certificate_file and the "
           "broker's truststore"},
    Advice{"alert certificate unknown",
           "the broker does not take our certificate: check kafka.client_certificate_file and the "
           "broker's truststore"},
    Advice{"alert unknown ca",
           "the broker does not know the authority of kafka.client_certificate_file"},
    Advice{"token", "check what writes kafka.oauth_token_file, or kafka.oauth_*"},
    Advice{"OAUTHBEARER", "check kafka.oauth_token_file or kafka.oauth_*"},
    Advice{"nsupported mechanism", "set kafka.sasl_mechanism to one that the broker has"},
    Advice{"not supported by broker", "set kafka.sasl_mechanism to one that the broker has"},
    Advice{"mechanism handshake failed", "set kafka.sasl_mechanism to one that the broker has"},
    Advice{"SASL authentication error",
           "check kafka.sasl_username, kafka.sasl_password_file and kafka.sasl_mechanism"},
    Advice{"incorrect security.protocol", "set kafka.security_protocol to the listener's"},
    Advice{"SSL handshake failed", "set kafka.security_protocol to the listener's"},
};

// Before this version librdkafka said its nonce twice (its pull request 4895); Kafka before 4.0
// looked past that.
constexpr int kSoundScram = 0x020601ff;

}  // namespace

bool with_tls(const Security& security) {
  return security.protocol == Protocol::ssl || security.protocol == Protocol::sasl_ssl;
}

bool with_sasl(const Security& security) {
  return security.protocol == Protocol::sasl_plaintext || security.protocol == Protocol::sasl_ssl;
}

std::map<std::string, std::string> options_of(const Security& security) {
  Options out{{"security.protocol", name_of(security.protocol)}};
  if (with_tls(security)) add_tls(security, out);
  if (with_sasl(security)) add_sasl(security, out);
  return out;
}

base::Status check_security(const Security& security) {
  const auto permanent = [](std::string text) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied, std::move(text)};
  };
  const std::unique_ptr<rd_kafka_conf_s, Release> trial(rd_kafka_conf_new());
  for (const auto& [name, value] : options_of(security)) {
    char ignored[8];  // librdkafka's text would repeat the value, which may be a secret
    const auto set =
        rd_kafka_conf_set(trial.get(), name.c_str(), value.c_str(), ignored, sizeof(ignored));
    if (set == RD_KAFKA_CONF_OK) continue;
    if (name.starts_with("sasl.oauthbearer.")) {
      return permanent(fmt::format(
          "librdkafka {} was built without OIDC and cannot fetch tokens: install one built with "
          "libcurl, or let a helper keep a token in the file that kafka.oauth_token_file names",
          rd_kafka_version_str()));
    }
    return permanent(fmt::format("librdkafka {} does not take what is set for {}",
                                 rd_kafka_version_str(), name));
  }
  return {};
}

std::string describe(const Security& security) {
  std::string out = with_tls(security) ? "TLS" : "no TLS";
  if (with_tls(security) && !security.verify_host_name) out += " without host names";
  if (!security.certificate_file.empty() && with_tls(security)) out += ", client certificate";
  return out + ", " + (with_sasl(security) ? name_of(security.mechanism) : "no SASL");
}

std::string advice_on(std::string_view complaint) {
  const auto says = [complaint](std::string_view part) {
    return complaint.find(part) != std::string_view::npos;
  };
  const auto found =
      std::ranges::find_if(kAdvice, [&](const Advice& advice) { return says(advice.of); });
  if (found == kAdvice.end()) return {};
  std::string out(found->text);
  if (says("SASL authentication error") && says("SCRAM") && rd_kafka_version() < kSoundScram) {
    out += fmt::format(
        "; brokers from Kafka 4.0 on refuse SCRAM of librdkafka {}: install a librdkafka from "
        "2.6.1 "
        "on, or set kafka.sasl_mechanism to another one",
        rd_kafka_version_str());
  }
  return out;
}

}  // namespace admitone::kafka
