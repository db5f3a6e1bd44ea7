#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <istream>

#include "app/duration.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/produce_core.hpp"
#include "app/wiring.hpp"
#include "contract/keys.hpp"
#include "kafka/reader.hpp"
#include "kafka/sender.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kBatch = 500;

// What became of one line.
struct SentLine {
  PreparedCommand command;
  std::string position;
};

class Production {
 public:
  explicit Production(Context& context)
      : context_(context),
        settings_(context.settings({"kafka.bootstrap_servers"})),
        client_(kafka_for(context, "produce")),
        reader_(must(kafka::Reader::create(client_, settings_.kafka.group_id, clock_))),
        sender_(client_, output_topics(settings_), settings_.kafka.delivery_timeout, clock_),
        home_(settings_.kafka.command_topics.front()),
        partitions_(static_cast<std::int32_t>(extent_of(*reader_, home_, limit()).size())),
        outcomes_before_(extent_of(*reader_, settings_.kafka.outcome_topic, limit())) {
    must(sender_.open());
  }

  // Positions, index-aligned; nothing more is sent after an error.
  base::Status send(std::vector<PreparedCommand> batch) {
    std::vector<ports::OutgoingRecord> records;
    for (const auto& command : batch) {
      ports::OutgoingRecord record;
      record.topic = ports::OutgoingRecord::Topic::commands;
      record.partition = partition_of(command);
      record.key = command.key;
      record.value = command.value;
      record.headers = command.headers;
      records.push_back(std::move(record));
    }
    const auto offsets = sender_.deliver(records);
    if (!offsets) return offsets.error();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      sent_.push_back({std::move(batch[i]),
                       contract::position_text(home_, records[i].partition, offsets.value()[i])});
    }
    return {};
  }

  // Reads the outcome topic until everything sent is answered or the time is over.
  PendingAnswers wait(std::chrono::milliseconds timeout) {
    PendingAnswers pending;
    for (const auto& line : sent_) pending.expect(line.position, line.command);
    if (pending.waiting() == 0) return pending;
    auto said = clock_.steady();
    const auto take = [&](base::Record&& record) {
      pending.take(record);
      return pending.waiting() > 0;
    };
    const auto go_on = [&] {
      if (clock_.steady() - said > std::chrono::seconds{2}) {
        said = clock_.steady();
        context_.err << fmt::format("waiting for {} of {} outcomes\n", pending.waiting(),
                                    sent_.size());
      }
      return !context_.interrupted();
    };
    must(reader_->follow(settings_.kafka.outcome_topic, outcomes_before_, timeout, take, go_on));
    return pending;
  }

  [[nodiscard]] const std::vector<SentLine>& sent() const { return sent_; }

 private:
  [[nodiscard]] kafka::Milliseconds limit() const { return settings_.kafka.request_timeout; }

  [[nodiscard]] std::int32_t partition_of(const PreparedCommand& command) const {
    if (!command.key) return static_cast<std::int32_t>(command.line % partitions_);
    const auto partitioner = settings_.kafka.partitioner == Partitioner::consistent
                                 ? contract::Partitioner::consistent
                                 : contract::Partitioner::murmur2;
    return contract::partition_of(partitioner, *command.key, partitions_);
  }

  Context& context_;
  const Settings& settings_;
  SystemClock clock_;
  kafka::ClientSettings client_;
  std::unique_ptr<kafka::Reader> reader_;
  kafka::Sender sender_;
  std::string home_;
  std::int32_t partitions_;
  kafka::Extent outcomes_before_;
  std::vector<SentLine> sent_;
};

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

// Why a command was not done, in one line.
Json detail_of(const Answered& answer) {
  const Json data = Json::parse(answer.value, nullptr, false);
  const auto problem = data.find("problem");
  if (problem == data.end() || !problem->is_object()) return nullptr;
  const auto detail = problem->find("detail");
  return detail == problem->end() ? Json() : *detail;
}

class Produce : public Verb {
 public:
  VerbInfo info() const override {
    return {"produce",
            "Operate",
            "Send commands from JSON lines (structured CloudEvents) to the home topic",
            {"admitone produce commands.jsonl --wait",
             "generate-commands | admitone produce - -o jsonl"},
            {{kOk, "all sent, and with --wait answered"},
             {kFailed, "failed, or nothing was sent"},
             {kPartly, "some were not sent or not answered"},
             {kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("file", file_, "One command per line; - reads stdin")->required();
    app.add_flag("--wait", wait_, "Wait for the outcomes and print them");
    app.add_option("--timeout", timeout_, "How long to wait for outcomes, e.g. 30s");
    app.add_option("--mode", mode_, "How CloudEvents are put on Kafka: structured, binary")
        ->check(CLI::IsMember({"structured", "binary"}));
    app.add_flag("--no-validate", no_validate_, "Send lines as they are, broken ones too");
  }

  int run(Context& context) override {
    const auto timeout = parse_duration(timeout_);
    if (!timeout) {
      throw VerbError(kUsage, "--timeout wants a length like 30s or 2m, not '" + timeout_ + "'");
    }
    std::ifstream file;
    if (file_ != "-") {
      std::error_code ignored;
      if (!std::filesystem::is_directory(file_, ignored)) file.open(file_);
      if (!file.is_open())
        throw VerbError(kUsage, "'" + file_ + "' cannot be read; give a file or -");
    }
    Production production(context);
    const bool complete = send_all(context, file_ == "-" ? std::cin : file, production);
    int code = complete && bad_ == 0 ? kOk : kPartly;
    if (wait_) {
      const auto pending = production.wait(*timeout);
      print_answers(context, production, pending);
      if (pending.waiting() > 0) {
        context.err << fmt::format(
            "admitone: {} of {} commands have no outcome {}; they are on the home topic: `admitone "
            "inspect POSITION` shows what became of one, `admitone dead-letters list` what could "
            "not be read, `admitone lanes` who reads the topic and how far\n",
            pending.waiting(), production.sent().size(),
            context.interrupted() ? "yet" : "after " + timeout_);
        code = kPartly;
      }
    } else {
      print_positions(context, production);
    }
    if (not_json_) {
      context.err << "admitone: every line must be a command of its own; `jq -c .` makes such "
                     "lines of JSON that is spread over many\n";
    }
    context.err << fmt::format("{} sent, {} refused\n", production.sent().size(), bad_);
    if (context.interrupted()) return kInterrupted;
    return production.sent().empty() ? kFailed : code;
  }

 private:
  // False when it ended before the file did.
  bool send_all(Context& context, std::istream& in, Production& production) {
    const auto mode = mode_ == "binary" ? ContentMode::binary : ContentMode::structured;
    const auto validation = no_validate_ ? Validation::none : Validation::strict;
    const auto limits = context.settings().limits;
    std::vector<PreparedCommand> batch;
    std::string text;
    for (std::int64_t line = 1; !context.interrupted() && std::getline(in, text); ++line) {
      if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
      auto prepared = prepare_line(line, text, mode, validation, limits);
      if (auto* bad = std::get_if<BadLine>(&prepared)) {
        ++bad_;
        not_json_ = not_json_ || !Json::accept(text);
        context.err << fmt::format("line {}: {}\n", bad->line, bad->what);
        continue;
      }
      batch.push_back(std::move(std::get<PreparedCommand>(prepared)));
      if (batch.size() == kBatch && !send(context, production, batch)) return false;
    }
    return send(context, production, batch) && !context.interrupted();
  }

  static bool send(Context& context, Production& production, std::vector<PreparedCommand>& batch) {
    if (batch.empty()) return true;
    const std::int64_t first = batch.front().line;
    const std::int64_t last = batch.back().line;
    const auto sent = production.send(std::exchange(batch, {}));
    if (sent) return true;
    const bool hopeless = sent.error().kind == base::ErrorKind::permanent;
    context.err << fmt::format(
        "lines {} to {}: {}; some of them may have been sent: {}\n", first, last,
        sent.error().message,
        hopeless ? "correct what was refused and send all of them again, which is harmless"
                 : "sending them again is harmless");
    return false;
  }

  static void print_positions(Context& context, const Production& production) {
    Rows rows({"line", "id", "type", "position"});
    for (const auto& line : production.sent()) {
      rows.add({line.command.line, text_or_null(line.command.id), text_or_null(line.command.type),
                line.position});
    }
    context.print(rows);
  }

  static void print_answers(Context& context, const Production& production,
                            const PendingAnswers& pending) {
    Rows rows(
        {"line", "id", "position", "status", "code", "replayed", "seq", "outcome_id", "detail"});
    for (const auto& line : production.sent()) {
      const auto found = pending.answered().find(line.command.line);
      if (found == pending.answered().end()) {
        rows.add({line.command.line, text_or_null(line.command.id), line.position, nullptr, nullptr,
                  nullptr, nullptr, nullptr, "no outcome yet"});
        continue;
      }
      const Answered& answer = found->second;
      rows.add({line.command.line, text_or_null(line.command.id), line.position,
                text_or_null(answer.status), text_or_null(answer.code), answer.replayed, answer.seq,
                answer.outcome_id, detail_of(answer)});
    }
    context.print(rows);
  }

  std::string file_;
  bool wait_ = false;
  std::string timeout_ = "30s";
  std::string mode_ = "structured";
  bool no_validate_ = false;
  std::int64_t bad_ = 0;
  bool not_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_produce() {
  return std::make_unique<Produce>();
}

}  // namespace admitone::app
