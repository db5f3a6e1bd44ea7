#pragma once
// Delivery reports of one batch of produced records. Reports of earlier batches are recognised and
// ignored, so a batch can be abandoned at any time. Room-internal.
// Threads: one. Blocking: wait() by its limit.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "kafka/conf.hpp"
#include "ports/clock.hpp"

namespace admitone::kafka {

class Deliveries {
 public:
  void begin(std::size_t records);
  // Goes out with the record at `index` and comes back in its report.
  [[nodiscard]] void* token(std::size_t index) const;
  // To be called for each record with the producer's answer; a refused one counts as failed.
  void sent(std::size_t index, rd_kafka_resp_err_t answer);
  void accept(const rd_kafka_message_t& report);

  // Serves the producer's callbacks until every sent record is reported, one has failed, `enough`
  // says so, or time is up. True when all are delivered.
  bool wait(rd_kafka_t* producer, const ports::Clock& clock, Milliseconds limit,
            const std::function<bool()>& enough = {});

  [[nodiscard]] std::size_t reported() const { return reported_; }
  [[nodiscard]] bool all_delivered() const { return reported_ == sent_ && failed_ == 0; }
  [[nodiscard]] rd_kafka_resp_err_t failure() const { return failure_; }
  // Refused for their size; of a request that the broker found too large, every record is.
  [[nodiscard]] const std::vector<std::size_t>& too_large() const { return too_large_; }
  // Per record of the batch the offset it got; -1 while unknown.
  [[nodiscard]] std::vector<std::int64_t>& offsets() { return offsets_; }

 private:
  void fail(std::size_t index, rd_kafka_resp_err_t why);

  std::uint32_t batch_ = 0;
  std::size_t sent_ = 0;
  std::size_t reported_ = 0;
  std::size_t failed_ = 0;
  rd_kafka_resp_err_t failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::vector<std::size_t> too_large_;
  std::vector<std::int64_t> offsets_;
};

}  // namespace admitone::kafka
