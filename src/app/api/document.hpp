#pragma once
// schemas/http/openapi.json, which is part of the program. Used by: app/api. Threads: any.

#include <string_view>

namespace admitone::app {

std::string_view openapi_document();

}  // namespace admitone::app
