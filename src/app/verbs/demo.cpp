#include <fmt/format.h>
#include <sys/prctl.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <random>

#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/demo_input.hpp"
#include "app/verbs/demo_outside.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/stage.hpp"
#include "app/wiring.hpp"
#include "contract/keys.hpp"
#include "kafka/reader.hpp"
#include "kafka/sender.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;

constexpr std::size_t kBatch = 60;
constexpr std::chrono::milliseconds kBetweenBatches{80};
constexpr std::chrono::seconds kReadyLimit{40};
constexpr std::chrono::seconds kSettleLimit{75};
constexpr std::chrono::seconds kDrainLimit{30};

Stage::Options stage_options(const DemoOutside& outside) {
  std::random_device random;
  Stage::Options options;
  options.name = fmt::format("demo_{:08x}", random());
  options.settings = outside.variables();
  options.settings["ADMITONE_KAFKA_PARTITIONS"] = "6";
  options.settings["ADMITONE_KAFKA_SESSION_TIMEOUT"] = "6s";
  return options;
}

// Where things stand, as the database shows it.
struct Standing {
  std::int64_t records = 0;  // with a verdict
  std::int64_t outcomes = 0;
  std::int64_t unpublished = 0;
  std::int64_t unfinished = 0;  // running commands, holds about to run out
};

class Play {
 public:
  Play(Context& context, const DemoOptions& input)
      : context_(context),
        stage_(context, stage_options(outside_)),
        input_(make_demo_input(input)) {}

  int run(bool keep) {
    try {
      const int code = acts();
      leave();
      if (keep) {
        context_.err << "\nKept. To look at it, paste these lines into your shell first:\n"
                     << stage_.exports();
      } else {
        stage_.clear();
      }
      if (code != kOk) keep_logs();
      return code;
    } catch (const VerbError&) {
      workers_.clear();
      leave();
      keep_logs();
      if (!keep) stage_.clear();
      throw;
    }
  }

 private:
  int acts() {
    act("a venue service and a chain that stand in for the real ones; topics, schema, two workers");
    outside_.go_wrong_for(event_of(input_, kRefusedOutside), event_of(input_, kUnansweredOutside));
    stage_.run_quietly({"topics", "create"});
    stage_.run_quietly({"migrate", "up"});
    for (int i = 0; i < 2; ++i) {
      workers_.push_back(stage_.start_worker(log_of(i), kReadyLimit));
    }
    open_clients();
    act(fmt::format("{} commands of a bad evening; one worker dies on the way", input_.size()));
    send_all();
    settle();
    act("both workers drain");
    drain();
    show_counts();
    act("outside: each event is held by its venue and registered on the chain once, or not at all");
    const bool outside_holds = prove_outside(context_, *views_, outside_, input_);
    act("the proof, from the topics and the public views alone (admitone audit)");
    const int audit = stage_.run_shown({"audit"});
    const std::string key = repeated_key();
    int inspected = kOk;
    if (!key.empty()) {  // (a small evening may have none)
      act(fmt::format("one command that was sent {} times (admitone inspect {})", copies_of(key),
                      key));
      inspected = stage_.run_shown({"inspect", key});
    }
    if (audit != kOk || inspected != kOk) return audit != kOk ? audit : inspected;
    if (!outside_holds) return kNotMet;
    last_words();
    return kOk;
  }

  void act(const std::string& what) {
    // Where the tables are people read, and need headings that stay with them in a file.
    const bool shown = context_.format == OutputFormat::table;
    context_.out.flush();
    (shown ? context_.out : context_.err) << fmt::format("\n[{}] {}\n", ++act_, what) << std::flush;
  }

  static std::string log_of(int worker) { return fmt::format("worker-{}.log", worker + 1); }

  void open_clients() {
    const Settings& s = stage_.settings();
    kafka_for(context_, "demo");  // sets our own logging up
    const auto client = must(kafka_client(s, "demo"));
    reader_ = must(kafka::Reader::create(client, s.kafka.group_id, clock_));
    sender_ =
        std::make_unique<kafka::Sender>(client, output_topics(s), s.kafka.delivery_timeout, clock_);
    must(sender_->open());
    postgres::ViewSettings views;
    views.url = s.database.reader_url;
    views.schema = s.database.schema;
    views_ = must(postgres::Views::open(views));
  }

  ports::OutgoingRecord record_of(const DemoCommand& command) const {
    ports::OutgoingRecord record;
    record.topic = ports::OutgoingRecord::Topic::commands;
    record.partition =
        contract::partition_of(command.other_partitioner ? contract::Partitioner::consistent
                                                         : contract::Partitioner::murmur2,
                               command.key, partitions());
    record.key = command.key;
    record.value = command.value;
    record.headers = command.headers;
    return record;
  }
  [[nodiscard]] std::int32_t partitions() const {
    return static_cast<std::int32_t>(stage_.settings().kafka.partitions);
  }

  void send_all() {
    const std::size_t kill_at = input_.size() * 2 / 5;
    const std::size_t restart_at = input_.size() * 7 / 10;
    std::size_t sent = 0;
    while (sent < input_.size()) {
      std::vector<ports::OutgoingRecord> batch;
      for (; sent < input_.size() && batch.size() < kBatch; ++sent) {
        batch.push_back(record_of(input_[sent]));
      }
      must(sender_->send(batch));
      if (!killed_ && sent >= kill_at) kill_one(sent);
      if (killed_ && workers_.size() < 2 && sent >= restart_at) {
        context_.err << "      starting it again\n";
        workers_.push_back(stage_.start_worker(log_of(2), kReadyLimit));
      }
      watch(kBetweenBatches);
      say_progress(sent, false);
    }
    say_progress(sent, true);
  }

  void kill_one(std::size_t sent) {
    context_.err << fmt::format("      kill -9 of worker {} after {} commands\n",
                                workers_.front().pid(), sent);
    workers_.front().signal(SIGKILL);
    workers_.front().wait(kDrainLimit);
    workers_.erase(workers_.begin());
    killed_ = true;
  }

  // A pause that ends when a worker does.
  void watch(std::chrono::milliseconds pause) {
    if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
    for (auto& worker : workers_) {
      const auto code =
          worker.wait(&worker == &workers_.back() ? pause : std::chrono::milliseconds{0});
      if (code) {
        throw VerbError(kFailed,
                        fmt::format("a worker ended with {}; logs: {}", *code, stage_.folder()));
      }
    }
  }

  Standing standing() {
    must(views_->refresh());
    const auto table = ask(*views_, queries::progress());
    const auto& row = table.rows.at(0);
    return {postgres::integer(row[0]), postgres::integer(row[1]), postgres::integer(row[2]),
            postgres::integer(row[3]) + postgres::integer(row[4])};
  }

  void say_progress(std::size_t sent, bool now) {
    const auto time = clock_.steady();
    if (!now && time - said_ < std::chrono::seconds{1}) return;
    said_ = time;
    const Standing s = standing();
    auto line = fmt::format("      sent {:>5} of {}   verdicts {:>5}   outcomes {:>5}\n", sent,
                            input_.size(), s.records, s.outcomes);
    if (line == said_last_) return;
    said_last_ = std::move(line);
    context_.err << said_last_ << std::flush;
  }

  // Every record in the log has its verdict, every outcome is published, nothing is under way.
  void settle() {
    const auto deadline = clock_.steady() + kSettleLimit;
    for (;;) {
      const Standing s = standing();
      std::int64_t in_log = 0;
      for (const auto& [partition, ends] :
           must(reader_->extent(stage_.settings().kafka.command_topics.front(),
                                stage_.settings().kafka.request_timeout))) {
        in_log += ends.high;
      }
      if (s.records == in_log && s.unpublished == 0 && s.unfinished == 0) {
        say_progress(input_.size(), true);
        context_.err << "      (more verdicts than commands: a record on a wrong partition is "
                        "forwarded there and\n      decided at home, and a hold that runs out is "
                        "ended by a command of the worker's own)\n";
        return;
      }
      if (clock_.steady() > deadline) {
        throw VerbError(kFailed, fmt::format("{} records, {} verdicts, {} unpublished outcomes, {} "
                                             "unfinished after {} s; logs: {}",
                                             in_log, s.records, s.unpublished, s.unfinished,
                                             kSettleLimit.count(), stage_.folder()));
      }
      watch(std::chrono::milliseconds{200});
      say_progress(input_.size(), false);
    }
  }

  void drain() {
    const auto began = clock_.steady();
    for (auto& worker : workers_) worker.signal(SIGTERM);
    for (auto& worker : workers_) {
      const auto code = worker.wait(kDrainLimit);
      if (code != kOk) {
        throw VerbError(kFailed, "a worker did not drain; logs: " + stage_.folder());
      }
    }
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - began).count();
    context_.err << fmt::format("      done in {} ms\n", ms);
    workers_.clear();
  }

  void show_counts() {
    must(views_->refresh());
    std::map<std::string, std::int64_t> kinds;
    for (const auto& command : input_) ++kinds[command.kind];
    Rows sent({"what was sent", "commands"});
    for (const auto& [kind, count] : kinds) sent.add({kind, count});
    act("what was sent");
    context_.print(sent);
    act("what was decided for each record");
    context_.print(to_rows(ask(*views_, queries::verdict_counts())));
    act("what was answered");
    context_.print(to_rows(ask(*views_, queries::outcome_counts())));
  }

  static std::string key_of(const DemoCommand& command) {
    const Json event = Json::parse(command.value, nullptr, false);
    return event.is_object() ? event.value("idempotencykey", "") : std::string{};
  }

  [[nodiscard]] std::int64_t copies_of(const std::string& key) const {
    std::int64_t copies = 0;
    for (const auto& command : input_) {
      if (command.value.find(key) != std::string::npos && key_of(command) == key) ++copies;
    }
    return copies;
  }

  // Of the hold that was sent most often around the kill.
  [[nodiscard]] std::string repeated_key() const {
    std::map<std::string, int> copies;
    for (std::size_t i = input_.size() * 3 / 10; i < input_.size() / 2; ++i) {
      const std::string key = input_[i].kind == "retry of a command" ? key_of(input_[i]) : "";
      if (key.starts_with("hold-")) ++copies[key];
    }
    std::string most;
    for (const auto& [key, count] : copies) {
      if (most.empty() || count > copies.at(most)) most = key;
    }
    return most;
  }

  // Our own open snapshot would keep the schema from being dropped.
  void leave() {
    views_.reset();
    sender_.reset();
    reader_.reset();
  }

  void keep_logs() {
    stage_.keep_logs();
    context_.err << "logs of the workers: " << stage_.folder() << '\n';
  }

  static std::string folder_of_program() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
  }

  void last_words() {
    context_.out << fmt::format(
        "\nProven: {} commands went through two workers, one of them killed with -9 on the way.\n"
        "Every record has one verdict, every key one effect and one first outcome, every lane of\n"
        "the outcome topic counts 1, 2, 3 without a gap, and no seat was sold twice. Every event\n"
        "on sale is held by its venue and registered on the chain, once.\n"
        "\nTry next:\n"
        "  PATH={}:$PATH\n"
        "  scripts/stack up && eval \"$(scripts/stack env)\"    servers that stay\n"
        "  admitone demo --keep                               the demo there; paste the lines it\n"
        "                                                     ends with, to look at what it left:\n"
        "  admitone lanes | inspect ID | keys list | dead-letters list | doctor --invariants\n"
        "  admitone worker, admitone produce FILE --wait      your own commands\n",
        input_.size(), folder_of_program());
  }

  Context& context_;
  SystemClock clock_;
  DemoOutside outside_;
  Stage stage_;
  std::vector<DemoCommand> input_;
  std::vector<Child> workers_;
  std::unique_ptr<kafka::Reader> reader_;
  std::unique_ptr<kafka::Sender> sender_;
  std::optional<postgres::Views> views_;
  base::Instant said_{};
  std::string said_last_;
  int act_ = 0;
  bool killed_ = false;
};

class Demo : public Verb {
 public:
  VerbInfo info() const override {
    return {
        "demo",
        "Prove",
        "Run the whole job on a shipped input, kill a worker on the way, and prove the result",
        {"admitone demo", "admitone demo --keep", "admitone demo --print-input | head -3"},
        {{kOk, "proven"}, {kNotMet, "the audit refuted the run"}, {kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--keep", keep_, "Leave topics, group and schema for looking at");
    app.add_flag("--print-input", print_input_, "Print the commands instead of sending them");
    app.add_option("--seed", options_.seed,
                   "Number that the input is made from; another one makes another input");
    app.add_option("--events", options_.events, "How many events")->check(CLI::Range(1, 1000));
    app.add_option("--holds", options_.holds_per_event, "How many holds for each event")
        ->check(CLI::Range(1, 10'000));
  }

  int run(Context& context) override {
    if (print_input_) {
      for (const auto& command : make_demo_input(options_)) context.out << command.value << '\n';
      return kOk;
    }
    context.settings(
        {"kafka.bootstrap_servers", "database.url", "database.owner_url", "database.reader_url"});
    return Play(context, options_).run(keep_);
  }

 private:
  DemoOptions options_;
  bool keep_ = false;
  bool print_input_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_demo() {
  return std::make_unique<Demo>();
}

}  // namespace admitone::app
