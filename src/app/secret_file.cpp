#include "app/secret_file.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/log.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kLimit = 64 * 1024;

// nullopt: it is missing, or no file with an end.
std::optional<std::filesystem::file_time_type> written_at(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return std::nullopt;
  const auto time = std::filesystem::last_write_time(path, none);
  return none ? std::nullopt : std::optional(time);
}

// Not the secret itself, which nobody needs twice.
std::size_t digest_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::hash<std::string>{}(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace

std::optional<std::string> read_secret(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string content(kLimit + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (!in.is_open() || content.empty() || content.size() > kLimit) return std::nullopt;
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) {
    content.pop_back();
  }
  return content;
}

void SecretWatch::add(std::string path, std::string current, Changed changed) {
  if (path.empty()) return;
  files_.push_back({std::move(path), std::move(current), std::move(changed)});
}

void SecretWatch::add_fixed(std::string path) {
  if (path.empty()) return;
  const auto written = written_at(path);
  const auto digest = written ? digest_of(path) : 0;
  fixed_.push_back({std::move(path), written, digest});
}

// A mounted Secret is written anew as a whole when one of its keys changes.
void SecretWatch::look_at(Fixed& file) {
  const auto written = written_at(file.path);
  if (!written || written == file.written) return;
  const auto digest = digest_of(file.path);
  const bool is_new = digest != file.digest;
  file.written = written;
  file.digest = digest;
  if (!is_new) return;
  base::logger("app")->warn("{} has changed; what it holds now is used after a restart", file.path);
}

void SecretWatch::look() {
  for (auto& file : fixed_) look_at(file);
  for (auto& file : files_) {
    auto found = read_secret(file.path);
    if (!found || found->empty() || *found == file.current) continue;
    file.current = std::move(*found);
    if (const auto taken = file.changed(file.current); !taken) {
      base::logger("app")->warn("{}; the one before stays in use", taken.error().message);
    } else {
      base::logger("app")->info("the secret in {} has changed and is used from now on", file.path);
    }
  }
}

}  // namespace admitone::app
