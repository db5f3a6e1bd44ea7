#include "kafka/publisher.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/assert.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "kafka/conf.hpp"
#include "kafka/records.hpp"
#include "kafka/tail.hpp"
#include "kafka/transactional.hpp"

namespace admitone::kafka {

using ports::PublishEnd;
using ports::PublishReport;
namespace failpoint = base::failpoint;

// For calls that are repeated by their caller anyway.
constexpr Milliseconds kShort{2'000};

class Publisher::Impl {
 public:
  Impl(ClientSettings client, PublisherSettings settings, Membership membership,
       std::unique_ptr<Tail> tail, Watchdog& watchdog, const ports::Clock& clock)
      : client_(std::move(client)),
        settings_(std::move(settings)),
        membership_(std::move(membership)),
        tail_(std::move(tail)),
        watchdog_(watchdog),
        clock_(clock) {}

  base::Status open(Milliseconds limit, const std::atomic<bool>* cancel);
  PublishReport publish(std::span<const ports::OutgoingRecord> records,
                        std::span<const ports::OffsetMark> offsets,
                        const std::atomic<bool>& cancel);
  base::Status fence(const std::string& transactional_id);

  [[nodiscard]] const PublisherSettings& settings() const { return settings_; }
  [[nodiscard]] const Tail& tail() const { return *tail_; }

 private:
  [[nodiscard]] TransactionLimits limits() const {
    return {settings_.transaction_timeout, settings_.call_limit, settings_.delivery_limit,
            settings_.linger};
  }
  GroupMetadata membership() const;
  base::Status make(Milliseconds limit, const std::atomic<bool>* cancel);
  Step carry(std::span<const ports::OutgoingRecord> records,
             std::span<const ports::OffsetMark> offsets, const GroupMetadata& membership,
             const std::atomic<bool>& cancel);
  Step send_offsets(std::span<const ports::OffsetMark> offsets, const GroupMetadata& membership,
                    const std::atomic<bool>& cancel);
  PublishReport give_up(Step why, std::span<const ports::OutgoingRecord> records,
                        const std::atomic<bool>& cancel);
  PublishReport recycle(PublishEnd end, std::string detail, const std::atomic<bool>& cancel);

  ClientSettings client_;
  PublisherSettings settings_;
  Membership membership_;
  std::unique_ptr<Tail> tail_;
  Watchdog& watchdog_;
  const ports::Clock& clock_;
  std::unique_ptr<TransactionalProducer> making_;    // not yet initialised
  std::unique_ptr<TransactionalProducer> producer_;  // initialised
  std::string why_;                                  // of the last abort that we decided on
};

// ---------------------------------------------------------------- making and destroying

// One that was not initialised in time goes on at the next call.
base::Status Publisher::Impl::make(Milliseconds limit, const std::atomic<bool>* cancel) {
  if (!making_) {
    auto made = TransactionalProducer::create(client_, settings_.transactional_id, limits(),
                                              watchdog_, clock_);
    if (!made) return made.error();
    making_ = std::move(*made);
  }
  if (auto ready = making_->init(limit, cancel); !ready) {
    if (ready.error().kind == base::ErrorKind::permanent) making_.reset();
    return ready.error();
  }
  producer_ = std::move(making_);
  return {};
}

base::Status Publisher::Impl::open(Milliseconds limit, const std::atomic<bool>* cancel) {
  // librdkafka tells an identical error of a broker only once in 30 s. A producer that has already
  // seen one would be blind in its next transaction, so it does not get one.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries && (!producer_ || producer_->troubled()); ++i) {
    producer_.reset();
    if (auto made = make(limit, cancel); !made) return made.error();
  }
  return {};
}

PublishReport Publisher::Impl::recycle(PublishEnd end, std::string detail,
                                       const std::atomic<bool>& cancel) {
  base::logger("kafka")->warn("the publisher is made anew: {}", detail);
  producer_.reset();
  if (auto ready = open(settings_.init_limit, &cancel); !ready) {
    base::logger("kafka")->warn("{}; tried again later", ready.error().message);
  }
  return {end, {}, std::move(detail)};
}

base::Status Publisher::Impl::fence(const std::string& transactional_id) {
  auto other =
      TransactionalProducer::create(client_, transactional_id, limits(), watchdog_, clock_);
  if (!other) return other.error();
  return (*other)->init(settings_.call_limit);
}

// ---------------------------------------------------------------- one transaction

GroupMetadata Publisher::Impl::membership() const {
  if (failpoint::mutant("offsets_without_group_metadata")) {
    return GroupMetadata(rd_kafka_consumer_group_metadata_new(settings_.group_id.c_str()));
  }
  return membership_();
}

Step Publisher::Impl::send_offsets(std::span<const ports::OffsetMark> offsets,
                                   const GroupMetadata& membership,
                                   const std::atomic<bool>& cancel) {
  const auto list = make_list(static_cast<int>(offsets.size()));
  for (const auto& mark : offsets) {
    rd_kafka_topic_partition_list_add(
        list.get(), settings_.command_topics.name(mark.tp.topic).c_str(), mark.tp.partition)
        ->offset = mark.next_offset;
  }
  return producer_->send_offsets(*list, *membership.raw(), cancel);
}

// From begin to commit. Anything but ok leaves a transaction open, which the caller ends.
Step Publisher::Impl::carry(std::span<const ports::OutgoingRecord> records,
                            std::span<const ports::OffsetMark> offsets,
                            const GroupMetadata& membership, const std::atomic<bool>& cancel) {
  const auto stop = [&](const char* mark) {
    if (failpoint::hit(mark)) why_ = fmt::format("failpoint {}", mark);
    if (cancel.load()) why_ = "cancelled";
    return !why_.empty();
  };
  if (const auto step = producer_->begin(); step != Step::ok) return Step::lost;
  if (stop("publish.begin")) return Step::abort;
  producer_->expect(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!producer_->produce(topic_of(settings_.topics, records[i].topic), records[i], i) &&
        !failpoint::mutant("offsets_before_delivery")) {
      break;
    }
  }
  if (stop("publish.produced")) {
    // An abort must not overtake the first produce request.
    const auto step = records.empty() ? Step::ok : producer_->deliver(cancel);
    return step == Step::lost ? step : Step::abort;
  }
  if (!failpoint::mutant("offsets_before_delivery")) {
    if (const auto step = producer_->deliver(cancel); step != Step::ok) return step;
  }
  if (stop("publish.delivered")) return Step::abort;
  if (const auto step = send_offsets(offsets, membership, cancel); step != Step::ok) return step;
  if (stop("publish.offsets_sent") || stop("publish.before_commit")) return Step::abort;
  const auto step = producer_->commit();
  if (step == Step::ok && failpoint::hit("publish.committed")) return Step::lost;
  return step;
}

// Nothing of the open transaction can have been committed, unless `why` is lost.
PublishReport Publisher::Impl::give_up(Step why, std::span<const ports::OutgoingRecord> records,
                                       const std::atomic<bool>& cancel) {
  std::string detail = why_.empty() ? producer_->detail() : why_;
  if (why == Step::lost) return recycle(PublishEnd::recycled, std::move(detail), cancel);
  if (const auto record = largest(records, producer_->too_large()); record && why_.empty()) {
    // A request that the broker refused leaves a hole in the producer's sequence numbers, on which
    // the next transaction would fail.
    auto report = recycle(PublishEnd::too_large, std::move(detail), cancel);
    report.record = record;
    return report;
  }
  const auto end = why == Step::refused ? PublishEnd::refused : PublishEnd::aborted;
  const bool clean = !producer_->troubled() && producer_->abort() == Step::ok;
  if (clean && !producer_->troubled()) return {end, {}, std::move(detail)};
  // Initialising anew aborts it as well. A refusal stays one: nothing of it is in the log.
  return recycle(end == PublishEnd::refused ? end : PublishEnd::recycled,
                 detail + "; " + producer_->detail(), cancel);
}

PublishReport Publisher::Impl::publish(std::span<const ports::OutgoingRecord> records,
                                       std::span<const ports::OffsetMark> offsets,
                                       const std::atomic<bool>& cancel) {
  // The refusal of a zombie rides on the offsets: no transaction without.
  ADMITONE_ASSERT(!offsets.empty());
  if (cancel.load()) return {PublishEnd::aborted, {}, "cancelled before it began"};
  if (auto ready = open(kShort, &cancel); !ready) {
    return {PublishEnd::recycled, {}, ready.error().message};
  }
  // Before the first record: metadata taken later could be that of a zombie that has re-joined.
  const auto member = membership();
  if (member.generation() < 0 && !failpoint::mutant("offsets_without_group_metadata")) {
    return {PublishEnd::refused, {}, "the consumer is not in the group now"};
  }
  why_.clear();
  const auto step = carry(records, offsets, member, cancel);
  if (step != Step::ok) return give_up(step, records, cancel);
  if (producer_->troubled() && !failpoint::mutant("no_recycle_after_transport_error")) {
    return recycle(PublishEnd::recycled, "committed, but a connection failed on the way", cancel);
  }
  return {PublishEnd::committed, std::move(producer_->offsets()), {}};
}

// ---------------------------------------------------------------- the public face

base::Result<std::unique_ptr<Publisher>> Publisher::create(
    const ClientSettings& client, PublisherSettings settings, Membership membership,
    std::shared_ptr<const Probe> probe, Watchdog& watchdog, const ports::Clock& clock) {
  auto tail = Tail::create(
      client, {settings.group_id, settings.topics.outcomes, settings.tail_limit}, probe, clock);
  if (!tail) return tail.error();
  return std::unique_ptr<Publisher>(new Publisher(std::make_unique<Impl>(
      client, std::move(settings), std::move(membership), std::move(*tail), watchdog, clock)));
}

Publisher::Publisher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Publisher::~Publisher() = default;

std::string Publisher::transactional_id() const {
  return impl_->settings().transactional_id;
}
base::Status Publisher::open() {
  return impl_->open(impl_->settings().init_limit, nullptr);
}
PublishReport Publisher::publish(std::span<const ports::OutgoingRecord> records,
                                 std::span<const ports::OffsetMark> offsets,
                                 const std::atomic<bool>& cancel) {
  return impl_->publish(records, offsets, cancel);
}
base::Status Publisher::fence(const std::string& transactional_id) {
  return impl_->fence(transactional_id);
}

// The log's end means something only once our own earlier producer is fenced: it might still have a
// commit under way.
base::Result<bool> Publisher::closed(std::int32_t lane) {
  if (auto ready = impl_->open(kShort, nullptr); !ready) return ready.error();
  return impl_->tail().closed(lane);
}
base::Result<ports::Tail> Publisher::read_tail(std::int32_t lane, std::int64_t from) {
  if (auto ready = impl_->open(kShort, nullptr); !ready) return ready.error();
  return impl_->tail().read(lane, from);
}
base::Result<ports::GroupPosition> Publisher::stable_position(base::TopicPartition tp) {
  return impl_->tail().stable_position(
      {impl_->settings().command_topics.name(tp.topic), tp.partition});
}

}  // namespace admitone::kafka
