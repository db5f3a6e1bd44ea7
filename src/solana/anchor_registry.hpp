#pragma once
// The registry that calls a deployed Anchor program, by its IDL: `create_event` makes the account
// `event`, `cancel_event` the account `cancellation`; both are derived from at least the tenant,
// the venue and the event, so two tenants never meet. What an argument says is found by its name:
//   tenant, event         [u8; 16], or a string: the UUID
//   venue                 [u8; 32]: SHA-256 of its id, which may be too long for a seed
//   venue_id              a string
//   event_hash            [u8; 32], or a string: hexadecimal
//   royalties             Option of a struct with some of
//   artist_bps, venue_bps             integers
//   artist_wallet, venue_wallet       public keys, or strings
// Accounts: a signer is the wallet, others have an `address` or `pda` seeds.
// Threads: any. Blocking: the maker reads a file. Errors: permanent; all that the IDL asks for and
// we
//   cannot give is found by the maker, not by the first record.

#include <memory>
#include <string_view>

#include "solana/registry.hpp"

namespace admitone::solana {

base::Result<std::unique_ptr<Registry>> make_anchor_registry(const Settings& settings);
// The same, from the IDL's text.
base::Result<std::unique_ptr<Registry>> anchor_registry_of(std::string_view idl,
                                                           const Settings& settings);

}  // namespace admitone::solana
