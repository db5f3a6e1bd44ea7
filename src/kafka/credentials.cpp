#include "kafka/credentials.hpp"

#include <librdkafka/rdkafka.h>

#include <utility>

#include "kafka/handles.hpp"

namespace admitone::kafka {
namespace {

void tell(rd_kafka_s* client, const std::string& username, const std::string& password) {
  const CallError ignored(
      rd_kafka_sasl_set_credentials(client, username.c_str(), password.c_str()));
}

}  // namespace

void Credentials::renew(std::string username, std::string password) {
  const std::scoped_lock lock(mutex_);
  newest_ = Login{std::move(username), std::move(password)};
  for (auto* client : clients_) tell(client, newest_->username, newest_->password);
}

base::Status Credentials::renew(const Token& token) {
  const std::scoped_lock lock(mutex_);
  base::Status all;
  for (auto* client : clients_)
    if (const auto taken = give(client, token); !taken) all = taken;
  return all;
}

void Credentials::joined(rd_kafka_s* client) {
  const std::scoped_lock lock(mutex_);
  clients_.insert(client);
  if (newest_) tell(client, newest_->username, newest_->password);
}

void Credentials::left(rd_kafka_s* client) {
  const std::scoped_lock lock(mutex_);
  clients_.erase(client);
}

base::Status give(rd_kafka_s* client, const Token& token) {
  char why[256] = "";
  if (rd_kafka_oauthbearer_set_token(client, token.value.c_str(), token.expires.count(),
                                     token.principal.c_str(), nullptr, 0, why,
                                     sizeof(why)) == RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  // Its own text may repeat what it does not like.
  return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                     "librdkafka does not take what kafka.oauth_token_file holds"};
}

}  // namespace admitone::kafka
