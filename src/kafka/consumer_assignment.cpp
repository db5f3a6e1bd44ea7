// Who owns which partition, and telling the sink of it.
#include <algorithm>

#include "kafka/consumer_impl.hpp"

namespace admitone::kafka {
namespace {

constexpr Milliseconds kGroupLookedAtAgain{500};

}  // namespace

void Consumer::Impl::on_rebalance(rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t& list) {
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assign(list);
    return;
  }
  revoke(code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(raw()) == 1);
}

void Consumer::Impl::assign(rd_kafka_topic_partition_list_t& list) {
  for (int i = 0; i < list.cnt; ++i) {
    auto& one = list.elems[i];
    Owned owned;
    // Its own queue, before anything is fetched into the shared one.
    owned.queue.reset(rd_kafka_queue_get_partition(raw(), one.topic, one.partition));
    rd_kafka_queue_forward(owned.queue.get(), nullptr);
    rd_kafka_queue_cb_event_enable(owned.queue.get(), wake_up, &wake_);
    owned_.insert_or_assign({settings_.topics.id(one.topic), one.partition}, std::move(owned));
    // An explicit position keeps librdkafka from asking for the committed one, which would wait for
    // every pending transaction. It must be absolute: the answer to a look-up of "end" could arrive
    // after the seek of start() and undo it.
    one.offset = 0;
  }
  // Before assigning, so that not even one fetch goes out (getting the queue made the partition
  // known). What a fetch begun earlier brings would be offered beside the position of start().
  rd_kafka_pause_partitions(raw(), &list);
  rd_kafka_assign(raw(), &list);
  next_look_up_ = clock_.steady();
  next_group_look_ = {};
  look_ups_.begin();
  // More members than partitions: in the group all the same.
  if (list.cnt == 0) sink_->assigned({});
  count_unannounced();
  announce();
}

// Who has no partitions is not told when the broker takes it for dead, or refuses its generation:
// it joins again in silence.
void Consumer::Impl::look_at_group() {
  const auto now = clock_.steady();
  if (now < next_group_look_) return;
  next_group_look_ = now + kGroupLookedAtAgain;
  in_group_ = group_metadata().is_member();
}

void Consumer::Impl::count_unannounced() {
  unannounced_ = static_cast<std::size_t>(
      std::ranges::count_if(owned_, [](const auto& lane) { return !lane.second.announced; }));
}

void Consumer::Impl::revoke(bool lost) {
  std::vector<base::TopicPartition> known;
  for (const auto& [tp, owned] : owned_) {
    if (owned.announced) known.push_back(tp);
  }
  // None is known: what was to come does not either. (The one who closes it knows.)
  if (!known.empty() || !closed_) sink_->revoked(known, lost);
  for (auto& [tp, owned] : owned_) {
    rd_kafka_queue_cb_event_enable(owned.queue.get(), nullptr, nullptr);
  }
  owned_.clear();
  count_unannounced();
  log_ends_.forget();
  rd_kafka_assign(raw(), nullptr);
}

LookUps::Questions Consumer::Impl::questions() const {
  return {
      .positions =
          [this](const LookUps::Partitions& partitions) {
            std::vector<NamedPartition> names;
            for (const auto& tp : partitions) names.push_back(named(tp));
            return probe_->stable_positions(names, settings_.position_timeout);
          },
      .watermarks =
          [this](base::TopicPartition tp) {
            return probe_->watermarks(named(tp), settings_.position_timeout);
          },
  };
}

// Tells the sink of new partitions as soon as their positions are known.
void Consumer::Impl::announce() {
  LookUps::Partitions fresh;
  for (const auto& [tp, owned] : owned_) {
    if (!owned.announced) fresh.push_back(tp);
  }
  if (fresh.empty() || clock_.steady() < next_look_up_) return;
  const auto found = look_ups_.look(std::move(fresh));
  for (const auto& one : found) owned_.at(one.tp).announced = true;
  count_unannounced();
  next_look_up_ = clock_.steady() + look_ups_.pause();
  if (!found.empty()) sink_->assigned(found);
}

}  // namespace admitone::kafka
