#include <charconv>

#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number out{};
  const auto* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, out);
  const bool plain = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!plain || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return out;
}

}  // namespace

void each_outcome_header(const OutcomeRecord& outcome, std::int32_t lane, std::int64_t seq,
                         const HeaderSink& add) {
  const auto add_if = [&add](std::string_view name, const std::optional<std::string>& value) {
    if (value) add(name, *value);
  };
  add("ce_specversion", "1.0");
  add("ce_id", outcome.id.text());
  add("ce_source", "admitone");
  add("ce_type", type_name(outcome.type));
  std::string time;
  append_time(time, outcome.time);
  add("ce_time", time);
  if (outcome.event) add("ce_subject", outcome.event->text());
  add("ce_tenantid", outcome.tenant.text());
  add_if("ce_idempotencykey", outcome.idempotency_key);
  add_if("ce_actorid", outcome.actor_id);
  add("ce_correlationid", outcome.correlation_id ? *outcome.correlation_id : outcome.command_id);
  add("ce_causationid", outcome.command_id);
  if (outcome.replayed) add("ce_idempotencyreplayed", "true");
  add_if("traceparent", outcome.traceparent);
  add_if("tracestate", outcome.tracestate);
  add("content-type", "application/json");
  add(kOriginHeader, outcome.origin);
  std::string number;
  append_number(number, lane);
  number.push_back(':');
  append_number(number, seq);
  add("admitone-seq", number);
}

std::vector<base::Header> outcome_headers(const OutcomeRecord& outcome, std::int32_t lane,
                                          std::int64_t seq) {
  std::vector<base::Header> out;
  out.reserve(18);
  each_outcome_header(outcome, lane, seq, [&out](std::string_view name, std::string_view value) {
    auto& header = out.emplace_back();
    header.name = name;
    header.value = value;
  });
  return out;
}

std::size_t outcome_bytes(const OutcomeRecord& outcome, std::int32_t lane, std::int64_t seq) {
  std::size_t bytes = outcome.value.size() + (outcome.event ? outcome.event->str().size() : 0);
  each_outcome_header(outcome, lane, seq, [&bytes](std::string_view name, std::string_view value) {
    bytes += name.size() + value.size();
  });
  return bytes;
}

std::optional<LaneSeq> parse_seq(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto lane = whole_number<std::int32_t>(text.substr(0, colon));
  const auto seq = whole_number<std::int64_t>(text.substr(colon + 1));
  if (!lane || !seq) return std::nullopt;
  return LaneSeq{*lane, *seq};
}

}  // namespace admitone::contract
