#pragma once
// What is kept in Redis, byte for byte. Every key is "PREFIX:TENANT:kind:name": a tenant's text has
// one length, so no two tenants ever meet in one key, and "PREFIX:TENANT:*" is all of one tenant.
// Used by: the client. Room-internal. Threads: pure, any. Errors: an entry that is not ours is
// none.

#include <optional>
#include <string>
#include <string_view>

#include "ports/ledger_key.hpp"

namespace admitone::redis {

// "PREFIX:TENANT:key:HASH"
std::string hint_name(const std::string& prefix, const ports::LedgerKey& key);
// 37 bytes: the form's number (1), the payload's fingerprint, the part (big-endian).
std::string hint_value(const ports::KeyHint& hint);
// Nullopt: these bytes are no such value.
std::optional<ports::KeyHint> read_hint(const ports::LedgerKey& key, std::string_view value);

}  // namespace admitone::redis
