#include "solana/registry.hpp"

#include <fmt/format.h>

#include "solana/anchor_registry.hpp"
#include "solana/memo_registry.hpp"

namespace admitone::solana {

base::Result<std::unique_ptr<Registry>> make_registry(const Settings& settings) {
  return settings.registry == RegistryKind::memo ? make_memo_registry(settings)
                                                 : make_anchor_registry(settings);
}

base::Status check_record(const ports::ChainRecord& record) {
  constexpr std::int64_t kAllBasisPoints = 10'000;
  const auto refused = [](std::string why) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied, std::move(why)};
  };
  if (record.tenant.is_nil() || record.event.is_nil() || record.venue_id.empty())
    return refused("a record on the chain names its tenant, its venue and its event");
  if (!record.royalties) return {};
  const auto artist = record.royalties->artist_bps;
  const auto venue = record.royalties->venue_bps;
  const auto fits = [](std::int64_t bps) { return bps >= 0 && bps <= kAllBasisPoints; };
  if (!fits(artist) || !fits(venue) || artist + venue > kAllBasisPoints)
    return refused(fmt::format("royalties of {} and {} basis points are not within {} together",
                               artist, venue, kAllBasisPoints));
  return {};
}

}  // namespace admitone::solana
