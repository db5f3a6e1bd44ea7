#include "kafka/plain_publisher.hpp"

#include <utility>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "kafka/plain_producer.hpp"
#include "kafka/records.hpp"
#include "kafka/tail.hpp"
#include "kafka/transactional.hpp"

namespace admitone::kafka {

using ports::PublishEnd;
using ports::PublishReport;

class PlainPublisher::Impl {
 public:
  Impl(const ClientSettings& client, PlainPublisherSettings settings, Commit commit,
       std::unique_ptr<Tail> tail, Watchdog& watchdog, const ports::Clock& clock)
      : client_(client),
        settings_(std::move(settings)),
        commit_(std::move(commit)),
        tail_(std::move(tail)),
        watchdog_(watchdog),
        clock_(clock),
        producer_(client, settings_.topics, "publisher", settings_.delivery_limit, true, clock) {}

  base::Status open() { return producer_.open(); }

  PublishReport publish(std::span<const ports::OutgoingRecord> records,
                        std::span<const ports::OffsetMark> offsets,
                        const std::atomic<bool>& cancel) {
    if (cancel.load()) return {PublishEnd::aborted, {}, "cancelled before it began"};
    if (auto sent = producer_.send(records); !sent) {
      const auto record = largest(records, producer_.too_large());
      return {
          record ? PublishEnd::too_large : PublishEnd::recycled, {}, sent.error().message, record};
    }
    // Whoever dies here leaves the lane's next owner to read the tail and go on behind it.
    base::failpoint::hit("publish.delivered");
    PublishReport report{PublishEnd::committed, std::move(producer_.offsets()), {}};
    if (auto committed = commit_(offsets, settings_.commit_limit); !committed) {
      report.detail = committed.error().message;
      base::logger("kafka")->warn("{}: written again with the next batch", report.detail);
    }
    return report;
  }

  base::Status fence(const std::string& transactional_id) {
    auto other = TransactionalProducer::create(client_, transactional_id, {}, watchdog_, clock_);
    if (!other) return other.error();
    return (*other)->init(settings_.delivery_limit);
  }

  [[nodiscard]] const PlainPublisherSettings& settings() const { return settings_; }
  [[nodiscard]] const Tail& tail() const { return *tail_; }

 private:
  ClientSettings client_;
  PlainPublisherSettings settings_;
  Commit commit_;
  std::unique_ptr<Tail> tail_;
  Watchdog& watchdog_;
  const ports::Clock& clock_;
  PlainProducer producer_;
};

base::Result<std::unique_ptr<PlainPublisher>> PlainPublisher::create(
    const ClientSettings& client, PlainPublisherSettings settings, Commit commit,
    std::shared_ptr<const Probe> probe, Watchdog& watchdog, const ports::Clock& clock) {
  auto tail = Tail::create(
      client, {settings.group_id, settings.topics.outcomes, settings.tail_limit}, probe, clock);
  if (!tail) return tail.error();
  return std::unique_ptr<PlainPublisher>(new PlainPublisher(std::make_unique<Impl>(
      client, std::move(settings), std::move(commit), std::move(*tail), watchdog, clock)));
}

PlainPublisher::PlainPublisher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PlainPublisher::~PlainPublisher() = default;

base::Status PlainPublisher::open() {
  return impl_->open();
}
PublishReport PlainPublisher::publish(std::span<const ports::OutgoingRecord> records,
                                      std::span<const ports::OffsetMark> offsets,
                                      const std::atomic<bool>& cancel) {
  return impl_->publish(records, offsets, cancel);
}
base::Result<bool> PlainPublisher::closed(std::int32_t lane) {
  return impl_->tail().closed(lane);
}
base::Status PlainPublisher::fence(const std::string& transactional_id) {
  return impl_->fence(transactional_id);
}
base::Result<ports::Tail> PlainPublisher::read_tail(std::int32_t lane, std::int64_t from) {
  return impl_->tail().read(lane, from);
}
base::Result<ports::GroupPosition> PlainPublisher::stable_position(base::TopicPartition tp) {
  return impl_->tail().stable_position(
      {impl_->settings().command_topics.name(tp.topic), tp.partition});
}

}  // namespace admitone::kafka
