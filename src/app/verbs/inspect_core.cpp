#include "app/verbs/inspect_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <ostream>
#include <tuple>
#include <utility>

#include "app/verbs/look.hpp"
#include "base/ids.hpp"

namespace admitone::app {

namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::string at(const postgres::CellTable& table, std::size_t row, const std::string& column) {
  const Json value = cell(table, row, column);
  return value.is_null() ? std::string{} : cell_text(value);
}

std::string position(const postgres::CellTable& table, std::size_t row) {
  return at(table, row, "topic") + "/" + at(table, row, "partition") + "/" +
         at(table, row, "offset");
}

// What a verdict means to somebody who asks what happened.
std::string meaning(const std::string& verdict) {
  if (verdict == "applied") return "executed";
  if (verdict == "duplicate") return "a repeat: the first answer was given again";
  if (verdict == "mismatch") return "its key was used before with other content: refused";
  if (verdict == "invalid") return "breaks the contract: refused";
  if (verdict == "expired") return "came after its expiry: refused";
  if (verdict == "parked") return "waits for what its event is going through";
  if (verdict == "forwarded") return "sent on to its event's own partition";
  if (verdict == "dead") return "could not be processed: dead-lettered";
  return verdict;
}

std::string upper(std::string text) {
  for (char& c : text) {
    c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return text;
}

}  // namespace

ParsedId parse_id(std::string_view id) {
  ParsedId parsed;
  parsed.text = std::string(id);
  if (base::Uuid::parse(id)) {
    parsed.kind = IdKind::uuid;
    return parsed;
  }
  const auto last = id.rfind('/');
  if (last == std::string_view::npos || last == 0) return parsed;
  const auto before = id.rfind('/', last - 1);
  if (before == std::string_view::npos || before == 0) return parsed;
  const auto partition = number(id.substr(before + 1, last - before - 1));
  const auto offset = number(id.substr(last + 1));
  if (!partition || !offset) return parsed;
  parsed.kind = IdKind::position;
  parsed.topic = std::string(id.substr(0, before));
  parsed.partition = *partition;
  parsed.offset = *offset;
  return parsed;
}

std::vector<Moment> tell(const postgres::CellTable& records, const postgres::CellTable& outcomes) {
  // Decided and answered at the same instant: the record comes first.
  using Entry = std::tuple<std::string, int, std::int64_t, Moment>;
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < records.rows.size(); ++i) {
    const std::string verdict = at(records, i, "verdict");
    std::string detail = meaning(verdict);
    const std::string origin = at(records, i, "origin");
    if (!origin.empty()) detail += ", came from " + origin;
    const std::string time = at(records, i, "decided_at");
    const Json offset = cell(records, i, "offset");
    entries.emplace_back(time, 0, offset.is_number() ? offset.get<std::int64_t>() : 0,
                         Moment{time, "record " + verdict, position(records, i), detail});
  }
  for (std::size_t i = 0; i < outcomes.rows.size(); ++i) {
    const bool replayed = cell(outcomes, i, "replayed") == Json(true);
    const bool published = cell(outcomes, i, "published") == Json(true);
    const std::string time = at(outcomes, i, "created_at");
    const Json seq = cell(outcomes, i, "seq");
    // What it answers says when: a repeated outcome keeps the time of the first.
    const std::string detail = fmt::format(
        "{}{}, {}, answers {}", at(outcomes, i, "type"), replayed ? ", given again" : "",
        published ? "published" : "not yet published", at(outcomes, i, "origin"));
    std::string when = time;
    for (std::size_t r = 0; replayed && r < records.rows.size(); ++r) {
      const std::string origin = at(records, r, "origin");
      if ((origin.empty() ? position(records, r) : origin) != at(outcomes, i, "origin")) continue;
      if (at(records, r, "verdict") != "forwarded") when = at(records, r, "decided_at");
    }
    entries.emplace_back(
        when, 1, seq.is_number() ? seq.get<std::int64_t>() : 0,
        Moment{when, "outcome " + at(outcomes, i, "code"),
               fmt::format("lane {} seq {}", at(outcomes, i, "lane"), at(outcomes, i, "seq")),
               detail});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(std::get<0>(a), std::get<1>(a), std::get<2>(a)) <
           std::tie(std::get<0>(b), std::get<1>(b), std::get<2>(b));
  });
  std::vector<Moment> moments;
  for (auto& entry : entries) moments.push_back(std::move(std::get<3>(entry)));
  return moments;
}

void merge(postgres::CellTable& rows, const postgres::CellTable& more,
           const std::vector<std::string>& identity) {
  if (rows.columns.empty()) rows.columns = more.columns;
  const auto identify = [&identity](const postgres::CellTable& table, std::size_t row) {
    std::string id;
    for (const auto& column : identity) id += at(table, row, column) + "\n";
    return id;
  };
  std::vector<std::string> known;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) known.push_back(identify(rows, i));
  for (std::size_t i = 0; i < more.rows.size(); ++i) {
    std::string id = identify(more, i);
    if (std::find(known.begin(), known.end(), id) != known.end()) continue;
    known.push_back(std::move(id));
    rows.rows.push_back(more.rows[i]);
  }
}

void Screen::document(std::string name, Json members) {
  parts_.push_back({std::move(name), std::move(members)});
}

void Screen::table(std::string name, const postgres::CellTable& rows) {
  if (rows.rows.empty()) return;
  Json all = Json::array();
  for (std::size_t i = 0; i < rows.rows.size(); ++i) all.push_back(to_document(rows, i));
  parts_.push_back({std::move(name), std::move(all)});
}

void Screen::timeline(const std::vector<Moment>& moments) {
  if (moments.empty()) return;
  Json all = Json::array();
  for (const auto& moment : moments) {
    all.push_back({{"time", moment.time},
                   {"what", moment.what},
                   {"where", moment.where},
                   {"detail", moment.detail}});
  }
  parts_.push_back({"timeline", std::move(all)});
}

void Screen::print(std::ostream& out, OutputFormat format) const {
  if (format != OutputFormat::table) {
    Json all = Json::object();
    for (const auto& part : parts_) all[part.name] = part.content;
    print_document(out, format, all);
    return;
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    out << (i == 0 ? "" : "\n") << upper(part.name) << '\n';
    if (part.content.is_object()) {
      Json shown = Json::object();
      for (const auto& [name, value] : part.content.items()) {
        if (!value.is_null()) shown[name] = value;
      }
      print_document(out, format, shown);
      continue;
    }
    std::vector<std::string> columns;
    for (const auto& [name, value] : part.content.front().items()) columns.push_back(name);
    Rows rows(columns);
    for (const auto& row : part.content) {
      std::vector<Json> cells;
      for (const auto& [name, value] : row.items()) cells.push_back(value);
      rows.add(std::move(cells));
    }
    rows.print(out, format);
  }
}

}  // namespace admitone::app
