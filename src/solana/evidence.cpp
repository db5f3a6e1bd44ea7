#include "solana/evidence.hpp"

#include <algorithm>

namespace admitone::solana {
namespace {

using ports::ChainStatus;

Finding answer(ChainStatus status, std::string signature = {}, std::string detail = {}) {
  return {Question::none, 0, {status, std::move(signature), std::move(detail)}};
}

Finding pending(std::string detail) {
  return answer(ChainStatus::pending, {}, std::move(detail));
}

bool deep_enough(const Sighting& sighting, Commitment wanted) {
  // A failure is told as one only when no fork can undo it: what follows is giving up.
  const auto needed = wanted == Commitment::confirmed && sighting.error.empty() ? Depth::confirmed
                                                                                : Depth::finalized;
  return sighting.depth >= needed;
}

// What the searches alone decide: one that landed is the answer, whatever the others did, because
// the guard lets no second one have an effect; and one that is not deep yet is waited for.
std::optional<Finding> from_sightings(const Evidence& evidence, Commitment wanted) {
  bool shallow = false;
  for (std::size_t i = 0; i < evidence.sightings.size(); ++i) {
    const auto& sighting = evidence.sightings[i];
    if (!sighting.found) continue;
    if (!deep_enough(sighting, wanted))
      shallow = true;
    else if (sighting.error.empty())
      return answer(ChainStatus::landed, evidence.transactions[i].signature);
  }
  if (shallow) {
    auto finding = pending("landed, and not deep enough yet");
    finding.state.has_landed = true;
    return finding;
  }
  return {};
}

// Those that were not found can never land; or what is missing to say so.
std::optional<Finding> missing_for_expiry(const Evidence& evidence) {
  std::optional<std::int64_t> last_valid;
  for (std::size_t i = 0; i < evidence.sightings.size(); ++i)
    if (!evidence.sightings[i].found)
      last_valid =
          std::max(last_valid.value_or(0), evidence.transactions[i].last_valid_block_height);
  if (!last_valid) return {};
  if (!evidence.height) return Finding{Question::height};
  if (evidence.height->height <= *last_valid) return pending("not found, and may still land");
  if (!evidence.searched_after_height) return Finding{Question::sightings, evidence.height->slot};
  if (evidence.sightings_slot < evidence.height->slot)
    return pending("the search was answered by a node that lags");
  return {};
}

// The guard as it was before any of the failures would explain nothing: one may have failed just
// because another had made the account.
std::int64_t guard_slot(const Evidence& evidence) {
  std::int64_t slot = 0;
  bool all_found = true;
  for (const auto& sighting : evidence.sightings) {
    all_found = all_found && sighting.found;
    if (sighting.found) slot = std::max(slot, sighting.slot);
  }
  return all_found ? slot : std::max(slot, evidence.height->slot);
}

}  // namespace

// With several transactions, all over the same guard, each is one of: landed (L), landed but not
// deep (l), failed for good (F), failed but not deep (f), not found and may still land (o), not
// found and never will (x).
//   any L             landed: the others fail, or have failed, because the account is there
//   else any l, f     pending: it, or what a fork makes of it, decides
//   else any o        pending, even beside F: an F only says that its own copy had no effect
//   only F and x      the guard decides. Made: a copy landed that we do not see as landed, because
//                     the journal lost its signature or the node its history: `taken`, also when
//                     an F says "already in use", for that is what a copy that came too late says.
//                     Not made: nothing of ours had an effect nor will have. With an F there is a
//                     reason, which would come again: `failed`. All x: `dead`.
Finding consider(const Evidence& evidence, Commitment wanted) {
  if (evidence.transactions.empty())
    return answer(ChainStatus::dead, {}, "nothing was ever prepared");
  if (auto finding = from_sightings(evidence, wanted)) return *finding;
  if (auto finding = missing_for_expiry(evidence)) return *finding;
  const auto slot = guard_slot(evidence);
  if (!evidence.guard) return {Question::guard, slot};
  if (evidence.guard->slot < slot) return pending("the guard was answered by a node that lags");
  if (evidence.guard->guard == Guard::made) return answer(ChainStatus::taken);
  for (std::size_t i = evidence.sightings.size(); i-- > 0;) {
    const auto& sighting = evidence.sightings[i];
    if (!sighting.found) continue;
    const bool funded = evidence.guard->guard == Guard::funded;
    return answer(ChainStatus::failed, evidence.transactions[i].signature,
                  funded ? sighting.error + " (somebody has sent lamports to the record's address)"
                         : sighting.error);
  }
  return answer(ChainStatus::dead);
}

}  // namespace admitone::solana
