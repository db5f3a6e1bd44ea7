#pragma once
// What may be done only to a schema that was made to be thrown away. Used by: the verbs `demo`
// and `bench`, tests.
// Threads: any. Blocking: as Connection. Errors: permanent for a name that is not a throw-away's.
// Durable: what was asked for, when it returns.

#include <string>

#include "base/result.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

// With the owner's URL. Only names that begin with "demo_", "bench_" or "test_".
base::Status drop_schema(const ConnectionSettings& settings);
// The same: its tables as they are now are no longer guarded, to measure what the guard costs.
base::Status lift_row_security(const ConnectionSettings& settings);

// For the room's own functions of this sort: throws Refused for any other name.
void must_be_scratch(const std::string& schema);

}  // namespace admitone::postgres
