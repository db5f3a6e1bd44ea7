#include "contract/bytes.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

// As DeadLetterPublishingRecoverer writes numbers: tools read them back by their width.
template <class Number>
std::string big_endian(Number number) {
  std::string out;
  append_big_endian(out, number);
  return out;
}

}  // namespace

std::vector<base::Header> dead_letter_headers(const base::Record& record,
                                              const DeadLetterFacts& facts) {
  std::vector<base::Header> out;
  out.reserve(record.headers.size() + 13);
  for (const auto& header : record.headers)
    out.push_back({std::string(header.name), std::string(header.value), header.null});
  const auto add = [&out](std::string_view name, std::string value) {
    out.push_back({std::string(name), std::move(value)});
  };
  add("admitone-dlq-reason", facts.reason);
  add("admitone-dlq-code", facts.code);
  add("admitone-dlq-detail", facts.detail);
  add("admitone-dlq-topic", facts.topic);
  add("admitone-dlq-partition", std::to_string(facts.partition));
  add("admitone-dlq-offset", std::to_string(facts.offset));
  add("admitone-dlq-timestamp", format_time(facts.timestamp));
  add("admitone-dlq-group", facts.group);
  add("admitone-dlq-attempts", std::to_string(facts.attempts));
  add("admitone-dlq-first-failed-at", format_time(facts.first_failed_at));
  add("kafka_dlt-original-topic", facts.topic);
  add("kafka_dlt-original-partition", big_endian(facts.partition));
  add("kafka_dlt-original-offset", big_endian(facts.offset));
  return out;
}

}  // namespace admitone::contract
