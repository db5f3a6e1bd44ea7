#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <string>

#include "kafka/handles.hpp"
#include "kafka/settings.hpp"

namespace admitone::kafka::test {

// One that dies inside a Kafka transaction: produced and delivered, never ended.
class Dying {
 public:
  Dying(const ClientSettings& client, const std::string& id, int timeout_ms) {
    auto* conf = rd_kafka_conf_new();
    char why[256];
    const auto set = [&](const char* name, const std::string& value) {
      ASSERT_EQ(rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof(why)), RD_KAFKA_CONF_OK);
    };
    set("bootstrap.servers", client.bootstrap_servers);
    set("transactional.id", id);
    set("transaction.timeout.ms", std::to_string(timeout_ms));
    producer_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why)));
    check(rd_kafka_init_transactions(producer_.get(), 15'000));
  }
  void begin() { check(rd_kafka_begin_transaction(producer_.get())); }
  void write(const std::string& topic, std::int64_t seq) {
    const std::string header = "0:" + std::to_string(seq);
    auto* headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, "admitone-seq", -1, header.data(),
                        static_cast<ssize_t>(header.size()));
    ASSERT_EQ(rd_kafka_producev(producer_.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                                RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE(nullptr, 0),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(producer_.get(), 15'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void abort() { check(rd_kafka_abort_transaction(producer_.get(), -1)); }
  rd_kafka_resp_err_t commit() {
    const CallError error(rd_kafka_commit_transaction(producer_.get(), 15'000));
    return error ? rd_kafka_error_code(error.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
  }

 private:
  static void check(rd_kafka_error_t* error) {
    ASSERT_EQ(error, nullptr) << rd_kafka_error_string(error);
  }
  Client producer_;
};

}  // namespace admitone::kafka::test
