#include "contract/saga_change.hpp"

#include <algorithm>
#include <array>

#include "contract/fields.hpp"
#include "contract/keys.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

using Action = SagaChange::Action;

constexpr std::array<std::string_view, 5> kActions{"retry", "compensate", "resolve_as_done",
                                                   "resolve_as_undone", "end_attempt"};
constexpr TextRule kAnyText{2'000};
constexpr JsonLimits kLimits{.max_depth = 2, .max_elements = 16, .max_string_bytes = 16'384};

std::optional<std::string_view> header(const base::Record& record, std::string_view name) {
  const auto found = std::ranges::find(record.headers, name, &base::HeaderView::name);
  if (found == record.headers.end()) return std::nullopt;
  return found->value;
}

std::optional<base::Uuid> uuid_in(const base::Record& record, std::string_view name) {
  const auto text = header(record, name);
  return text ? base::Uuid::parse(*text) : std::nullopt;
}

std::optional<Action> action_of(std::string_view name) {
  const auto found = std::ranges::find(kActions, name);
  if (found == kActions.end()) return std::nullopt;
  return static_cast<Action>(found - kActions.begin());
}

}  // namespace

std::string_view name_of(SagaChange::Action action) {
  return kActions.at(static_cast<std::size_t>(action));
}

std::string audited_verb(const SagaChange& change) {
  switch (change.action) {
    case Action::retry:
      return "sagas retry";
    case Action::compensate:
      return "sagas compensate";
    case Action::resolve_as_undone:
      return "sagas resolve --as undone";
    case Action::end_attempt:
      return "keys release";
    case Action::resolve_as_done:
      break;
  }
  return "sagas resolve --as done" + (change.result.empty() ? "" : " --result " + change.result);
}

std::string audited_target(const SagaChange& change) {
  return "saga " + change.saga.str();
}

TimerCommand saga_change_command(std::string_view secret, const SagaChange& change,
                                 base::Timestamp now) {
  TimerCommand out;
  out.key = change.event.str();
  out.value = R"({"sagaId":")" + change.saga.str() + R"(","eventId":")" + out.key +
              R"(","action":")" + std::string(name_of(change.action)) + R"(","step":)";
  append_json_string(out.value, change.step);
  out.value += R"(,"reason":)";
  append_json_string(out.value, change.reason);
  if (!change.result.empty()) {
    out.value += R"(,"result":)";
    append_json_string(out.value, change.result);
  }
  out.value += '}';
  out.headers = {
      {"ce_specversion", "1.0"},
      {"ce_id", change.id.str()},
      {"ce_source", "admitone/operator"},
      {"ce_type", std::string(kSagaChangeType)},
      {"ce_time", format_time(now)},
      {"ce_subject", out.key},
      {"ce_tenantid", change.tenant.str()},
      {"content-type", "application/json"},
  };
  base::Record record;
  record.key = out.key;
  record.value = out.value;
  for (const auto& one : out.headers) record.headers.push_back({one.name, one.value});
  out.headers.push_back({std::string(kTimerSignatureHeader), sign_timer(secret, record)});
  return out;
}

std::optional<SagaChange> read_saga_change(std::string_view secret, const base::Record& record) {
  if (header(record, "ce_type") != kSagaChangeType || !is_own_timer(secret, record))
    return std::nullopt;
  const auto tenant = uuid_in(record, "ce_tenantid");
  const auto id = uuid_in(record, "ce_id");
  const auto parsed = parse_json(record.value.value_or(""), kLimits);
  const auto* document = std::get_if<JsonDocument>(&parsed);
  if (!tenant || !id || document == nullptr) return std::nullopt;
  Errors errors = document->errors();
  Fields fields(document->root(), "", errors);
  SagaChange out;
  out.tenant.value = *tenant;
  out.id = *id;
  out.saga.value = fields.uuid("sagaId", Presence::required).value_or(base::Uuid{});
  out.event.value = fields.uuid("eventId", Presence::required).value_or(base::Uuid{});
  const auto action = action_of(fields.text("action", Presence::required, kAnyText).value_or(""));
  out.step = fields.text("step", Presence::required, kAnyText).value_or("");
  out.reason = fields.text("reason", Presence::required, kAnyText).value_or("");
  out.result = fields.text("result", Presence::optional, kAnyText).value_or("");
  fields.finish();
  if (!errors.empty() || !action) return std::nullopt;
  out.action = *action;
  return out;
}

}  // namespace admitone::contract
