#include "app/operate/inspect_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <tuple>
#include <utility>

#include "app/operate/means.hpp"
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

// An outcome is in the log up to a second before the lane's watermark says so: from the views alone
// nobody can tell whether it is there already.
const char* publication(bool in_watermark) {
  return in_watermark ? "published" : "not yet in the watermark of what is published";
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

namespace {

std::int64_t integer_at(const postgres::CellTable& table, std::size_t row, const char* column) {
  const Json value = cell(table, row, column);
  return value.is_number() ? value.get<std::int64_t>() : 0;
}

// By time, then each record with what it got.
struct Entry {
  std::string time;
  std::int64_t record = 0;  // offset of the record it belongs to
  std::int64_t seq = 0;     // 0: the record itself
  Moment moment;
  bool operator<(const Entry& other) const {
    return std::tie(time, record, seq) < std::tie(other.time, other.record, other.seq);
  }
};

Entry entry_of_record(const postgres::CellTable& records, std::size_t row) {
  const std::string verdict = at(records, row, "verdict");
  std::string detail = meaning(verdict);
  const std::string origin = at(records, row, "origin");
  if (!origin.empty()) detail += ", came from " + origin;
  const std::string time = at(records, row, "decided_at");
  return {time,
          integer_at(records, row, "offset"),
          0,
          {time, "record " + verdict, position(records, row), detail}};
}

// The record that an outcome answers, by the origin it names; a forwarded one was answered at home.
std::optional<std::size_t> answered_by(const postgres::CellTable& records,
                                       const std::string& origin) {
  for (std::size_t i = 0; i < records.rows.size(); ++i) {
    if (at(records, i, "verdict") == "forwarded") continue;
    const std::string own = at(records, i, "origin");
    if ((own.empty() ? position(records, i) : own) == origin) return i;
  }
  return std::nullopt;
}

Entry entry_of_outcome(const postgres::CellTable& records, const postgres::CellTable& outcomes,
                       std::size_t row) {
  const bool replayed = cell(outcomes, row, "replayed") == Json(true);
  const bool published = cell(outcomes, row, "published") == Json(true);
  const std::string origin = at(outcomes, row, "origin");
  Entry entry;
  entry.time = at(outcomes, row, "created_at");
  entry.seq = integer_at(outcomes, row, "seq");
  entry.record = std::numeric_limits<std::int64_t>::max();
  if (const auto record = answered_by(records, origin)) {
    entry.record = integer_at(records, *record, "offset");
    // An outcome given again keeps the time of the first.
    if (replayed) entry.time = at(records, *record, "decided_at");
  }
  entry.moment = {entry.time, "outcome " + at(outcomes, row, "code"),
                  fmt::format("lane {} seq {}", at(outcomes, row, "lane"), entry.seq),
                  fmt::format("{}{}, {}, answers {}", at(outcomes, row, "type"),
                              replayed ? ", given again" : "", publication(published), origin)};
  return entry;
}

}  // namespace

std::vector<Moment> tell(const postgres::CellTable& records, const postgres::CellTable& outcomes) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < records.rows.size(); ++i) {
    entries.push_back(entry_of_record(records, i));
  }
  for (std::size_t i = 0; i < outcomes.rows.size(); ++i) {
    entries.push_back(entry_of_outcome(records, outcomes, i));
  }
  std::stable_sort(entries.begin(), entries.end());
  std::vector<Moment> moments;
  moments.reserve(entries.size());
  for (auto& entry : entries) moments.push_back(std::move(entry.moment));
  return moments;
}

std::vector<Moment> tell_steps(const postgres::CellTable& steps, const std::string& saga) {
  std::vector<Moment> moments;
  for (std::size_t i = 0; i < steps.rows.size(); ++i) {
    const std::string step = at(steps, i, "step");
    const std::string begun = at(steps, i, "started_at");
    const std::string ended = at(steps, i, "ended_at");
    if (!begun.empty()) moments.push_back({begun, "step " + step + " begun", "saga " + saga, ""});
    if (ended.empty()) continue;
    std::string detail = fmt::format("{} attempts", integer_at(steps, i, "attempts"));
    if (const auto undone = integer_at(steps, i, "undo_attempts"); undone > 0)
      detail += fmt::format(", {} to undo it", undone);
    if (const auto error = at(steps, i, "last_error"); !error.empty()) detail += ": " + error;
    moments.push_back(
        {ended, "step " + step + " " + at(steps, i, "status"), "saga " + saga, detail});
  }
  return together(std::move(moments), {});
}

std::vector<Moment> together(std::vector<Moment> first, const std::vector<Moment>& second) {
  first.insert(first.end(), second.begin(), second.end());
  std::stable_sort(first.begin(), first.end(),
                   [](const Moment& a, const Moment& b) { return a.time < b.time; });
  return first;
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

void Screen::add(Part part) {
  const auto own = [this](const Part& one) { return one.answer == answer_; };
  const bool is_told = std::ranges::any_of(
      parts_, [&](const Part& one) { return own(one) && one.name == part.name; });
  if (is_told) another();
  part.answer = answer_;
  parts_.push_back(std::move(part));
}

void Screen::another() {
  if (!parts_.empty()) answer_ = parts_.back().answer + 1;
}

void Screen::document(std::string name, Json members) {
  add({.name = std::move(name), .content = std::move(members)});
}

void Screen::table(std::string name, const postgres::CellTable& rows) {
  if (rows.rows.empty()) return;
  Json all = Json::array();
  for (std::size_t i = 0; i < rows.rows.size(); ++i) all.push_back(to_document(rows, i));
  add({.name = std::move(name), .content = std::move(all)});
}

void Screen::details(std::string name, const postgres::CellTable& rows) {
  const std::size_t before = parts_.size();
  table(std::move(name), rows);
  if (parts_.size() > before) parts_.back().on_screen = false;
}

void Screen::keys(const postgres::CellTable& rows) {
  if (rows.rows.size() != 1) return table("keys", rows);
  document("key", to_document(rows, 0));
  details("keys", rows);
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
  add({.name = "timeline", .content = std::move(all)});
}

Json Screen::json() const {
  std::map<int, Json> answers;
  for (const auto& part : parts_) {
    std::string member = part.name;
    std::replace(member.begin(), member.end(), ' ', '_');
    answers[part.answer][member] = part.content;
  }
  Json all = Json::object();
  for (auto& [number, answer] : answers) {
    if (all.empty()) {
      all = std::move(answer);
    } else {
      all["also"].push_back(std::move(answer));
    }
  }
  return all;
}

void Screen::print(std::ostream& out, OutputFormat format) const {
  if (format != OutputFormat::table) return print_document(out, format, json());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    if (!part.on_screen) continue;
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
