#pragma once
// One admin request and its one answer. Room-internal.
// Threads: one. Blocking: wait(), by the limit given.

#include <memory>
#include <string>

#include "base/result.hpp"
#include "kafka/conf.hpp"

namespace admitone::kafka {

class AdminCall {
 public:
  AdminCall(rd_kafka_t* client, rd_kafka_admin_op_t operation, Milliseconds limit);

  void require_stable_offsets();
  [[nodiscard]] const rd_kafka_AdminOptions_t* options() const { return options_.get(); }
  [[nodiscard]] rd_kafka_queue_t* queue() const { return queue_.get(); }

  // Error: retry_call with effect unknown when no answer came in time.
  base::Result<Event> wait(const std::string& what) const;

 private:
  struct FreeOptions {
    void operator()(rd_kafka_AdminOptions_t* options) const {
      rd_kafka_AdminOptions_destroy(options);
    }
  };
  std::unique_ptr<rd_kafka_AdminOptions_t, FreeOptions> options_;
  Queue queue_;
  Milliseconds limit_;
};

}  // namespace admitone::kafka
