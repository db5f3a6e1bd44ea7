#pragma once
// What the outside worlds of `demo` and `bench` have in common: the wallet, what a worker has to be
// told, and how a venue service and a chain that stand in for the real ones are held against the
// database. Used by: demo_outside, bench_outside. Threads: pure functions, any; `write_wallet`
// blocks for a small file. Errors: VerbError.

#include <map>
#include <string>

#include "app/output.hpp"

namespace admitone::app {

// Whose account pays, on a chain that lasts as long as the play. Its key is one that everybody
// knows: the first one of RFC 8032, section 7.1.
inline constexpr const char* kOutsideAddress = "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z";
inline constexpr const char* kOutsideMemoProgram = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";

// A folder of its own under the system's for temporary files.
std::string make_outside_folder();
// Into the folder; its path.
std::string write_wallet(const std::string& folder);

// What a worker has to be told, as environment variables.
std::map<std::string, std::string> outside_variables(const std::string& venue_url,
                                                     const std::string& chain_url,
                                                     const std::string& wallet_file);

// What is outside for an event.
struct OutsideTraces {
  int held = 0;      // holds that stand
  int released = 0;  // that stood
  int created = 0;   // records of the creation on the chain
  int cancelled = 0;
  int on_chain = 0;  // transactions about it that are in a block, with or without an effect
};
// By event id, from what the two simulators answer to GET /control/records.
std::map<std::string, OutsideTraces> traces_of(const Json& venue_records,
                                               const Json& chain_records);
// Does an event with this status in the database have outside what it must have, once and no more?
bool traces_fit(const std::string& status, const OutsideTraces& seen);

}  // namespace admitone::app
