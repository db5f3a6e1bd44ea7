#include "app/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <ostream>

#include "base/assert.hpp"

namespace admitone::app {
namespace {

// Columns, not bytes: continuation bytes of UTF-8 take no place.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// As a terminal can stand it: much of what is shown was written by somebody else.
std::string without_controls(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F, which some terminals obey as well.
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (byte == 0xC2U && next >= 0x80U && next < 0xA0U) {
      out += fmt::format("\\x{:02x}", next);
      ++i;
    } else if (byte < 0x20U || byte == 0x7FU) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string pad(const std::string& text, std::size_t to, bool right) {
  const std::string space(to - std::min(to, width(text)), ' ');
  return right ? space + text : text + space;
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                    const std::vector<bool>& right) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += (i == 0 ? "" : "  ") + pad(cells[i], widths[i], right[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

void print_members(std::ostream& out, const Json& document, const std::string& prefix) {
  std::size_t widest = 0;
  for (const auto& [name, value] : document.items()) widest = std::max(widest, name.size());
  for (const auto& [name, value] : document.items()) {
    if (value.is_object() && !value.empty()) {
      out << prefix << name << '\n';
      print_members(out, value, prefix + "  ");
    } else {
      out << prefix << pad(name, widest, false) << "  " << without_controls(cell_text(value))
          << '\n';
    }
  }
}

}  // namespace

std::string cell_text(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Rows::add(std::vector<Json> cells) {
  ADMITONE_ASSERT(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

Json Rows::object(const std::vector<Json>& cells) const {
  Json out = Json::object();
  for (std::size_t i = 0; i < cells.size(); ++i) out[columns_[i]] = cells[i];
  return out;
}

void Rows::print(std::ostream& out, OutputFormat format) const {
  if (format == OutputFormat::table) return print_table(out);
  if (format == OutputFormat::jsonl) {
    for (const auto& cells : rows_) {
      out << object(cells).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    }
    return;
  }
  out << json().dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

Json Rows::json() const {
  Json all = Json::array();
  for (const auto& cells : rows_) all.push_back(object(cells));
  return all;
}

void Rows::print_table(std::ostream& out) const {
  std::vector<std::string> header = columns_;
  std::vector<std::size_t> widths;
  std::vector<bool> right(columns_.size(), false);
  std::vector<bool> left(columns_.size(), false);
  for (std::string& name : header) {
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    widths.push_back(name.size());
  }
  std::vector<std::vector<std::string>> texts;
  for (const auto& cells : rows_) {
    auto& line = texts.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line.push_back(without_controls(cell_text(cells[i])));
      widths[i] = std::max(widths[i], width(line.back()));
      right[i] = right[i] || cells[i].is_number();
      left[i] = left[i] || !(cells[i].is_number() || cells[i].is_null());
    }
  }
  for (std::size_t i = 0; i < right.size(); ++i) right[i] = right[i] && !left[i];
  out << line_of(header, widths, right) << '\n';
  for (const auto& line : texts) out << line_of(line, widths, right) << '\n';
}

void print_document(std::ostream& out, OutputFormat format, const Json& document) {
  if (format == OutputFormat::table && document.is_object()) {
    return print_members(out, document, "");
  }
  const int indent = format == OutputFormat::jsonl ? -1 : 2;
  out << document.dump(indent, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace admitone::app
