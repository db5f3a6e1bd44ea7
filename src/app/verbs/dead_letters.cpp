#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/inspect_core.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/produce_core.hpp"
#include "app/verbs/progress_line.hpp"
#include "app/wiring.hpp"
#include "kafka/reader.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kShownBytes = 4096;

// Bytes as a person can read and a terminal can stand them.
std::string printable(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, kShownBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  if (bytes.size() > kShownBytes) {
    out += fmt::format(" … {} bytes more", bytes.size() - kShownBytes);
  }
  return out;
}

std::string fact(const base::Record& record, const char* name) {
  return header_of(record, std::string("admitone-dlq-") + name).value_or("");
}

// A header's text as the number it is; a letter that somebody else wrote may say anything.
Json count(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return text;
  return number;
}

// Where the record was when it could not be processed.
std::string origin_of(const base::Record& record) {
  return fact(record, "topic") + "/" + fact(record, "partition") + "/" + fact(record, "offset");
}

class DeadLetters : public Verb {
 protected:
  void scan(Context& context, const kafka::Reader::Each& each) {
    const Settings& settings = context.settings({"kafka.bootstrap_servers"});
    const auto reader = must(
        kafka::Reader::create(kafka_for(context, "dead-letters"), settings.kafka.group_id, clock_));
    const std::string& topic = settings.kafka.dead_letter_topic;
    const auto extent = extent_of(*reader, topic, settings.kafka.request_timeout);
    std::int64_t total = 0;
    for (const auto& [partition, ends] : extent) total += ends.high - ends.low;
    ProgressLine progress(context.err, clock_, "reading " + topic, total);
    must(reader->read(topic, extent, settings.kafka.request_timeout, [&](base::Record&& record) {
      progress.step();
      return each(std::move(record)) && !context.interrupted();
    }));
    if (context.interrupted()) throw VerbError(kInterrupted, "interrupted");
  }

 private:
  SystemClock clock_;
};

class DeadLettersList : public DeadLetters {
 public:
  VerbInfo info() const override {
    return {"dead-letters list",
            "Look",
            "Show what could not be processed, grouped by reason or one by one",
            {"admitone dead-letters list", "admitone dead-letters list --reason undecodable"},
            {{kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("--reason", reason_, "The letters of this reason, one by one");
    app.add_option("--limit", limit_, "At most so many letters")->check(CLI::Range(1, 1'000'000));
  }

  int run(Context& context) override {
    if (reason_.empty()) return groups(context);
    const std::string& own_topic =
        context.settings({"kafka.bootstrap_servers"}).kafka.dead_letter_topic;
    Rows rows({"position", "code", "timestamp", "attempts", "dead_letter", "detail"});
    scan(context, [&](base::Record&& record) {
      if (fact(record, "reason") != reason_) return true;
      rows.add({origin_of(record), fact(record, "code"), fact(record, "timestamp"),
                count(fact(record, "attempts")), own_position(own_topic, record),
                fact(record, "detail")});
      return static_cast<std::int64_t>(rows.size()) < limit_;
    });
    context.print(rows);
    if (rows.size() == 0) {
      context.err << "admitone: no dead letter has the reason '" << reason_
                  << "'; `admitone dead-letters list` shows the reasons there are\n";
    }
    return kOk;
  }

 private:
  struct Group {
    std::int64_t letters = 0;
    std::string code;
    std::string first;
    std::string last;
    std::string example;
    std::string detail;
  };

  static std::string own_position(const std::string& topic, const base::Record& record) {
    return fmt::format("{}/{}/{}", topic, record.position.partition, record.position.offset);
  }

  int groups(Context& context) {
    std::map<std::string, Group> groups;
    scan(context, [&](base::Record&& record) {
      Group& group = groups[fact(record, "reason")];
      ++group.letters;
      group.code = fact(record, "code");
      const std::string failed = fact(record, "first-failed-at");
      if (group.first.empty() || failed < group.first) group.first = failed;
      if (failed > group.last) group.last = failed;
      group.example = origin_of(record);
      group.detail = fact(record, "detail");
      return true;
    });
    Rows rows({"reason", "letters", "code", "first_failed_at", "last_failed_at", "example",
               "detail_of_example"});
    for (const auto& [reason, group] : groups) {
      rows.add({reason, group.letters, group.code, group.first, group.last, group.example,
                group.detail});
    }
    context.print(rows);
    if (groups.empty()) context.err << "admitone: there are no dead letters\n";
    return kOk;
  }

  std::string reason_;
  std::int64_t limit_ = 1000;
};

class DeadLettersShow : public DeadLetters {
 public:
  VerbInfo info() const override {
    return {"dead-letters show",
            "Look",
            "Show one dead letter in full, by the position of the record it was",
            {"admitone dead-letters show ticketing.commands/3/120"},
            {{kNotFound, "no such dead letter"}, {kInterrupted, "interrupted"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("position", position_, "TOPIC/PARTITION/OFFSET of the record, or of the letter")
        ->required();
  }

  int run(Context& context) override {
    if (parse_id(position_).kind != IdKind::position) {
      throw VerbError(kUsage, "'" + position_ + "' is no TOPIC/PARTITION/OFFSET");
    }
    const std::string& own_topic =
        context.settings({"kafka.bootstrap_servers"}).kafka.dead_letter_topic;
    bool found = false;
    scan(context, [&](base::Record&& record) {
      const std::string own =
          fmt::format("{}/{}/{}", own_topic, record.position.partition, record.position.offset);
      if (origin_of(record) != position_ && own != position_) return true;
      show(context, record, own);
      found = true;
      return false;
    });
    if (!found) throw VerbError(kNotFound, "no dead letter of " + position_);
    return kOk;
  }

 private:
  static void show(Context& context, const base::Record& record, const std::string& own) {
    Json letter = {{"position", origin_of(record)}, {"dead_letter", own}};
    for (const char* name :
         {"reason", "code", "detail", "attempts", "first-failed-at", "timestamp", "group"}) {
      std::string member(name);
      std::replace(member.begin(), member.end(), '-', '_');
      letter[member] = member == "attempts" ? count(fact(record, name)) : Json(fact(record, name));
    }
    Json headers = Json::object();
    for (const auto& header : record.headers) {
      if (header.name.starts_with("admitone-dlq-") || header.name.starts_with("kafka_dlt-")) {
        continue;
      }
      headers[printable(header.name)] = header.null ? Json() : Json(printable(header.value));
    }
    Screen screen;
    screen.document("dead letter", letter);
    screen.document("headers", headers);
    screen.document("record", {{"key", record.key ? Json(printable(*record.key)) : Json()},
                               {"bytes", record.value ? record.value->size() : 0},
                               {"value", record.value ? Json(printable(*record.value)) : Json()}});
    screen.print(context.out, context.format);
  }

  std::string position_;
};

}  // namespace

std::unique_ptr<Verb> make_dead_letters_list() {
  return std::make_unique<DeadLettersList>();
}
std::unique_ptr<Verb> make_dead_letters_show() {
  return std::make_unique<DeadLettersShow>();
}

}  // namespace admitone::app
