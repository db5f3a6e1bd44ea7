#pragma once
// What the read verbs share: the views of the database as printable rows, and an early end with a
// line for the operator. Used by: app/verbs. Threads: the main thread. Errors: VerbError.

#include <string>
#include <vector>

#include "app/verb.hpp"
#include "base/result.hpp"
#include "kafka/reader.hpp"
#include "kafka/settings.hpp"
#include "postgres/views.hpp"

namespace admitone::app {

// Connects with database.reader_url.
postgres::Views open_views(Context& context);
// For a client named after the verb. Library log lines go to stderr, warnings only unless log.level
// was set.
kafka::ClientSettings kafka_for(Context& context, const std::string& purpose);

// Where the topic's partitions begin and end; a topic that is not there is told with the way out.
kafka::Extent extent_of(const kafka::Reader& reader, const std::string& topic,
                        kafka::Milliseconds limit);

Json to_json(const postgres::Cell& cell);
Rows to_rows(const postgres::CellTable& table);
// One row as a document, in the order of its columns.
Json to_document(const postgres::CellTable& table, std::size_t row);
// The cell of a column by name; null when there is no such column.
Json cell(const postgres::CellTable& table, std::size_t row, const std::string& column);

// The value, or VerbError(kFailed) with its reason.
template <class T>
T must(base::Result<T> result) {
  if (!result) throw VerbError(kFailed, result.error().message);
  return std::move(result.value());
}
inline void must(const base::Status& status) {
  if (!status) throw VerbError(kFailed, status.error().message);
}

// "ann (1000) on desk-3": the name is what the environment says, the number is the system's.
std::string who_asks(const Environment& environment);

postgres::CellTable ask(postgres::Views& views, const postgres::ViewQuery& query);

}  // namespace admitone::app
