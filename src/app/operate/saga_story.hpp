#pragma once
// What the views tell of a saga, for a screen. Used by: operate/sagas, operate/inspect. Threads:
// any, one at a time for its views. Errors: VerbError.

#include "app/operate/inspect_core.hpp"
#include "postgres/views.hpp"

namespace admitone::app {

// Of each row of queries::saga: where it stands, its journal, its transactions.
void tell_sagas(Screen& screen, postgres::Views& views, const postgres::CellTable& sagas);

}  // namespace admitone::app
