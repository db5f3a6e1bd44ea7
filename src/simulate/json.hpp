#pragma once
// JSON as this room uses it: members sorted by name, so that equal documents are equal texts.
// Used inside the room, and by who starts a simulator.

#include <nlohmann/json.hpp>
#include <string>

namespace admitone::simulate {

using Json = nlohmann::json;

// Bytes that are not UTF-8 become U+FFFD: what a stranger sent must not end the process.
inline std::string text_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A member when it is a string, else the empty text.
inline std::string text_at(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace admitone::simulate
