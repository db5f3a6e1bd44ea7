#pragma once
// What is to be believed about the transactions that were ever prepared for one record, from what
// the chain was seen to say. Pure: the client asks what it is told to ask, and comes again.
//
// "Dead" is believed on four things together (law L14):
//   1. at slot S the *finalized* block height was beyond the last valid height of every transaction
//      that was not found: none of them can be included any more;
//   2. *afterwards* a search of the whole history, on a node that has seen slot S, found none;
//   3. the guard account is absent at `finalized`, at a slot that is not before S;
//   4. this for every transaction ever made.
// A node that lags can answer 2 and 3 with "no" about a past in which all was still open, so both
// answers carry their slot. The slot of 2 is that of the newest block the node has seen, which need
// not be final; that of 3 is final, and every transaction here either makes the guard or has no
// effect. So 3 alone would prove that none of them had an effect; 2 says what happened to them.
// Threads: pure functions, any.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ports/chain.hpp"
#include "solana/settings.hpp"

namespace admitone::solana {

enum class Depth { processed, confirmed, finalized };

// One transaction in a search of the history.
struct Sighting {
  bool found = false;
  Depth depth = Depth::processed;
  std::int64_t slot = 0;
  std::string error;  // empty: it landed without one; else bounded and in printable ASCII
};

struct FinalizedHeight {
  std::int64_t height = 0;
  std::int64_t slot = 0;
};

// The guard account at `finalized`. One that belongs to the system program was never made by a
// registry: somebody has sent lamports to the address.
enum class Guard { absent, funded, made };
struct GuardSeen {
  Guard guard = Guard::absent;
  std::int64_t slot = 0;
};

struct Evidence {
  std::vector<ports::SignedTransaction> transactions;
  std::vector<Sighting> sightings;  // one for each transaction
  std::int64_t sightings_slot = 0;
  std::optional<FinalizedHeight> height = {};
  bool searched_after_height = false;
  std::optional<GuardSeen> guard = {};  // of all their addresses: made if one is, the lowest slot
};

enum class Question { none, height, sightings, guard };

struct Finding {
  Question ask = Question::none;
  std::int64_t min_slot = 0;     // sightings, guard: an answer from before it does not count
  ports::ChainState state = {};  // when there is nothing to ask
};

Finding consider(const Evidence& evidence, Commitment wanted);

}  // namespace admitone::solana
