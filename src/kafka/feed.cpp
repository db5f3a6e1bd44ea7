#include "kafka/feed.hpp"

#include <utility>

#include "kafka/conf.hpp"
#include "kafka/records.hpp"

namespace admitone::kafka {

class Feed::Impl final : public ClientEvents {
 public:
  Impl(Options options, const ports::Clock& clock) : options_(std::move(options)), clock_(clock) {}

  base::Status open(const ClientSettings& settings) {
    Conf conf(settings, "feed");
    conf.set("enable.idempotence", "true")
        .set("message.timeout.ms", options_.delivery_timeout)
        .producing(options_.linger)
        .set("queue.buffering.max.messages", kQueued)
        .report_deliveries(*this);
    auto made = conf.make(RD_KAFKA_PRODUCER);
    if (!made) return made.error();
    client_ = std::move(*made);
    return {};
  }

  base::Status offer(const ports::OutgoingRecord& record) {
    for (;;) {
      const auto code = produce(client_.get(), options_.topic, record, nullptr);
      // Reports are taken in now and then only: each call takes a lock.
      if (++offered_ % kServeEvery == 0) rd_kafka_poll(client_.get(), 0);
      if (failure_ != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(failure_);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return failed(code);
      rd_kafka_poll(client_.get(), kFullPause);
    }
  }

  void serve(Milliseconds limit) { rd_kafka_poll(client_.get(), static_cast<int>(limit.count())); }

  base::Status flush(Milliseconds limit) {
    const auto until = clock_.steady() + limit;
    while (rd_kafka_outq_len(client_.get()) > 0 && failure_ == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (clock_.steady() > until) return failed(RD_KAFKA_RESP_ERR__TIMED_OUT);
      rd_kafka_poll(client_.get(), kFullPause);
    }
    if (failure_ != RD_KAFKA_RESP_ERR_NO_ERROR) return failed(failure_);
    return {};
  }

 private:
  static constexpr std::int64_t kServeEvery = 1000;
  static constexpr int kFullPause = 20;

  void on_delivery(const rd_kafka_message_t& report) override {
    if (failure_ == RD_KAFKA_RESP_ERR_NO_ERROR) failure_ = report.err;
  }
  [[nodiscard]] base::Error failed(rd_kafka_resp_err_t code) const {
    return error_of(code, "sending to " + options_.topic, base::Effect::unknown);
  }

  Options options_;
  const ports::Clock& clock_;
  std::int64_t offered_ = 0;
  rd_kafka_resp_err_t failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  Client client_;
};

base::Result<std::unique_ptr<Feed>> Feed::create(const ClientSettings& settings,
                                                 const Options& options,
                                                 const ports::Clock& clock) {
  auto impl = std::make_unique<Impl>(options, clock);
  if (auto opened = impl->open(settings); !opened) return opened.error();
  return std::unique_ptr<Feed>(new Feed(std::move(impl)));
}

Feed::Feed(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Feed::~Feed() = default;

base::Status Feed::offer(const ports::OutgoingRecord& record) {
  return impl_->offer(record);
}
void Feed::serve(Milliseconds limit) {
  impl_->serve(limit);
}
base::Status Feed::flush(Milliseconds limit) {
  return impl_->flush(limit);
}

}  // namespace admitone::kafka
