#pragma once
// What names a row of the ledger, and what may be remembered of one elsewhere.

#include <cstdint>

#include "base/ids.hpp"

namespace admitone::ports {

struct LedgerKey {
  base::TenantId tenant;
  base::KeyHash key;
  auto operator<=>(const LedgerKey&) const = default;
};

// A row of this payload owned the key when it was written, in this part of the ledger. It may have
// given the key up since, or this may never have been true: a hint says where to look, never what
// is there.
struct KeyHint {
  LedgerKey key;
  base::Fingerprint payload{};
  std::int32_t part = 0;
  bool operator==(const KeyHint&) const = default;
};

}  // namespace admitone::ports
