#include "kafka/deliveries.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace admitone::kafka {

static_assert(sizeof(void*) == 8, "a token is a batch number and an index");

void Deliveries::begin(std::size_t records) {
  ADMITONE_ASSERT(records < UINT32_MAX);
  ++batch_;
  sent_ = 0;
  reported_ = 0;
  failed_ = 0;
  failure_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  too_large_.clear();
  offsets_.assign(records, -1);
}

void* Deliveries::token(std::size_t index) const {
  return reinterpret_cast<void*>((static_cast<std::uintptr_t>(batch_) << 32U) | index);
}

void Deliveries::sent(std::size_t index, rd_kafka_resp_err_t answer) {
  ++sent_;
  if (answer == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  ++reported_;
  fail(index, answer);
}

void Deliveries::fail(std::size_t index, rd_kafka_resp_err_t why) {
  ++failed_;
  if (failure_ == RD_KAFKA_RESP_ERR_NO_ERROR) failure_ = why;
  if (why == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) too_large_.push_back(index);
}

void Deliveries::accept(const rd_kafka_message_t& report) {
  const auto token = reinterpret_cast<std::uintptr_t>(report._private);
  if (static_cast<std::uint32_t>(token >> 32U) != batch_) return;
  const auto index = static_cast<std::size_t>(token & 0xFFFFFFFFU);
  ADMITONE_ASSERT(index < offsets_.size());
  ++reported_;
  if (report.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    offsets_[index] = report.offset;
    return;
  }
  fail(index, report.err);
}

bool Deliveries::wait(rd_kafka_t* producer, const ports::Clock& clock, Milliseconds limit,
                      const std::function<bool()>& enough) {
  constexpr Milliseconds kSlice{50};
  const auto end = clock.steady() + limit;
  while (reported_ < sent_ && failed_ == 0) {
    if (enough && enough()) return false;
    const auto left = std::chrono::ceil<Milliseconds>(end - clock.steady());
    if (left <= Milliseconds::zero()) return false;
    rd_kafka_poll(producer, static_cast<int>(std::min(left, kSlice).count()));
  }
  return all_delivered();
}

}  // namespace admitone::kafka
