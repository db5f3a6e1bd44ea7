// The published description and the routes are the same, both ways.

#include "app/api/document.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "app/api/problem.hpp"
#include "app/api/route.hpp"
#include "app/verbs/all.hpp"

namespace admitone::app {
namespace {

using testing::ContainerEq;

const Json& document() {
  static const Json kDocument = Json::parse(openapi_document());
  return kDocument;
}

const Json& resolved(const Json& node) {
  if (!node.contains("$ref")) return node;
  return document().at(Json::json_pointer(node.at("$ref").get<std::string>().substr(1)));
}

// "name!" for what must be told, as the routes and as the document have it.
using Names = std::set<std::string>;

std::string named(const std::string& name, bool required) {
  return required ? name + "!" : name;
}

Names told(const Route& route) {
  Names out;
  for (const auto& member : route.members) out.insert(named(member.name, member.required));
  return out;
}

Names described(const Json& operation) {
  Names out;
  if (operation.contains("requestBody")) {
    const auto& schema =
        operation.at("requestBody").at("content").at("application/json").at("schema");
    EXPECT_EQ(schema.at("additionalProperties"), false);
    const auto& required = schema.at("required");
    for (const auto& [name, value] : schema.at("properties").items()) {
      out.insert(named(name, std::find(required.begin(), required.end(), name) != required.end()));
    }
    return out;
  }
  if (!operation.contains("parameters")) return out;
  for (const auto& one : operation.at("parameters")) {
    const auto& parameter = resolved(one);
    if (parameter.at("in") != "query") continue;
    out.insert(named(parameter.at("name"), parameter.value("required", false)));
  }
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

TEST(ApiDocument, DescribesEveryRouteAndNoOther) {
  std::map<std::string, Names> routes;
  std::map<std::string, std::string> verbs;
  for (const auto& route : all_routes()) {
    const auto name = lower(route.method) + " " + route.path;
    EXPECT_TRUE(routes.emplace(name, told(route)).second) << name << " twice";
    verbs[name] = route.verb;
  }
  std::map<std::string, Names> operations;
  for (const auto& [path, item] : document().at("paths").items()) {
    for (const auto& [method, operation] : item.items()) {
      const auto name = method + " " + path;
      operations[name] = described(operation);
      EXPECT_EQ(operation.value("x-admitone-verb", ""), verbs[name]) << name;
    }
  }
  EXPECT_THAT(operations, ContainerEq(routes));
}

TEST(ApiDocument, AsksForAKeyAndTheAdminTokenWhereverSomethingIsChanged) {
  for (const auto& route : all_routes()) {
    const auto& operation = document().at("paths").at(route.path).at(lower(route.method));
    Names headers;
    if (operation.contains("parameters")) {
      for (const auto& one : operation.at("parameters")) {
        const auto& parameter = resolved(one);
        if (parameter.at("in") == "header") headers.insert(parameter.at("name"));
      }
    }
    const bool changes = route.method == "POST";
    EXPECT_EQ(headers, changes ? (Names{"Idempotency-Key", "X-Idempotency-Key"}) : Names{})
        << route.path;
    EXPECT_EQ(operation.value("security", Json()) == Json::parse(R"([{"admin":[]}])"), changes)
        << route.path;
  }
}

TEST(ApiDocument, DescribesTheValuesThatAreTaken) {
  for (const auto& route : all_routes()) {
    const auto& operation = document().at("paths").at(route.path).at(lower(route.method));
    for (const auto& member : route.members) {
      Json schema;
      if (operation.contains("requestBody")) {
        schema = operation.at("requestBody")
                     .at("content")
                     .at("application/json")
                     .at("schema")
                     .at("properties")
                     .at(member.name);
      } else {
        for (const auto& parameter : operation.at("parameters")) {
          if (resolved(parameter).at("name") == member.name) schema = resolved(parameter)["schema"];
        }
      }
      const auto where = route.path + " " + member.name;
      switch (member.kind) {
        case Member::Kind::text:
          EXPECT_EQ(schema.at("type"), "string") << where;
          EXPECT_EQ(schema.value("enum", Json::array()), Json(member.one_of)) << where;
          break;
        case Member::Kind::texts:
          EXPECT_EQ(schema.at("type"), "array") << where;
          EXPECT_EQ(schema.at("items").at("type"), "string") << where;
          EXPECT_EQ(schema.at("maxItems"), member.most) << where;
          break;
        case Member::Kind::flag:
          EXPECT_EQ(schema.at("type"), "boolean") << where;
          break;
        case Member::Kind::whole:
          EXPECT_EQ(schema.at("type"), "integer") << where;
          EXPECT_EQ(schema.at("maximum"), member.most) << where;
          EXPECT_EQ(schema.at("minimum"), member.least) << where;
      }
    }
  }
}

TEST(ApiDocument, NamesEveryCodeAndItsStatus) {
  Names codes;
  Names statuses;
  for (int i = 0; i <= static_cast<int>(kLastProblemCode); ++i) {
    const auto code = static_cast<ProblemCode>(i);
    EXPECT_TRUE(codes.insert(name_of(code)).second) << name_of(code);
    statuses.insert(std::to_string(status_of(code)));
  }
  Names listed;
  const auto& problem = document().at("components").at("schemas").at("Problem");
  for (const auto& code : problem.at("properties").at("code").at("enum")) listed.insert(code);
  EXPECT_EQ(listed, codes);
  Names answered{"405"};  // of a method that no path describes
  for (const auto& [path, item] : document().at("paths").items())
    for (const auto& [method, operation] : item.items())
      for (const auto& [status, answer] : operation.at("responses").items())
        if (status >= "400") answered.insert(status);
  EXPECT_EQ(answered, statuses);
}

// The contract: the verbs that read and those that change. But for `produce`, as producers have
// Kafka.
TEST(ApiDocument, HasEveryVerbThatLooksOrOperates) {
  const Names kOfTheCommandLine{"produce"};
  Names verbs;
  for (const auto& verb : make_all_verbs()) {
    const auto info = verb->info();
    const bool looks = info.group == "Look" || info.group == "Operate";
    if (looks && !kOfTheCommandLine.contains(info.name)) verbs.insert(info.name);
  }
  Names routes;
  for (const auto& route : all_routes()) {
    if (route.verb.empty()) continue;
    EXPECT_TRUE(routes.insert(route.verb).second) << route.verb;
  }
  EXPECT_EQ(routes, verbs);
}

}  // namespace
}  // namespace admitone::app
