#include "kafka/sender.hpp"

#include <mutex>

#include "kafka/plain_producer.hpp"

namespace admitone::kafka {

class Sender::Impl {
 public:
  Impl(const ClientSettings& settings, const OutputTopics& topics, Milliseconds limit,
       const ports::Clock& clock)
      : producer_(settings, topics, "sender", limit, false, clock) {}

  base::Status open() {
    const std::scoped_lock lock(mutex_);
    return producer_.open();
  }
  base::Status send(std::span<const ports::OutgoingRecord> records) {
    const std::scoped_lock lock(mutex_);
    return producer_.send(records);
  }
  base::Result<std::vector<std::int64_t>> deliver(std::span<const ports::OutgoingRecord> records) {
    const std::scoped_lock lock(mutex_);
    if (auto sent = producer_.send(records); !sent) return sent.error();
    return producer_.offsets();
  }

 private:
  std::mutex mutex_;
  PlainProducer producer_;
};

Sender::Sender(const ClientSettings& settings, const OutputTopics& topics,
               Milliseconds delivery_timeout, const ports::Clock& clock)
    : impl_(std::make_unique<Impl>(settings, topics, delivery_timeout, clock)) {}
Sender::~Sender() = default;

base::Status Sender::open() {
  return impl_->open();
}
base::Status Sender::send(std::span<const ports::OutgoingRecord> records) {
  return impl_->send(records);
}

base::Result<std::vector<std::int64_t>> Sender::deliver(
    std::span<const ports::OutgoingRecord> records) {
  return impl_->deliver(records);
}

}  // namespace admitone::kafka
