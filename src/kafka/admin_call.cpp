#include "kafka/admin_call.hpp"

#include "base/assert.hpp"

namespace admitone::kafka {

AdminCall::AdminCall(rd_kafka_t* client, rd_kafka_admin_op_t operation, Milliseconds limit)
    : options_(rd_kafka_AdminOptions_new(client, operation)),
      queue_(rd_kafka_queue_new(client)),
      limit_(limit) {
  char why[128];
  const auto code = rd_kafka_AdminOptions_set_request_timeout(
      options_.get(), static_cast<int>(limit.count()), why, sizeof(why));
  ADMITONE_ASSERT(code == RD_KAFKA_RESP_ERR_NO_ERROR);
  if (operation == RD_KAFKA_ADMIN_OP_CREATETOPICS || operation == RD_KAFKA_ADMIN_OP_DELETETOPICS) {
    rd_kafka_AdminOptions_set_operation_timeout(options_.get(), static_cast<int>(limit.count()),
                                                why, sizeof(why));
  }
}

void AdminCall::require_stable_offsets() {
  const CallError error(rd_kafka_AdminOptions_set_require_stable_offsets(options_.get(), 1));
  ADMITONE_ASSERT(!error);
}

base::Result<Event> AdminCall::wait(const std::string& what) const {
  // The request times out by itself a little earlier and says why.
  const auto patience = limit_ + Milliseconds(500);
  Event answer(rd_kafka_queue_poll(queue_.get(), static_cast<int>(patience.count())));
  if (!answer) return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, what, base::Effect::unknown);
  const auto code = rd_kafka_event_error(answer.get());
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto error = error_of(code, what, base::Effect::unknown);
    error.message += std::string(": ") + rd_kafka_event_error_string(answer.get());
    return error;
  }
  return answer;
}

}  // namespace admitone::kafka
