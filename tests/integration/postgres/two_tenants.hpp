#pragma once
// Two tenants with a row each in every table that belongs to a tenant, for tests of isolation.

#include "integration/postgres/test_database.hpp"

namespace admitone::postgres::testing {

// tenant(1) and tenant(2), all in lane 0.
void fill_for_two_tenants(TestDatabase& db);

}  // namespace admitone::postgres::testing
