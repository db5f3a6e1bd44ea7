#include <algorithm>

#include "http/client.hpp"
#include "http/rules.hpp"

namespace admitone::http {

std::string_view Response::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const Header& h) { return same_name(h.name, name); });
  return found == headers.end() ? std::string_view{} : std::string_view(found->value);
}

}  // namespace admitone::http
