#include "base/failpoint.hpp"

#if ADMITONE_FAILPOINTS
#include <charconv>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>

namespace admitone::base::failpoint {
namespace {

struct Armed {
  std::string action;
  int at = 1;
  int seen = 0;
};

std::mutex mutex;
std::map<std::string, Armed, std::less<>> armed;
std::set<std::string, std::less<>> mutants;

bool arm(std::string_view entry) {
  if (entry.starts_with("mutant:")) {
    mutants.emplace(entry.substr(7));
    return true;
  }
  const auto equals = entry.find('=');
  if (equals == std::string_view::npos) return false;
  Armed point;
  auto action = entry.substr(equals + 1);
  if (const auto sign = action.find('@'); sign != std::string_view::npos) {
    const auto count = action.substr(sign + 1);
    if (std::from_chars(count.data(), count.data() + count.size(), point.at).ec != std::errc{})
      return false;
    action = action.substr(0, sign);
  }
  point.action = action;
  if (action != "kill" && action != "stop" && action != "fail" && action != "throw") return false;
  armed[std::string(entry.substr(0, equals))] = point;
  return true;
}

}  // namespace

bool configure(std::string_view text) {
  const std::scoped_lock lock(mutex);
  while (!text.empty()) {
    const auto end = text.find(';');
    const auto entry = text.substr(0, end);
    if (!entry.empty() && !arm(entry)) {
      std::fprintf(stderr, "failpoint '%.*s' is malformed\n", static_cast<int>(entry.size()),
                   entry.data());
      return false;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return true;
}

void clear() {
  const std::scoped_lock lock(mutex);
  armed.clear();
  mutants.clear();
}

bool hit(std::string_view name) {
  std::string action;
  {
    const std::scoped_lock lock(mutex);
    const auto found = armed.find(name);
    if (found == armed.end()) return false;
    Armed& point = found->second;
    ++point.seen;
    if (point.at != 0 && point.seen != point.at) return false;
    action = point.action;
  }
  std::fprintf(stderr, "failpoint %.*s: %s\n", static_cast<int>(name.size()), name.data(),
               action.c_str());
  if (action == "kill") std::raise(SIGKILL);
  if (action == "stop") std::raise(SIGSTOP);
  if (action == "throw") throw std::runtime_error("failpoint " + std::string(name));
  return action == "fail";
}

bool mutant(std::string_view name) {
  const std::scoped_lock lock(mutex);
  return mutants.contains(name);
}

}  // namespace admitone::base::failpoint
#endif
