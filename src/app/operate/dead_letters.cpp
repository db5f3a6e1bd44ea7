#include "app/operate/dead_letters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "app/header_of.hpp"
#include "app/system_clock.hpp"
#include "kafka/reader.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kShownBytes = 4096;
// AdmitOne has about ten reasons; whoever may write to the topic has any number.
constexpr std::size_t kMostGroups = 200;
constexpr std::string_view kOtherReasons = "(others)";

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
  return last_header_of(record, std::string("admitone-dlq-") + name).value_or("");
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

std::string own_position(const std::string& topic, const base::Record& record) {
  return fmt::format("{}/{}/{}", topic, record.position.partition, record.position.offset);
}

std::unique_ptr<kafka::Reader> open_reader(const Means& means, const ports::Clock& clock) {
  return must(
      kafka::Reader::create(means.kafka("dead-letters"), means.settings.kafka.group_id, clock));
}

void scan(const Means& means, const ReadingProgress& progress, const kafka::Reader& reader,
          const kafka::Reader::Each& each) {
  const Settings& settings = means.settings;
  const std::string& topic = settings.kafka.dead_letter_topic;
  const auto extent = extent_of(reader, topic, settings.kafka.request_timeout);
  std::int64_t total = 0;
  for (const auto& [partition, ends] : extent) total += ends.high - ends.low;
  progress.begins("reading " + topic, total);
  must(reader.read(topic, extent, settings.kafka.request_timeout, [&](base::Record&& record) {
    progress.read();
    return each(std::move(record)) && !means.interrupted();
  }));
  if (means.interrupted()) throw VerbError(kInterrupted, "interrupted");
}

struct Group {
  std::int64_t letters = 0;
  std::string code;
  std::string first;
  std::string last;
  std::string example;
  std::string detail;
};

Rows groups_of(const Means& means, const ReadingProgress& progress) {
  std::map<std::string, Group> groups;
  const SystemClock clock;
  scan(means, progress, *open_reader(means, clock), [&](base::Record&& record) {
    const std::string reason = fact(record, "reason");
    const bool is_one_more = !groups.contains(reason) && groups.size() >= kMostGroups;
    Group& group = groups[is_one_more ? std::string(kOtherReasons) : reason];
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
    rows.add(
        {reason, group.letters, group.code, group.first, group.last, group.example, group.detail});
  }
  return rows;
}

Screen screen_of(const base::Record& record, const std::string& own) {
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
  return screen;
}

}  // namespace

Rows list_dead_letters(const Means& means, const DeadLettersAsked& asked,
                       const ReadingProgress& progress) {
  if (asked.reason.empty()) return groups_of(means, progress);
  const std::string& own_topic = means.settings.kafka.dead_letter_topic;
  Rows rows({"position", "code", "timestamp", "attempts", "dead_letter", "detail"});
  const SystemClock clock;
  scan(means, progress, *open_reader(means, clock), [&](base::Record&& record) {
    if (fact(record, "reason") != asked.reason) return true;
    rows.add({origin_of(record), fact(record, "code"), fact(record, "timestamp"),
              count(fact(record, "attempts")), own_position(own_topic, record),
              fact(record, "detail")});
    return static_cast<std::int64_t>(rows.size()) < asked.limit;
  });
  return rows;
}

void check_position(const std::string& position) {
  if (parse_id(position).kind != IdKind::position) {
    throw VerbError(kUsage, "'" + position + "' is no TOPIC/PARTITION/OFFSET");
  }
}

Screen show_dead_letter(const Means& means, const std::string& position,
                        const ReadingProgress& progress) {
  check_position(position);
  const std::string& topic = means.settings.kafka.dead_letter_topic;
  const SystemClock clock;
  const auto reader = open_reader(means, clock);
  // A letter's own position needs no reading of all of them.
  if (const auto at = parse_id(position); at.topic == topic) {
    const auto letter = reader->find({topic, static_cast<std::int32_t>(at.partition)}, at.offset,
                                     means.settings.kafka.request_timeout);
    if (letter && *letter) return screen_of(**letter, own_position(topic, **letter));
  }
  Screen found;
  scan(means, progress, *reader, [&](base::Record&& record) {
    const std::string own = own_position(topic, record);
    if (origin_of(record) != position && own != position) return true;
    found = screen_of(record, own);
    return false;
  });
  if (found.empty()) throw VerbError(kNotFound, "no dead letter of " + position);
  return found;
}

}  // namespace admitone::app
