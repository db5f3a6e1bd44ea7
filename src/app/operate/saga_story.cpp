#include "app/operate/saga_story.hpp"

#include "app/operate/means.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {

namespace queries = postgres::queries;

void tell_sagas(Screen& screen, postgres::Views& views, const postgres::CellTable& sagas) {
  for (std::size_t i = 0; i < sagas.rows.size(); ++i) {
    const std::string id = cell_text(cell(sagas, i, "saga_id"));
    screen.document("saga", to_document(sagas, i));
    screen.table("steps", ask(views, queries::saga_steps(id)));
    screen.table("transactions", ask(views, queries::saga_transactions(id)));
  }
}

}  // namespace admitone::app
