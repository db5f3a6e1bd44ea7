#include "app/verbs/look.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "app/logging.hpp"
#include "app/wiring.hpp"

namespace admitone::app {

postgres::Views open_views(Context& context) {
  const Settings& settings = context.settings({"database.reader_url"});
  postgres::ViewSettings reader;
  reader.url = settings.database.reader_url;
  reader.schema = settings.database.schema;
  reader.connect_timeout = settings.database.connect_timeout;
  return must(postgres::Views::open(reader));
}

kafka::ClientSettings kafka_for(Context& context, const std::string& purpose) {
  const Loaded& loaded = context.loaded();
  Settings::Log log = loaded.settings.log;
  const auto origin = loaded.origins.find("log.level");
  if (origin == loaded.origins.end() || origin->second == "default") log.level = LogLevel::warn;
  set_up_logging(log, isatty(STDERR_FILENO) != 0, LogPath::direct);
  return must(kafka_client(loaded.settings, purpose));
}

kafka::Extent extent_of(const kafka::Reader& reader, const std::string& topic,
                        kafka::Milliseconds limit) {
  auto extent = reader.extent(topic, limit);
  if (extent) return std::move(extent.value());
  const bool permanent = extent.error().kind == base::ErrorKind::permanent;
  throw VerbError(kFailed,
                  extent.error().message +
                      (permanent ? "; `admitone topics create` makes what is missing" : ""));
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

std::string who_asks(const Environment& environment) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const auto user = environment.find("USER");
  return fmt::format("{} ({}) on {}", user == environment.end() ? "user" : user->second, geteuid(),
                     host.data());
}

postgres::CellTable ask(postgres::Views& views, const postgres::ViewQuery& query) {
  return must(views.query(query));
}

}  // namespace admitone::app
