#include "venue/state.hpp"

namespace admitone::venue {

std::string_view name_of(Call call) {
  static constexpr std::array<std::string_view, kCalls> kNames{"find", "hold", "holds", "release"};
  return kNames[static_cast<std::size_t>(call)];
}

std::string_view name_of(CallResult result) {
  static constexpr std::array<std::string_view, kCallResults> kNames{
      "done", "refused", "retry", "unknown", "held_back", "from_cache"};
  return kNames[static_cast<std::size_t>(result)];
}

}  // namespace admitone::venue
