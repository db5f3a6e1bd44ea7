#include "kafka/plain_producer.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/log.hpp"
#include "kafka/records.hpp"

namespace admitone::kafka {

PlainProducer::PlainProducer(ClientSettings settings, OutputTopics topics, std::string role,
                             Milliseconds limit, bool gapless, const ports::Clock& clock)
    : settings_(std::move(settings)),
      topics_(std::move(topics)),
      role_(std::move(role)),
      limit_(limit),
      gapless_(gapless),
      clock_(clock) {}

base::Status PlainProducer::open() {
  char text[128];
  if (client_ && rd_kafka_fatal_error(client_.get(), text, sizeof(text)) != 0) client_.reset();
  if (client_) return {};
  Conf conf(settings_, role_);
  conf.set("enable.idempotence", "true")
      .set("enable.gapless.guarantee", gapless_ ? "true" : "false")
      .set("message.timeout.ms", limit_)
      .producing(Milliseconds(1))
      .report_errors(*this)
      .report_deliveries(*this);
  auto made = conf.make(RD_KAFKA_PRODUCER);
  if (!made) return made.error();
  client_ = std::move(*made);
  return {};
}

void PlainProducer::on_error(rd_kafka_resp_err_t code, const char* reason) {
  base::logger("kafka")->warn("{}: {} ({})", role_, reason, rd_kafka_err2name(code));
}

base::Status PlainProducer::send(std::span<const ports::OutgoingRecord> records) {
  if (auto ready = open(); !ready) return ready.error();
  deliveries_.begin(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    deliveries_.sent(i, produce(client_.get(), topic_of(topics_, records[i].topic), records[i],
                                deliveries_.token(i)));
    if (deliveries_.failure() != RD_KAFKA_RESP_ERR_NO_ERROR) break;
  }
  if (deliveries_.wait(client_.get(), clock_, limit_)) return {};
  return take_back();
}

// What was not delivered must not be sent later, behind the caller's back.
base::Error PlainProducer::take_back() {
  const auto failure = deliveries_.failure() == RD_KAFKA_RESP_ERR_NO_ERROR
                           ? RD_KAFKA_RESP_ERR__TIMED_OUT
                           : deliveries_.failure();
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_poll(client_.get(), 0);
  client_.reset();  // after a purge in flight the sequence has a hole: begin a new one
  return error_of(failure, fmt::format("{}: delivering", role_), base::Effect::unknown);
}

}  // namespace admitone::kafka
