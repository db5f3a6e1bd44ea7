#pragma once
// How many requests the clients of the process have sent to brokers, by kind.
// Used by: app (a metric). Lifetime: outlives every client whose settings name it.
// Threads: any. Blocking: never. Errors: none.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace admitone::kafka {

class Traffic {
 public:
  // Kinds as the Kafka protocol numbers them; one that is not named here is "other".
  static std::string_view name_of(std::int16_t api_key);

  void sent(std::int16_t api_key);
  // What was sent since the last call, kinds that there is nothing of left out.
  void take(const std::function<void(std::string_view kind, std::int64_t requests)>& each);

 private:
  static constexpr std::size_t kKinds = 128;
  std::array<std::atomic<std::int64_t>, kKinds> sent_{};
};

}  // namespace admitone::kafka
