#include "kafka/settings.hpp"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <memory>
#include <utility>

#include "base/assert.hpp"
#include "kafka/handles.hpp"

namespace admitone::kafka {
namespace {

constexpr int kOldest = 0x020002ff;   // 2.0.2, what Debian 12 ships and what was measured
constexpr int kEndless = 0x020a00ff;  // 2.10.0 bootstraps again and again (fixed in 2.10.1)

base::Error permanent(std::string message) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, std::move(message)};
}

}  // namespace

TopicNames::TopicNames(std::map<std::string, base::TopicId> ids) {
  for (auto& [name, id] : ids) {
    ids_.emplace(name, id);
    ADMITONE_ASSERT(names_.emplace(id, name).second);
  }
}

const std::string& TopicNames::name(base::TopicId id) const {
  const auto found = names_.find(id);
  ADMITONE_ASSERT(found != names_.end());
  return found->second;
}

base::TopicId TopicNames::id(std::string_view name) const {
  const auto found = ids_.find(name);
  ADMITONE_ASSERT(found != ids_.end());
  return found->second;
}

std::vector<std::string> TopicNames::names() const {
  std::vector<std::string> out;
  for (const auto& [name, id] : ids_) out.push_back(name);
  return out;
}

base::Status check_library() {
  const int version = rd_kafka_version();
  if (version < kOldest) {
    return permanent(
        fmt::format("librdkafka {} is too old: install 2.0.2 or newer", rd_kafka_version_str()));
  }
  if ((version | 0xff) == kEndless) {
    return permanent("librdkafka 2.10.0 re-bootstraps endlessly: install 2.10.1 or newer");
  }
  return {};
}

const std::map<std::string, std::string, std::less<>>& refused_options() {
  static const std::string guarantee = "AdmitOne's guarantees rest on its own value";
  static const std::string setting = "it has a setting of its own";
  static const std::map<std::string, std::string, std::less<>> refused{
      {"enable.auto.commit", guarantee},
      {"auto.commit.enable", guarantee},
      {"auto.commit.interval.ms", guarantee},
      {"enable.auto.offset.store", guarantee},
      {"isolation.level", guarantee},
      {"transactional.id", guarantee},
      {"auto.offset.reset", guarantee},
      {"enable.partition.eof", guarantee},
      {"allow.auto.create.topics", guarantee},
      {"check.crcs", guarantee},
      {"partition.assignment.strategy", guarantee},
      {"group.protocol", guarantee},
      {"enable.idempotence", guarantee},
      {"enable.gapless.guarantee", guarantee},
      {"acks", guarantee},
      {"request.required.acks", guarantee},
      {"max.in.flight", guarantee},
      {"max.in.flight.requests.per.connection", guarantee},
      {"retries", guarantee},
      {"message.send.max.retries", guarantee},
      {"retry.backoff.ms", guarantee},
      {"partitioner", guarantee},
      {"delivery.report.only.error", guarantee},
      {"queuing.strategy", guarantee},
      {"plugin.library.paths", "it would load foreign code"},
      {"bootstrap.servers", setting},
      {"metadata.broker.list", setting},
      {"client.id", setting},
      {"group.id", setting},
      {"socket.timeout.ms", setting},
      {"transaction.timeout.ms", setting},
      {"message.timeout.ms", setting},
      {"delivery.timeout.ms", setting},
      {"session.timeout.ms", setting},
      {"heartbeat.interval.ms", setting},
      {"max.poll.interval.ms", setting},
      {"message.max.bytes", setting},
  };
  return refused;
}

base::Status check_options(const std::map<std::string, std::string>& options) {
  const std::unique_ptr<rd_kafka_conf_s, Release> trial(rd_kafka_conf_new());
  for (const auto& [name, value] : options) {
    if (const auto refused = refused_options().find(name); refused != refused_options().end()) {
      return permanent(fmt::format("kafka.options: {} must not be set: {}", name, refused->second));
    }
    char ignored[8];  // librdkafka's text would repeat the value, which may be a secret
    switch (rd_kafka_conf_set(trial.get(), name.c_str(), value.c_str(), ignored, sizeof(ignored))) {
      case RD_KAFKA_CONF_OK:
        break;
      case RD_KAFKA_CONF_UNKNOWN:
        return permanent(fmt::format("kafka.options: {} is no setting of librdkafka {}", name,
                                     rd_kafka_version_str()));
      case RD_KAFKA_CONF_INVALID:
        return permanent(
            fmt::format("kafka.options: {} has a value that librdkafka refuses", name));
    }
  }
  return {};
}

}  // namespace admitone::kafka
