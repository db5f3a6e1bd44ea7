#include "app/wiring_kafka.hpp"

#include "app/login_token.hpp"
#include "app/system_clock.hpp"

namespace admitone::app {
namespace {

kafka::Protocol protocol_of(SecurityProtocol protocol) {
  switch (protocol) {
    case SecurityProtocol::plaintext:
      return kafka::Protocol::plaintext;
    case SecurityProtocol::ssl:
      return kafka::Protocol::ssl;
    case SecurityProtocol::sasl_plaintext:
      return kafka::Protocol::sasl_plaintext;
    case SecurityProtocol::sasl_ssl:
      return kafka::Protocol::sasl_ssl;
  }
  return kafka::Protocol::plaintext;
}

kafka::Mechanism mechanism_of(SaslMechanism mechanism) {
  switch (mechanism) {
    case SaslMechanism::plain:
      return kafka::Mechanism::plain;
    case SaslMechanism::scram_sha_256:
      return kafka::Mechanism::scram_sha_256;
    case SaslMechanism::scram_sha_512:
      return kafka::Mechanism::scram_sha_512;
    case SaslMechanism::oauthbearer:
      return kafka::Mechanism::oauthbearer;
  }
  return kafka::Mechanism::scram_sha_512;
}

}  // namespace

kafka::Security kafka_security(const Settings& settings) {
  const auto& from = settings.kafka;
  kafka::Security out;
  out.protocol = protocol_of(from.security_protocol);
  out.mechanism = mechanism_of(from.sasl_mechanism);
  out.username = from.sasl_username;
  out.password = from.sasl_password;
  out.token_url = from.oauth_token_url;
  out.client_id = from.oauth_client_id;
  out.client_secret = from.oauth_client_secret;
  out.scope = from.oauth_scope;
  if (!from.oauth_token_file.empty()) {
    out.token = [path = from.oauth_token_file] { return login_token(path, SystemClock{}.now()); };
  }
  out.ca_file = from.ca_file;
  out.certificate_file = from.client_certificate_file;
  if (const auto file = settings.secret_files.find("kafka.client_key");
      file != settings.secret_files.end()) {
    out.key_file = file->second;
  } else {
    out.key_pem = from.client_key;
  }
  out.key_password = from.client_key_password;
  out.verify_host_name = from.verify_host_name;
  return out;
}

}  // namespace admitone::app
