#include "app/verbs/demo_stage.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <utility>

#include "app/system_clock.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"
#include "postgres/scratch.hpp"

namespace admitone::app {

namespace {

constexpr std::chrono::seconds kStepLimit{60};

std::string make_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "admitone-demo-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw VerbError(kFailed, "cannot make a folder in " + path);
  return path;
}

bool has_line(const std::string& path, const std::string& wanted) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    if (line == wanted) return true;
  }
  return false;
}

}  // namespace

DemoStage::DemoStage(Context& context, const std::string& name)
    : context_(context), name_(name), folder_(make_folder()) {
  overrides_ = {{"ADMITONE_KAFKA_GROUP_ID", name},
                {"ADMITONE_KAFKA_COMMAND_TOPICS", name + ".commands"},
                {"ADMITONE_KAFKA_OUTCOME_TOPIC", name + ".outcomes"},
                {"ADMITONE_KAFKA_DEAD_LETTER_TOPIC", name + ".dead-letters"},
                {"ADMITONE_KAFKA_PARTITIONS", "6"},
                {"ADMITONE_KAFKA_SESSION_TIMEOUT", "6s"},
                {"ADMITONE_DATABASE_SCHEMA", name},
                {"ADMITONE_LOG_FORMAT", "json"}};
  SettingSources sources = context.sources;
  for (const auto& [variable, value] : overrides_) sources.environment[variable] = value;
  std::erase_if(sources.environment,
                [](const auto& entry) { return entry.first == "ADMITONE_HTTP_LISTEN"; });
  const Loaded loaded = load_settings(sources);
  if (!loaded.errors.empty()) throw VerbError(kFailed, loaded.errors.front());
  settings_ = loaded.settings;
}

DemoStage::~DemoStage() {
  if (keep_logs_) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string DemoStage::exports() const {
  std::string lines;
  for (const auto& [variable, value] : overrides_) {
    lines += fmt::format("export {}={}\n", variable, value);
  }
  return lines;
}

Child::Options DemoStage::options(const std::vector<std::string>& arguments,
                                  const std::string& log) const {
  Child::Options options;
  // Flags win over the environment there as they did here.
  for (const auto& [key, value] : context_.sources.flags) {
    options.arguments.push_back("--set");
    options.arguments.push_back(key + "=" + value);
  }
  if (!context_.sources.file.empty()) {
    options.arguments.push_back("--config");
    options.arguments.push_back(context_.sources.file);
  }
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.environment = context_.environment;
  // Two workers cannot listen on one port, and nobody scrapes a demo.
  options.environment.erase("ADMITONE_HTTP_LISTEN");
  for (const auto& [variable, value] : overrides_) options.environment[variable] = value;
  if (!log.empty()) options.output = folder_ + "/" + log;
  return options;
}

std::string DemoStage::last_lines(const std::string& log) const {
  std::ifstream in(folder_ + "/" + log);
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
    if (lines.size() > 8) lines.pop_front();
  }
  std::string all;
  for (const auto& line : lines) all += "\n  " + line;
  return all;
}

void DemoStage::run_quietly(const std::vector<std::string>& arguments) {
  auto child = must(Child::start(options(arguments, "setup.log")));
  const auto code = child.wait(kStepLimit);
  if (code == 0) return;
  std::string what;
  for (const auto& argument : arguments) what += " " + argument;
  throw VerbError(kFailed, fmt::format("admitone{} {}:{}", what,
                                       code ? fmt::format("ended with {}", *code) : "did not end",
                                       last_lines("setup.log")));
}

int DemoStage::run_shown(const std::vector<std::string>& arguments) {
  context_.out.flush();
  auto child = must(Child::start(options(arguments, "")));
  const auto code = child.wait(kStepLimit);
  if (!code) throw VerbError(kFailed, "admitone " + arguments.front() + " did not end");
  return *code;
}

Child DemoStage::start_worker(const std::string& log, std::chrono::milliseconds limit) {
  auto child = must(Child::start(options({"worker"}, log)));
  const SystemClock clock;
  const auto deadline = clock.steady() + limit;
  while (!has_line(folder_ + "/" + log, "ready")) {
    if (const auto code = child.wait(std::chrono::milliseconds{50})) {
      throw VerbError(kFailed, fmt::format("a worker ended with {}:{}", *code, last_lines(log)));
    }
    if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
    if (clock.steady() > deadline) {
      throw VerbError(kFailed, "a worker did not get ready:" + last_lines(log));
    }
  }
  return child;
}

void DemoStage::clear() {
  const auto tell = [this](const base::Status& status) {
    if (!status) context_.err << "demo: not removed: " << status.error().message << '\n';
  };
  const auto client = kafka_client(settings_, "demo");
  const auto admin = client ? kafka::Admin::create(*client)
                            : base::Result<std::unique_ptr<kafka::Admin>>(client.error());
  const std::vector<std::string> topics{settings_.kafka.command_topics.front(),
                                        settings_.kafka.outcome_topic,
                                        settings_.kafka.dead_letter_topic};
  tell(admin ? admin.value()->delete_topics(topics, settings_.kafka.request_timeout)
             : base::Status(admin.error()));
  tell(postgres::drop_schema(connection_settings(settings_, settings_.database.owner_url, "demo")));
}

}  // namespace admitone::app
