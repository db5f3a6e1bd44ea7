#include "app/api/route.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "app/api/problem.hpp"
#include "contract/json.hpp"
#include "contract/text.hpp"

namespace admitone::app {
namespace {

// No route is told more, or deeper, than a few members.
constexpr contract::JsonLimits kBody{
    .max_depth = 4, .max_elements = 150, .max_string_bytes = std::size_t{16} * 1024};
constexpr std::size_t kMaxPart = 512;

// Servers end a text at a NUL, each at its own place.
std::string fault_of(std::string_view text) {
  if (!contract::count_utf8(text)) return "is no UTF-8";
  return text.find('\0') == std::string_view::npos ? "" : "must not hold a NUL";
}

std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> out;
  std::size_t from = 0;
  while (from <= path.size()) {
    const auto to = std::min(path.find('/', from), path.size());
    out.push_back(path.substr(from, to - from));
    from = to + 1;
  }
  return out;
}

const Member* member_of(const Route& route, const std::string& name) {
  const auto found = std::ranges::find(route.members, name, &Member::name);
  return found == route.members.end() ? nullptr : &*found;
}

std::string fault_of(const Member& member, const std::vector<std::string>& texts) {
  if (texts.empty()) return "must not be empty";
  if (static_cast<std::int64_t>(texts.size()) > member.most)
    return "has more than " + std::to_string(member.most) + " members";
  for (const auto& text : texts) {
    if (text.size() > kMaxPart)
      return "has a member of more than " + std::to_string(kMaxPart) + " bytes";
    if (auto fault = fault_of(std::string_view(text)); !fault.empty())
      return "has a member that " + fault;
  }
  return {};
}

// What is wrong with it; empty: nothing.
std::string fault_of(const Member& member, const Arguments::Value& value) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value))
    return fault_of(member, *texts);
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (static_cast<std::int64_t>(text->size()) > member.most) {
      return "has more than " + std::to_string(member.most) + " bytes";
    }
    if (auto fault = fault_of(std::string_view(*text)); !fault.empty()) return fault;
    if (member.required && text->empty()) return "must not be empty";
    if (member.one_of.empty() || std::ranges::count(member.one_of, *text) > 0) return {};
    std::string all;
    for (const auto& one : member.one_of) all += (all.empty() ? "" : ", ") + one;
    return "must be one of: " + all;
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    if (*number < member.least || *number > member.most) {
      return "must be from " + std::to_string(member.least) + " to " + std::to_string(member.most);
    }
  }
  return {};
}

// As text in a query.
std::optional<Arguments::Value> parse(const Member& member, const std::string& text) {
  switch (member.kind) {
    case Member::Kind::text:
      return text;
    case Member::Kind::flag:
      if (text == "true" || text.empty()) return true;
      if (text == "false") return false;
      return std::nullopt;
    case Member::Kind::texts:
      return std::nullopt;
    case Member::Kind::whole:
      break;
  }
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::optional<std::vector<std::string>> texts_of(const contract::JsonValue& value) {
  if (value.kind() != contract::JsonKind::array) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& one : value.children()) {
    if (one.kind() != contract::JsonKind::string) return std::nullopt;
    out.emplace_back(one.text());
  }
  return out;
}

std::optional<Arguments::Value> parse(const Member& member, const contract::JsonValue& value) {
  using contract::JsonKind;
  switch (member.kind) {
    case Member::Kind::text:
      if (value.kind() == JsonKind::string) return std::string(value.text());
      break;
    case Member::Kind::texts:
      if (auto texts = texts_of(value)) return std::move(*texts);
      break;
    case Member::Kind::flag:
      if (value.kind() == JsonKind::boolean) return value.boolean();
      break;
    case Member::Kind::whole:
      if (value.kind() == JsonKind::integer) return value.integer();
      break;
  }
  return std::nullopt;
}

const char* kind_text(Member::Kind kind) {
  switch (kind) {
    case Member::Kind::text:
      return "must be a text";
    case Member::Kind::flag:
      return "must be true or false";
    case Member::Kind::texts:
      return "must be a list of texts";
    case Member::Kind::whole:
      break;
  }
  return "must be a whole number";
}

// What is told one by one, and all that is wrong with it at the end.
class Reading {
 public:
  Reading(const Route& route, std::string prefix) : route_(route), prefix_(std::move(prefix)) {}

  template <class Given>
  void take(const std::string& name, const Given& given) {
    const Member* member = member_of(route_, name);
    if (member == nullptr) return wrong(name, "is not known here");
    if (!seen_.insert(name).second) return wrong(name, "is given twice");
    const auto value = parse(*member, given);
    if (!value) return wrong(name, kind_text(member->kind));
    if (const auto fault = fault_of(*member, *value); !fault.empty()) return wrong(name, fault);
    read_.set(name, *value);
  }

  Arguments end() {
    for (const auto& member : route_.members) {
      if (member.required && !seen_.contains(member.name)) wrong(member.name, "is missing");
    }
    if (wrong_.empty()) return std::move(read_);
    throw ApiProblem(ProblemCode::invalid_request,
                     wrong_.front().where + " " + wrong_.front().detail, wrong_);
  }

 private:
  void wrong(const std::string& name, const std::string& detail) {
    wrong_.push_back({prefix_ + name, detail});
  }

  const Route& route_;
  const std::string prefix_;
  std::set<std::string> seen_;
  Arguments read_;
  std::vector<ProblemPart> wrong_;
};

}  // namespace

std::string Arguments::text(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string{} : std::get<std::string>(found->second);
}

std::vector<std::string> Arguments::texts(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return {};
  return std::get<std::vector<std::string>>(found->second);
}

std::int64_t Arguments::whole(const std::string& name, std::int64_t otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : std::get<std::int64_t>(found->second);
}

bool Arguments::flag(const std::string& name) const {
  const auto found = values_.find(name);
  return found != values_.end() && std::get<bool>(found->second);
}

std::optional<std::map<std::string, std::string>> match(const std::string& pattern,
                                                        const std::string& path) {
  const auto wanted = segments_of(pattern);
  const auto given = segments_of(path);
  if (wanted.size() != given.size()) return std::nullopt;
  std::map<std::string, std::string> out;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{') && !given[i].empty()) {
      out[wanted[i].substr(1, wanted[i].size() - 2)] = given[i];
    } else if (wanted[i] != given[i]) {
      return std::nullopt;
    }
  }
  return out;
}

Arguments read_query(const Route& route,
                     const std::vector<std::pair<std::string, std::string>>& query) {
  Reading reading(route, "");
  for (const auto& [name, value] : query) reading.take(name, value);
  return reading.end();
}

Arguments read_body(const Route& route, const std::string& body) {
  const auto parsed = contract::parse_json(body, kBody);
  const auto* document = std::get_if<contract::JsonDocument>(&parsed);
  if (document == nullptr) {
    const auto& why = std::get<contract::JsonFailure>(parsed).detail;
    throw ApiProblem(ProblemCode::invalid_request, "the body is no JSON: " + why, {{"", why}});
  }
  if (document->root().kind() != contract::JsonKind::object) {
    throw ApiProblem(ProblemCode::invalid_request, "the body is no JSON object",
                     {{"", "must be an object"}});
  }
  if (!document->errors().empty()) {
    std::vector<ProblemPart> wrong;
    for (const auto& error : document->errors().list()) {
      wrong.push_back({error.pointer, error.detail});
    }
    const auto detail = wrong.front().where + " " + wrong.front().detail;
    throw ApiProblem(ProblemCode::invalid_request, detail, std::move(wrong));
  }
  Reading reading(route, "/");
  for (const auto& member : document->root().children()) {
    reading.take(std::string(member.key()), member);
  }
  return reading.end();
}

void add_parts(Arguments& arguments, const std::map<std::string, std::string>& parts) {
  for (const auto& [name, value] : parts) {
    const auto fault = value.size() > kMaxPart
                           ? "has more than " + std::to_string(kMaxPart) + " bytes"
                           : fault_of(std::string_view(value));
    if (!fault.empty()) {
      throw ApiProblem(ProblemCode::invalid_request, name + " " + fault, {{name, fault}});
    }
    arguments.set(name, value);
  }
}

}  // namespace admitone::app
