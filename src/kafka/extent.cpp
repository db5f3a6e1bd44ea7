#include "kafka/extent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "kafka/conf.hpp"

namespace admitone::kafka {
namespace {

constexpr int kPause = 50;  // between two questions

struct FreeMetadata {
  void operator()(const rd_kafka_metadata_t* data) const { rd_kafka_metadata_destroy(data); }
};

bool unknown_topic(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

struct Refusal {
  rd_kafka_resp_err_t code;
  std::string what;
};

// One round of questions; what refused it, or nothing.
std::optional<Refusal> ask(rd_kafka_t* client, const std::string& topic, int milliseconds,
                           Extent& found) {
  const rd_kafka_metadata_t* raw = nullptr;
  const auto code = rd_kafka_metadata(client, 1, nullptr, &raw, milliseconds);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return Refusal{code, topic};
  const std::unique_ptr<const rd_kafka_metadata_t, FreeMetadata> metadata(raw);
  std::int32_t partitions = 0;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    if (topic == metadata->topics[i].topic) partitions = metadata->topics[i].partition_cnt;
  }
  if (partitions == 0) return Refusal{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, topic};
  // A broker may tell of a leader that does not know its part yet; the leader's own answer counts.
  for (std::int32_t partition = 0; partition < partitions; ++partition) {
    auto& marks = found[partition];
    const auto asked = rd_kafka_query_watermark_offsets(client, topic.c_str(), partition,
                                                        &marks.low, &marks.high, milliseconds);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return Refusal{asked, fmt::format("{}/{}", topic, partition)};
    }
  }
  return std::nullopt;
}

void pause(rd_kafka_t* client) {
  if (rd_kafka_type(client) == RD_KAFKA_PRODUCER) {
    rd_kafka_poll(client, kPause);
  } else {
    // Nothing is assigned while positions are asked for, so there is no record to lose.
    const Message event{rd_kafka_consumer_poll(client, kPause)};
  }
}

}  // namespace

bool passes(rd_kafka_resp_err_t code) {
  static constexpr std::array kPassing{
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,    RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
      RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,     RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,        RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,        RD_KAFKA_RESP_ERR__TRANSPORT,
      RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,        RD_KAFKA_RESP_ERR__TIMED_OUT,
  };
  return std::find(kPassing.begin(), kPassing.end(), code) != kPassing.end();
}

base::Result<Extent> ask_extent(rd_kafka_t* client, const std::string& topic, Milliseconds limit,
                                Milliseconds unknown, const ports::Clock& clock) {
  const auto begun = clock.steady();
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(begun + limit - clock.steady());
    Extent found;
    const auto refused =
        ask(client, topic, static_cast<int>(std::max(left, Milliseconds{1}).count()), found);
    if (!refused) return found;
    const auto gone = clock.steady() - begun;
    const bool again = (unknown_topic(refused->code) && gone < std::min(unknown, limit)) ||
                       (passes(refused->code) && gone < limit);
    if (!again) return call_error(client, refused->code, refused->what);
    pause(client);
  }
}

}  // namespace admitone::kafka
