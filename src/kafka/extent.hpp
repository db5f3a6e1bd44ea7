#pragma once
// Where the partitions of a topic begin and end, asked of their leaders. Room-internal.
// Used by: Reader, Admin. Threads: the client's. Blocking: by `limit`.
// Errors: retry_call (brokers away, no leader), permanent (rights, unknown topic).

#include <librdkafka/rdkafka.h>

#include <string>

#include "base/result.hpp"
#include "kafka/reader.hpp"

namespace admitone::kafka {

// Does it pass by itself: a partition between two leaders, a broker that comes back?
bool passes(rd_kafka_resp_err_t code);

// Asks again while the answer is one that passes by itself; a topic that nobody knows for as long
// as `unknown`.
base::Result<Extent> ask_extent(rd_kafka_t* client, const std::string& topic, Milliseconds limit,
                                Milliseconds unknown, const ports::Clock& clock);

}  // namespace admitone::kafka
