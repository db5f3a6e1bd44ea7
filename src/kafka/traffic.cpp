#include "kafka/traffic.hpp"

#include <algorithm>

namespace admitone::kafka {

std::string_view Traffic::name_of(std::int16_t api_key) {
  switch (api_key) {
    case 0:
      return "produce";
    case 1:
      return "fetch";
    case 2:
      return "list_offsets";
    case 3:
      return "metadata";
    case 8:
      return "offset_commit";
    case 9:
      return "offset_fetch";
    case 10:
      return "find_coordinator";
    case 12:
      return "heartbeat";
    case 22:
      return "init_producer_id";
    case 24:
      return "add_partitions_to_txn";
    case 25:
      return "add_offsets_to_txn";
    case 26:
      return "end_txn";
    case 28:
      return "txn_offset_commit";
    default:
      return "other";
  }
}

void Traffic::sent(std::int16_t api_key) {
  const auto kind =
      std::min(static_cast<std::size_t>(static_cast<std::uint16_t>(api_key)), kKinds - 1);
  sent_[kind].fetch_add(1, std::memory_order_relaxed);
}

void Traffic::take(const std::function<void(std::string_view kind, std::int64_t requests)>& each) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const auto requests = sent_[kind].exchange(0, std::memory_order_relaxed);
    if (requests > 0) each(name_of(static_cast<std::int16_t>(kind)), requests);
  }
}

}  // namespace admitone::kafka
