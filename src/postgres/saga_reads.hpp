#pragma once
// The unfinished sagas of a lane, as its new owner goes on with them.
// Used by: Recovery, whose transaction sees the lane. Threads: the connection's. Errors: Failure.

#include "ports/lane_store.hpp"
#include "postgres/connection.hpp"

namespace admitone::postgres {

std::vector<ports::Saga> read_sagas(Connection& connection, base::TopicPartition tp,
                                    std::optional<base::SagaId> after, std::int32_t limit);

}  // namespace admitone::postgres
