#pragma once
// Settings for people and machines: effective values with secrets masked, the JSON Schema of the
// file, and docs/configuration.md. Threads: any. Errors: none.

#include <string>
#include <string_view>
#include <vector>

#include "app/settings.hpp"

namespace admitone::app {

struct ShownSetting {
  std::string key;
  std::string value;  // as it would be written in the file; secrets masked (law L22)
  std::string origin;
};

std::vector<ShownSetting> show_settings(const Loaded& loaded);

// JSON text of the Draft-7 schema of the YAML file.
std::string settings_schema();

// The whole of docs/configuration.md.
std::string settings_markdown();

// A URL or connection string without what must not be read by others.
std::string mask_url(std::string_view url);
// Of addresses of services, comma separated, no more than scheme, host and port.
std::string mask_endpoints(std::string_view urls);
// Is the librdkafka option a secret?
bool secret_option(std::string_view option);

}  // namespace admitone::app
