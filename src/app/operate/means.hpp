#pragma once
// What operations work with (what verbs of the command line and the HTTP API both do), and what
// they share: the views of the database as rows and documents, and an early end with a line for a
// person.
// Used by: operate/, app/verbs, app/api. Lifetime: one verb, or one request. Threads: one at a
// time. Errors: VerbError; Unavailable where the world may answer later.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/output.hpp"
#include "app/settings.hpp"
#include "app/verb_error.hpp"
#include "base/result.hpp"
#include "kafka/reader.hpp"
#include "kafka/settings.hpp"
#include "postgres/views.hpp"

namespace admitone::app {

// Of a request that carries an idempotency key (ports/admin_answers.hpp): what it begins is noted
// in the transaction of its audit row, and taken up where an earlier run of it ended.
struct KeyedRequest {
  std::string id;               // of the row that keeps its answer
  std::string run;              // the number of this run of it
  std::optional<Json> begun{};  // what the earlier run has noted
};

// How what was given is called in texts: "--older-than", or "older_than".
enum class Words { flags, members };

struct Means {
  const Settings& settings;
  postgres::ViewSettings views{};
  // Settings of a client named after its purpose.
  std::function<kafka::ClientSettings(const std::string& purpose)> kafka{};
  std::string who{};  // is said in audit rows to have done it
  // True: end at the next place where nothing is half done.
  std::function<bool()> interrupted = [] { return false; };
  std::optional<KeyedRequest> request{};
  Words words = Words::flags;
};

// "older-than" as the caller knows it.
std::string named(const Means& means, std::string name);

// With database.reader_url.
postgres::ViewSettings view_settings(const Settings& settings);
postgres::Views open_views(const Means& means);

// Where the topic's partitions begin and end; a topic that is not there is told with the way out.
kafka::Extent extent_of(const kafka::Reader& reader, const std::string& topic,
                        kafka::Milliseconds limit);

Json to_json(const postgres::Cell& cell);
Rows to_rows(const postgres::CellTable& table);
// One row as a document, in the order of its columns.
Json to_document(const postgres::CellTable& table, std::size_t row);
// The cell of a column by name; null when there is no such column.
Json cell(const postgres::CellTable& table, std::size_t row, const std::string& column);

// Text of the first row; empty where it has none.
std::string text_at(const postgres::CellTable& table, const char* column);
// All rows, as an array of documents.
Json to_list(const postgres::CellTable& table);

// VerbError(kFailed) with its reason, Unavailable where a later call may do better; kInterrupted
// where whoever waited was told to end.
[[noreturn]] void give_up(const base::Error& error);
template <class T>
T must(base::Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(result.value());
}
inline void must(const base::Status& status) {
  if (!status) give_up(status.error());
}

postgres::CellTable ask(postgres::Views& views, const postgres::ViewQuery& query);

// VerbError(kUsage) unless it is a text of up to 2000 bytes, for an audit row.
void check_reason(const Means& means, const std::string& reason);
// Nullopt for an empty text; VerbError(kUsage) for what is no lower-case UUID.
std::optional<std::string> tenant_or_none(const Means& means, const std::string& text);

}  // namespace admitone::app
