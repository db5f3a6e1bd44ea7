#pragma once
// What is kept in Redis, byte for byte. Every key is "PREFIX:TENANT:kind:name": a tenant's text has
// one length, so no two tenants ever meet in one key, and "PREFIX:TENANT:*" is all of one tenant.
// Used by: the client. Room-internal. Threads: pure, any. Errors: an entry that is not ours is
// none.

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "ports/ledger_key.hpp"

namespace admitone::redis {

// "PREFIX:TENANT:key:HASH"
std::string hint_name(const std::string& prefix, const ports::LedgerKey& key);
// 37 bytes: the form's number (1), the payload's fingerprint, the part (big-endian).
std::string hint_value(const ports::KeyHint& hint);
// Nullopt: these bytes are no such value.
std::optional<ports::KeyHint> read_hint(const ports::LedgerKey& key, std::string_view value);

// Of all that is kept of a tenant, for SCAN. (A prefix has nothing in it that is a pattern.)
std::string tenant_pattern(const std::string& prefix, const base::TenantId& tenant);

// "PREFIX:TENANT:venue:ID"
std::string venue_name(const std::string& prefix, const base::TenantId& tenant,
                       const std::string& venue_id);
// 49 bytes: the form's number (1), the capacity, the end in milliseconds (both big-endian), and a
// signature over them and the name.
std::string venue_value(const std::string& secret, const std::string& name, std::int64_t capacity,
                        base::Timestamp until);
// The capacity. Nullopt: it was not signed with that secret for that name, or is over, or would
// live for longer than any entry does.
std::optional<std::int64_t> read_venue(const std::string& secret, const std::string& name,
                                       std::string_view value, base::Timestamp now,
                                       base::Duration lifetime);

}  // namespace admitone::redis
