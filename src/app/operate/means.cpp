#include "app/operate/means.hpp"

#include <algorithm>

#include "base/ids.hpp"

namespace admitone::app {

postgres::ViewSettings view_settings(const Settings& settings) {
  postgres::ViewSettings reader;
  reader.url = settings.database.reader_url;
  if (const auto file = settings.secret_files.find("database.reader_url");
      file != settings.secret_files.end()) {
    reader.url_file = file->second;
  }
  reader.schema = settings.database.schema;
  reader.connect_timeout = settings.database.connect_timeout;
  return reader;
}

postgres::Views open_views(const Means& means) {
  return must(postgres::Views::open(means.views));
}

kafka::Extent extent_of(const kafka::Reader& reader, const std::string& topic,
                        kafka::Milliseconds limit) {
  auto extent = reader.extent(topic, limit);
  if (extent) return std::move(extent.value());
  if (extent.error().kind != base::ErrorKind::permanent) give_up(extent.error());
  throw VerbError(kFailed,
                  extent.error().message + "; `admitone topics create` makes what is missing");
}

Json to_json(const postgres::Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return *number;
  if (const auto* flag = std::get_if<bool>(&cell)) return *flag;
  if (const auto* words = std::get_if<std::string>(&cell)) return *words;
  if (const auto* document = std::get_if<postgres::JsonText>(&cell)) {
    return Json::parse(document->text);
  }
  return nullptr;
}

Rows to_rows(const postgres::CellTable& table) {
  Rows rows(table.columns);
  for (const auto& row : table.rows) {
    std::vector<Json> cells;
    cells.reserve(row.size());
    for (const auto& value : row) cells.push_back(to_json(value));
    rows.add(std::move(cells));
  }
  return rows;
}

Json to_document(const postgres::CellTable& table, std::size_t row) {
  Json document = Json::object();
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    document[table.columns[i]] = to_json(table.rows.at(row).at(i));
  }
  return document;
}

Json cell(const postgres::CellTable& table, std::size_t row, const std::string& column) {
  const auto found = std::find(table.columns.begin(), table.columns.end(), column);
  if (found == table.columns.end()) return nullptr;
  return to_json(table.rows.at(row).at(static_cast<std::size_t>(found - table.columns.begin())));
}

postgres::CellTable ask(postgres::Views& views, const postgres::ViewQuery& query) {
  return must(views.query(query));
}

std::string text_at(const postgres::CellTable& table, const char* column) {
  const Json value = cell(table, 0, column);
  return value.is_null() ? std::string{} : cell_text(value);
}

Json to_list(const postgres::CellTable& table) {
  Json all = Json::array();
  for (std::size_t i = 0; i < table.rows.size(); ++i) all.push_back(to_document(table, i));
  return all;
}

void give_up(const base::Error& error) {
  if (error.kind == base::ErrorKind::cancelled) throw VerbError(kInterrupted, error.message);
  if (error.kind == base::ErrorKind::permanent) throw VerbError(kFailed, error.message);
  throw Unavailable(error.message);
}

std::string named(const Means& means, std::string name) {
  if (means.words == Words::flags) return "--" + name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void check_reason(const Means& means, const std::string& reason) {
  if (reason.empty() || reason.size() > 2'000) {
    throw VerbError(kUsage, named(means, "reason") + " wants a text of up to 2000 bytes");
  }
}

std::optional<std::string> tenant_or_none(const Means& means, const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (!base::Uuid::parse(text)) {
    throw VerbError(kUsage,
                    named(means, "tenant") + " wants a lower-case UUID, not '" + text + "'");
  }
  return text;
}

}  // namespace admitone::app
