#pragma once
// What every Kafka client of the process is made from, and the rules about it.
// Used by: app (wiring, `config check`), and every client of this room.
// Threads: values; the functions from any thread. Blocking: never.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/position.hpp"
#include "base/result.hpp"
#include "kafka/security.hpp"

namespace admitone::kafka {

using Milliseconds = std::chrono::milliseconds;

class Traffic;

struct ClientSettings {
  std::string bootstrap_servers;
  std::string client_id = "admitone";
  Security security{};
  // Raw librdkafka settings (kafka.options), for tuning and what `security` has no word for. They
  // win over ours, except the refused ones.
  std::map<std::string, std::string> options;
  Milliseconds socket_timeout{10'000};
  // Largest command, with its headers. What we write may be larger by kHeaderRoom (a dead letter is
  // its command and more headers). Compared with the topics' limits by topics.hpp.
  std::int32_t max_record_bytes = 1'048'576;
  // Counts what the clients send; may be null.
  Traffic* traffic = nullptr;
};

inline constexpr std::int32_t kHeaderRoom = 65'536;

// The topics AdmitOne writes to.
struct OutputTopics {
  std::string outcomes;
  std::string dead_letters;
  std::string commands;  // the home topic
};

// Command topics: Kafka's names and the small numbers that the database gave them.
class TopicNames {
 public:
  TopicNames() = default;
  explicit TopicNames(std::map<std::string, base::TopicId> ids);
  // The topic must be one of those given.
  [[nodiscard]] const std::string& name(base::TopicId id) const;
  [[nodiscard]] base::TopicId id(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::map<std::string, base::TopicId, std::less<>> ids_;
  std::map<base::TopicId, std::string> names_;
};

// Is the librdkafka of this process one we can work with? The error says which to install.
base::Status check_library();

// Names in kafka.options that would break the guarantees or that have a setting of their own.
const std::map<std::string, std::string, std::less<>>& refused_options();

// Error: names the first option that is refused, unknown or malformed. Values never appear in it.
base::Status check_options(const std::map<std::string, std::string>& options);

}  // namespace admitone::kafka
