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

std::vector<base::Header> outcome_headers(const OutcomeRecord& outcome, std::int32_t lane,
                                          std::int64_t seq) {
  std::vector<base::Header> out;
  out.reserve(18);
  const auto add = [&out](std::string_view name, std::string value) {
    out.push_back({std::string(name), std::move(value)});
  };
  const auto add_if = [&add](std::string_view name, const std::optional<std::string>& value) {
    if (value) add(name, *value);
  };
  add("ce_specversion", "1.0");
  add("ce_id", outcome.id.str());
  add("ce_source", "admitone");
  add("ce_type", std::string(type_name(outcome.type)));
  add("ce_time", format_time(outcome.time));
  if (outcome.event) add("ce_subject", outcome.event->str());
  add("ce_tenantid", outcome.tenant.str());
  add_if("ce_idempotencykey", outcome.idempotency_key);
  add_if("ce_actorid", outcome.actor_id);
  add("ce_correlationid", outcome.correlation_id.value_or(outcome.command_id));
  add("ce_causationid", outcome.command_id);
  if (outcome.replayed) add("ce_idempotencyreplayed", "true");
  add_if("traceparent", outcome.traceparent);
  add_if("tracestate", outcome.tracestate);
  add("content-type", "application/json");
  add(kOriginHeader, outcome.origin);
  add("admitone-seq", std::to_string(lane) + ":" + std::to_string(seq));
  return out;
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
