#include "app/verbs/look.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "app/logging.hpp"
#include "app/wiring.hpp"

namespace admitone::app {
namespace {

// Where a process runs as nobody in particular, $USER is not set: in a pod it never is.
constexpr const char* kOperator = "ADMITONE_OPERATOR";

std::string person_of(const Environment& environment) {
  for (const char* name : {kOperator, "USER"}) {
    const auto found = environment.find(name);
    if (found != environment.end() && !found->second.empty()) return found->second;
  }
  return {};
}

}  // namespace

postgres::Views open_views(Context& context) {
  return must(postgres::Views::open(view_settings(context.settings({"database.reader_url"}))));
}

kafka::ClientSettings kafka_for(Context& context, const std::string& purpose) {
  const Loaded& loaded = context.loaded();
  Settings::Log log = loaded.settings.log;
  const auto origin = loaded.origins.find("log.level");
  if (origin == loaded.origins.end() || origin->second == "default") log.level = LogLevel::warn;
  set_up_logging(log, isatty(STDERR_FILENO) != 0, LogPath::direct);
  return must(kafka_client(loaded.settings, purpose));
}

std::string operator_name(const Environment& environment) {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  const auto person = person_of(environment);
  return fmt::format("{} ({}) on {}", person.empty() ? "user" : person, geteuid(), host.data());
}

void ask_for_a_name(Context& context) {
  if (!person_of(context.environment).empty()) return;
  context.err << fmt::format(
      "admitone: it is written down as done by '{}', as nobody is named: set {} to your name\n",
      operator_name(context.environment), kOperator);
}

Means means_of(Context& context, const std::vector<std::string>& required) {
  const Settings& settings = context.settings(required);
  Means means{settings};
  means.views = view_settings(settings);
  means.kafka = [&context](const std::string& purpose) { return kafka_for(context, purpose); };
  means.who = operator_name(context.environment);
  means.interrupted = [&context] { return context.interrupted(); };
  return means;
}

}  // namespace admitone::app
