#pragma once
// The command topics: the process's only member of the consumer group.
//
// Each assigned partition has a queue of its own inside librdkafka. A paused partition's queue is
// simply not read, so its fetching stops at the queue's limits; nothing is paused, sought or
// fetched again, hence no gap and no repeat can come from pausing (librdkafka 2.0.2 has races
// there). Only start() seeks, and only while nothing is being fetched.
//
// Used by: app (makes and polls it), pipeline (through ports::RecordSource), Publisher
// (group_metadata), PlainPublisher (commit).
// Lifetime: create → subscribe → poll … → close. Outlives the publishers that ask for metadata.
// Threads: poll, close and all calls of the sink on the poll thread; start, pause, resume, ask_end,
// group_metadata and commit from any; keep_fetching on one of its own, which ends before the
// consumer does.
// Blocking: poll by its budget, plus position_timeout when partitions are assigned, plus what the
// sink's revoked() takes; close by its limit.
// Errors: fatal ones go to RecordSink::fatal, once, with what to do. A place of the log that cannot
// be read (a batch that fails its checksum) is read again until it can be, or fatal where
// librdkafka refuses to; nothing after it is handed on. The rest is logged and retried by
// librdkafka. Limits: queue_records and queue_kbytes per partition.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "kafka/group.hpp"
#include "kafka/probe.hpp"
#include "kafka/settings.hpp"
#include "ports/clock.hpp"
#include "ports/outcome_log.hpp"
#include "ports/record_source.hpp"

namespace admitone::kafka {

struct ConsumerSettings {
  std::string group_id;
  TopicNames topics;
  // Its records must carry LogAppendTime; a warning says when one does not.
  std::string home_topic;
  Milliseconds session_timeout{8'000};
  Milliseconds heartbeat_interval{1'000};
  // More than three times the longest bounded step of the poll thread.
  Milliseconds max_poll_interval{120'000};
  // Per partition: fetching stops above either, and goes on when half of it was read.
  std::int32_t queue_records = 2'000;
  std::int32_t queue_kbytes = 16'384;
  std::int32_t fetch_kbytes = 16'384;         // of one answer, all partitions together
  std::int32_t partition_fetch_kbytes = 256;  // of one partition in it
  Milliseconds fetch_wait{100};
  // For learning positions and watermarks on assignment; tried again until it succeeds.
  Milliseconds position_timeout{1'000};
};

class Consumer final : public ports::RecordSource {
 public:
  static base::Result<std::unique_ptr<Consumer>> create(const ClientSettings& client,
                                                        ConsumerSettings settings,
                                                        std::shared_ptr<const Probe> probe,
                                                        const ports::Clock& clock);
  ~Consumer() override;

  // Joins the group; the sink is called from poll() only.
  base::Status subscribe(ports::RecordSink& sink);

  void start(base::TopicPartition tp, std::int64_t offset) override;
  void pause(base::TopicPartition tp) override;
  void resume(base::TopicPartition tp) override;
  void ask_end(base::TopicPartition tp, base::Instant asked) override;
  [[nodiscard]] std::optional<std::int64_t> log_end(base::TopicPartition tp) const override;
  [[nodiscard]] bool in_group() const override;
  [[nodiscard]] std::size_t unannounced() const override;
  void poll(Milliseconds budget) override;
  void close(Milliseconds limit) override;
  // Until `stop`. Without it nobody is told of ends that were asked for, and a partition whose
  // queue was full is looked at once a second by some versions of librdkafka: slow, but nothing is
  // lost.
  void keep_fetching(const std::stop_token& stop);

  // The membership as it is now. Generation -1 when not in the group.
  [[nodiscard]] GroupMetadata group_metadata() const;
  // Writes positions for this group, outside of any Kafka transaction.
  base::Status commit(std::span<const ports::OffsetMark> marks, Milliseconds limit);

 private:
  class Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace admitone::kafka
