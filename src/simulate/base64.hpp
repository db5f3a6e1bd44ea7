#pragma once
// Base64 as JSON-RPC carries bytes. Pure. Used by: chain, rpc.

#include <optional>
#include <string>
#include <string_view>

namespace admitone::simulate {

std::string to_base64(std::string_view bytes);
// nullopt: not the standard alphabet with its padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace admitone::simulate
