#include "app/verbs/stage.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
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
  std::string path = (std::filesystem::temp_directory_path() / "admitone-XXXXXX").string();
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

Stage::Stage(Context& context, Options options)
    : context_(context), options_(std::move(options)), folder_(make_folder()) {
  const std::string& name = options_.name;
  const std::string& shared = options_.command_topic;
  overrides_ = {{"ADMITONE_KAFKA_GROUP_ID", name},
                {"ADMITONE_KAFKA_COMMAND_TOPICS", shared.empty() ? name + ".commands" : shared},
                {"ADMITONE_KAFKA_OUTCOME_TOPIC", name + ".outcomes"},
                {"ADMITONE_KAFKA_DEAD_LETTER_TOPIC", name + ".dead-letters"},
                {"ADMITONE_DATABASE_SCHEMA", name},
                {"ADMITONE_LOG_FORMAT", "json"}};
  for (const auto& [variable, value] : options_.settings) overrides_[variable] = value;
  SettingSources sources = context.sources;
  for (const auto& [variable, value] : overrides_) sources.environment[variable] = value;
  std::erase_if(sources.environment,
                [](const auto& entry) { return entry.first == "ADMITONE_HTTP_LISTEN"; });
  const Loaded loaded = load_settings(sources);
  if (!loaded.errors.empty()) throw VerbError(kFailed, loaded.errors.front());
  settings_ = loaded.settings;
}

Stage::~Stage() {
  if (keep_logs_) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Stage::exports() const {
  std::string lines;
  for (const auto& [variable, value] : overrides_) {
    if (variable == "ADMITONE_LOG_FORMAT") continue;  // for the logs of our own workers only
    lines += fmt::format("export {}={}\n", variable, value);
  }
  return lines;
}

Child::Options Stage::options(const std::vector<std::string>& arguments,
                              const std::string& log) const {
  Child::Options options;
  // Flags win over the environment there as they did here.
  for (const auto& [key, value] : context_.sources.flags) {
    if (key == "http.listen") continue;
    options.arguments.push_back("--set");
    options.arguments.push_back(key + "=" + value);
  }
  if (!context_.sources.file.empty()) {
    options.arguments.push_back("--config");
    options.arguments.push_back(context_.sources.file);
  }
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  options.program = options_.program;
  options.environment = context_.environment;
  // Two workers cannot listen on one port.
  options.environment.erase("ADMITONE_HTTP_LISTEN");
  for (const auto& [variable, value] : overrides_) options.environment[variable] = value;
  if (!log.empty()) options.output = folder_ + "/" + log;
  return options;
}

std::string Stage::last_lines(const std::string& log) const {
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

void Stage::run_quietly(const std::vector<std::string>& arguments) {
  auto child = must(Child::start(options(arguments, "setup.log")));
  const auto code = child.wait(kStepLimit);
  if (code == 0) return;
  std::string what;
  for (const auto& argument : arguments) what += " " + argument;
  throw VerbError(kFailed, fmt::format("admitone{} {}:{}", what,
                                       code ? fmt::format("ended with {}", *code) : "did not end",
                                       last_lines("setup.log")));
}

int Stage::run_shown(const std::vector<std::string>& arguments) {
  context_.out.flush();
  auto child = must(Child::start(options(arguments, "")));
  const auto code = child.wait(kStepLimit);
  if (!code) throw VerbError(kFailed, "admitone " + arguments.front() + " did not end");
  return *code;
}

Stage::Answer Stage::run_read(const std::vector<std::string>& arguments) {
  const std::string out = folder_ + "/answer";
  std::error_code ignored;
  std::filesystem::remove(out, ignored);
  auto wanted = options(arguments, "answer");
  wanted.errors = folder_ + "/" + arguments.front() + ".log";
  auto child = must(Child::start(wanted));
  std::optional<int> code;
  while (!(code = child.wait(std::chrono::milliseconds{200}))) {
    if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
  }
  std::ifstream in(out, std::ios::binary);
  return {*code, std::string(std::istreambuf_iterator<char>(in), {})};
}

Child Stage::launch_worker(const std::string& log, const Variables& more,
                           const std::string& program) {
  auto wanted = options({"worker"}, log);
  if (!program.empty()) wanted.program = program;
  for (const auto& [variable, value] : more) wanted.environment[variable] = value;
  return must(Child::start(wanted));
}

bool Stage::said_ready(const std::string& log) const {
  return has_line(folder_ + "/" + log, "ready");
}

Child Stage::start_worker(const std::string& log, std::chrono::milliseconds limit) {
  auto child = launch_worker(log, {});
  const SystemClock clock;
  const auto deadline = clock.steady() + limit;
  while (!said_ready(log)) {
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

void Stage::clear() {
  const auto tell = [this](const base::Status& status) {
    if (!status) context_.err << "not removed: " << status.error().message << '\n';
  };
  const auto client = kafka_client(settings_, "stage");
  const auto admin = client ? kafka::Admin::create(*client)
                            : base::Result<std::unique_ptr<kafka::Admin>>(client.error());
  std::vector<std::string> topics{settings_.kafka.outcome_topic, settings_.kafka.dead_letter_topic};
  if (options_.command_topic.empty()) topics.push_back(settings_.kafka.command_topics.front());
  tell(admin ? admin.value()->delete_topics(topics, settings_.kafka.request_timeout)
             : base::Status(admin.error()));
  tell(
      postgres::drop_schema(connection_settings(settings_, settings_.database.owner_url, "stage")));
}

}  // namespace admitone::app
