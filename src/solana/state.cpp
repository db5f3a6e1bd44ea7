#include "solana/state.hpp"

namespace admitone::solana {

std::string_view name_of(CallResult result) {
  static constexpr std::array<std::string_view, kCallResults> kNames{"done", "error", "failed",
                                                                     "not_sent"};
  return kNames[static_cast<std::size_t>(result)];
}

std::string_view name_of(Cluster cluster) {
  static constexpr std::array<std::string_view, 3> kNames{"unknown", "ours", "another"};
  return kNames[static_cast<std::size_t>(cluster)];
}

}  // namespace admitone::solana
