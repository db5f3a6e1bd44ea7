#pragma once
// Dead letters, and what the tests of redriving judge them by.

#include <optional>
#include <string>
#include <vector>

#include "app/operate/redrive_core.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"

namespace admitone::app {

using namespace std::chrono_literals;

inline const std::string kEvent = "7d9b7d4c-c80b-4916-a40c-c8e1cffb9836";
inline const std::string kTenant = "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859";
inline const base::Timestamp kNow = *contract::parse_time("2030-01-10T12:00:00Z");
inline const std::string kRelease =
    R"({"eventId":"7d9b7d4c-c80b-4916-a40c-c8e1cffb9836","reservationId":"332a5401-25af-4407-934e-3a54f61dc441"})";

// A dead letter as a worker writes it; owns what its records point to.
struct LetterOf {
  std::vector<base::Header> sent{{"content-type", "application/json"},
                                 {"ce_specversion", "1.0"},
                                 {"ce_id", "c-1"},
                                 {"ce_source", "/shop"},
                                 {"ce_type", "ticketing.reservation.release.v1"},
                                 {"ce_tenantid", kTenant},
                                 {"ce_idempotencykey", "k-1"}};
  std::optional<std::string> value = kRelease;
  contract::DeadLetterFacts facts{"processing_failed",
                                  "PROCESSING_FAILED",
                                  "it crashed",
                                  "home",
                                  3,
                                  120,
                                  kNow - 1h,
                                  "g",
                                  5,
                                  kNow - 1h};
  std::int32_t partition = 1;
  std::int64_t offset = 7;
  base::Timestamp written = kNow - 30min;
  std::vector<base::Header> all = {};

  static std::vector<base::HeaderView> views(const std::vector<base::Header>& headers) {
    std::vector<base::HeaderView> out;
    for (const auto& header : headers) out.push_back({header.name, header.value, header.null});
    return out;
  }
  base::Record record() {
    base::Record original;
    original.headers = views(sent);
    all = contract::dead_letter_headers(original, facts);
    base::Record letter;
    letter.position = {0, partition, offset};
    letter.timestamp = written;
    letter.key = kEvent;
    if (value) letter.value = *value;
    letter.headers = views(all);
    return letter;
  }
};

inline RedriveRules rules() {
  RedriveRules out;
  out.letter_topic = "dlq";
  out.home_topic = "home";
  out.command_topics = {"home", "other"};
  out.partitions = 12;
  out.now = kNow;
  out.max_age = 72h;
  out.horizon = 168h;
  return out;
}

inline PlannedLetter examined(LetterOf letter, const RedriveRules& by = rules()) {
  return examine(letter.record(), by).value();
}

}  // namespace admitone::app
