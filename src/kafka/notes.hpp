#pragma once
// What has to be found from a client's handle alone: librdkafka's callbacks come with one opaque
// pointer, and that is the client's owner. Room-internal.
// Lifetime: from `keep` until just before the client is destroyed (handles.cpp). Threads: any; the
// lock is never held while anything else is called, as callbacks come with librdkafka's own locks.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kafka/security.hpp"

struct rd_kafka_s;

namespace admitone::kafka {

struct Notes {
  std::function<base::Result<Token>()> token{};
  std::shared_ptr<Credentials> credentials{};
  std::string complaint{};  // what was said last about a broker
};

void keep_notes(const rd_kafka_s* client, Notes notes);
// Of a client that is not known: nothing.
Notes notes_of(const rd_kafka_s* client);
// A reason is kept before its consequence, which names none.
void note_complaint(const rd_kafka_s* client, std::string_view complaint);
// What was kept.
Notes drop_notes(const rd_kafka_s* client);

}  // namespace admitone::kafka
