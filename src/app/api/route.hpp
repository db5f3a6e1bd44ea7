#pragma once
// What can be asked of the API: each row is a method and a path, the verb of the command line that
// does the same, and what it may be told. schemas/http/openapi.json describes the same rows, which
// tests hold it to. Used by: app/api. Threads: read-only values, any.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/operate/means.hpp"

namespace admitone::app {

// A parameter of a query, or a member of a body.
struct Member {
  enum class Kind { text, texts, whole, flag };  // texts: of a body only
  std::string name;
  Kind kind = Kind::text;
  bool required = false;
  std::vector<std::string> one_of{};  // text: empty for any
  std::int64_t most = 2'000;          // whole: up to it; text: bytes; texts: how many
  std::int64_t least = 1;             // whole
};

// What was told, checked against its members.
class Arguments {
 public:
  using Value = std::variant<std::string, std::vector<std::string>, std::int64_t, bool>;
  void set(const std::string& name, Value value) { values_[name] = std::move(value); }
  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
  // What was not told is empty, `otherwise`, or false.
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& name) const;
  [[nodiscard]] std::int64_t whole(const std::string& name, std::int64_t otherwise) const;
  [[nodiscard]] bool flag(const std::string& name) const;

 private:
  std::map<std::string, Value> values_;
};

struct Reply {
  int status = 200;
  Json body;
};

struct Route {
  std::string method;  // GET reads, POST changes
  std::string path;    // "/api/v1/sagas/{saga_id}"; what is in braces is told as text
  std::string verb;    // "sagas show"; empty: none
  std::vector<Member> members;
  std::function<Reply(const Means&, const Arguments&)> run;
};

// All there are.
std::vector<Route> all_routes();

// The parts of a path in braces, by name; nullopt when the path is another.
std::optional<std::map<std::string, std::string>> match(const std::string& pattern,
                                                        const std::string& path);
// ApiProblem(invalid_request) with every part that cannot be: also a text that is no UTF-8 or holds
// a NUL, a member that is told twice, a number that is no integer (law L23).
void add_parts(Arguments& arguments, const std::map<std::string, std::string>& parts);
Arguments read_query(const Route& route,
                     const std::vector<std::pair<std::string, std::string>>& query);
Arguments read_body(const Route& route, const std::string& body);

}  // namespace admitone::app
