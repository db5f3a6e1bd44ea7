#pragma once
// Builds one librdkafka client: our settings, then kafka.options, then the callbacks. Room-internal
// (the only header here that includes librdkafka's).
// Threads: one. Callbacks run on the thread that polls the client, log lines on any.

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kafka/handles.hpp"
#include "kafka/settings.hpp"

namespace admitone::kafka {

// What a client tells its owner. The owner outlives the client.
class ClientEvents {
 public:
  ClientEvents() = default;
  ClientEvents(const ClientEvents&) = delete;
  ClientEvents& operator=(const ClientEvents&) = delete;
  virtual void on_error(rd_kafka_resp_err_t, const char*) {}
  virtual void on_delivery(const rd_kafka_message_t&) {}
  virtual void on_rebalance(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t&) {}

 protected:
  ~ClientEvents() = default;
};

class Conf {
 public:
  // `role` is added to the client id and to log lines.
  Conf(const ClientSettings& settings, std::string role);

  Conf& set(const char* name, const std::string& value);
  Conf& set(const char* name, Milliseconds value) { return set(name, value.count()); }
  Conf& set(const char* name, std::int64_t value) { return set(name, std::to_string(value)); }
  Conf& report_errors(ClientEvents& events);
  Conf& report_deliveries(ClientEvents& events);
  Conf& report_rebalances(ClientEvents& events);

  // What every consuming client has in common: explicit positions, nothing committed by itself.
  Conf& consuming(const std::string& group, const char* isolation);
  // What every producing client has in common: all replicas, Java's partitioner, bounded requests.
  Conf& producing(Milliseconds linger);

  // Error: permanent; names the setting that was refused.
  base::Result<Client> make(rd_kafka_type_t type);

 private:
  Conf& opaque(ClientEvents& events);
  [[nodiscard]] std::string shown_options() const;

  const ClientSettings& settings_;
  std::string role_;
  std::unique_ptr<rd_kafka_conf_s, Release> conf_;
  std::string ours_;     // "name=value …", for the log
  std::string refused_;  // first refusal
};

// One line for people; kind permanent where repeating cannot help (rights, unknown topic, size).
base::Error error_of(rd_kafka_resp_err_t code, const std::string& what,
                     base::Effect effect = base::Effect::not_applied);

// The same for a call that asks brokers: when none of them answers, with their addresses and the
// way out.
base::Error call_error(rd_kafka_t* client, rd_kafka_resp_err_t code, const std::string& what);

PartitionList make_list(int size);

}  // namespace admitone::kafka
