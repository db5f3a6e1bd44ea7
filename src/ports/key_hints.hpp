#pragma once
// A fast memory beside the ledger, shared by all workers, that may be away, slow, forgetful or
// wrong. Implemented by redis/hints, and by liars in simulations. What it says decides only where
// the ledger is looked at first (decision 0060). Threads: any. Errors: none; what cannot be asked
// says nothing. Blocking: as told below.

#include <vector>

#include "ports/ledger_key.hpp"

namespace admitone::ports {

class KeyHints {
 public:
  virtual ~KeyHints() = default;
  // What is remembered of these keys, in any order; nothing about the others. Waits for a short
  // time that the implementation bounds; no unit of work may be open.
  virtual std::vector<KeyHint> recall(const std::vector<LedgerKey>& keys) = 0;
  // Of rows that have been committed. Never waits; what there is no room for is forgotten.
  virtual void remember(std::vector<KeyHint> hints) = 0;
};

}  // namespace admitone::ports
