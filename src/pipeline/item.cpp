#include "pipeline/item.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "contract/keys.hpp"
#include "contract/outcome.hpp"

namespace admitone::pipeline {
namespace {

void refuse(Item& item, domain::Code code, std::string reason, std::string detail) {
  contract::Refusal refusal;
  refusal.kind = contract::Refusal::Kind::dead;
  refusal.reason = std::move(reason);
  refusal.detail = std::move(detail);
  if (const auto* envelope = item.envelope()) refusal.identity = *envelope;
  refusal.event = item.event();
  item.refusal = std::move(refusal);
  item.refusal_code = code;
  item.kind = Item::Kind::dead;
}

// The topic of "<topic>/<partition>/<offset>"; nullopt when it is none of those we read (any more).
std::optional<base::TopicId> topic_of(std::string_view position, const EngineOptions& options) {
  const auto offset = position.rfind('/');
  if (offset == std::string_view::npos || offset == 0) return std::nullopt;
  const auto partition = position.rfind('/', offset - 1);
  if (partition == std::string_view::npos) return std::nullopt;
  const auto name = position.substr(0, partition);
  for (const auto& [id, known] : options.topic_names)
    if (known == name) return id;
  return std::nullopt;
}

// A forward says whether its topic let it in: by the time it arrives the topic may be read no more.
constexpr std::string_view kForbidden = "admitone-forbidden";

bool was_forbidden(const base::Record& record) {
  return std::any_of(record.headers.begin(), record.headers.end(),
                     [](const auto& header) { return header.name == kForbidden; });
}

bool allowed(std::optional<base::TopicId> topic, base::TenantId tenant,
             const EngineOptions& options) {
  if (!topic) return true;
  const auto bound = options.topic_tenants.find(*topic);
  return bound == options.topic_tenants.end() || bound->second.contains(tenant);
}

// What is forwarded goes by a rule, also where the producers are trusted to have one.
std::int32_t lane_of(std::string_view key, const EngineOptions& options) {
  const auto partitioner = options.partitioner == contract::Partitioner::none
                               ? contract::Partitioner::murmur2
                               : options.partitioner;
  return contract::partition_of(partitioner, key, options.partitions);
}

// Where the record is to be decided; nullopt: here.
std::optional<std::int32_t> elsewhere(const Item& item, const EngineOptions& options) {
  const auto& at = item.record.position;
  const bool home = at.topic == options.home_topic;
  const auto event = item.event();
  if (home && options.partitioner == contract::Partitioner::none) return std::nullopt;
  if (!event) {
    // A refusal whose event is unreadable is answered where it is; from another topic any lane will
    // do.
    if (home) return std::nullopt;
    return lane_of(item.record.key.value_or(""), options);
  }
  const auto target = lane_of(event->text(), options);
  if (home && target == at.partition) return std::nullopt;
  return target;
}

// Who is to be answered, and nothing else.
base::Record identity_record(const contract::Envelope& of) {
  const auto tenant = of.tenant.str();
  base::Record record;
  const auto add = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) record.headers.push_back({name, *value});
  };
  record.headers = {{"content-type", "application/json"},
                    {"ce_specversion", "1.0"},
                    {"ce_id", of.id},
                    {"ce_source", of.source},
                    {"ce_type", of.type},
                    {"ce_tenantid", tenant}};
  add("ce_idempotencykey", of.idempotency_key);
  add("ce_actorid", of.actor_id);
  add("ce_correlationid", of.correlation_id);
  add("traceparent", of.traceparent);
  add("tracestate", of.tracestate);
  return contract::unpack_record(contract::pack_record(record)).value();
}

bool tells_who(const base::Record& record, const EngineOptions& options) {
  const auto decoded = contract::decode(record, options.limits);
  const auto* refusal = std::get_if<contract::Refusal>(&decoded.body);
  return refusal != nullptr && refusal->identity;
}

// A forward that somebody copied into another lane: its signature is good there, too.
bool is_astray(const Item& item, const EngineOptions& options) {
  const auto event = item.event();
  return event && lane_of(event->str(), options) != item.record.position.partition;
}

// The same without its value. Its views point into the original.
base::Record without_value(const base::Record& record) {
  base::Record rest;
  rest.position = record.position;
  rest.timestamp = record.timestamp;
  rest.key = record.key;
  rest.headers = record.headers;
  rest.bytes = record.bytes - record.value.value_or("").size();
  return rest;
}

// What the home topic would not take goes there without its value; where that is not enough, or the
// sender's name is gone with it, as nothing but that name. Without a value it is refused at home,
// and answered there; in full it stays where its origin says. (Made aside: when memory is short the
// item keeps its record.)
void fit(Item& item, const EngineOptions& options) {
  auto& record = item.record;
  const auto limit = options.dead_letter_value_bytes;
  if (record.bytes <= limit) return;
  auto rest = without_value(record);
  const bool enough = rest.bytes <= limit && tells_who(rest, options);
  if (!enough) {
    rest = identity_record(*item.envelope());
    rest.position = record.position;
    rest.timestamp = record.timestamp;
  }
  const std::string_view left_out = enough ? "value" : "value, key, headers";
  rest.headers.push_back({contract::kLeftOutHeader, left_out});
  if (enough) rest.storage = std::move(record.storage);
  record = std::move(rest);
}

// An operator's change: signed, and in a home lane. Whatever else has its type is of no known one.
bool read_change(Item& item, const EngineOptions& options) {
  if (item.kind != Item::Kind::dead || item.refusal.reason != "unknown_type" ||
      item.record.position.topic != options.home_topic)
    return false;
  auto change = contract::read_saga_change(options.forward_secret, item.record);
  if (!change) return false;
  item.change = std::make_shared<AskedChange>(AskedChange{std::move(*change)});
  item.kind = Item::Kind::change;
  return true;
}

bool was_too_large(const base::Record& record) {
  return !record.value && std::ranges::any_of(record.headers, [](const auto& header) {
    return header.name == contract::kLeftOutHeader;
  });
}

}  // namespace

const contract::Envelope* Item::envelope() const {
  if (kind == Kind::command || (kind == Kind::forward && !refusal.identity))
    return &command.envelope;
  return refusal.identity ? &*refusal.identity : nullptr;
}

base::TenantId Item::tenant() const {
  const auto* known = envelope();
  return known != nullptr ? known->tenant : base::TenantId{};
}

std::optional<base::EventId> Item::event() const {
  if (kind == Kind::command || (kind == Kind::forward && !refusal.identity)) return command.event;
  return refusal.event;
}

ports::LedgerKey Item::position_key() const {
  return {tenant(), contract::position_key_hash(position)};
}

ports::LedgerKey Item::origin_key() const {
  return {tenant(), contract::position_key_hash(origin)};
}

Item unread(base::Record&& record, const EngineOptions& options) {
  Item item;
  const auto& at = record.position;
  item.kind = Item::Kind::unread;
  item.position =
      contract::position_text(options.topic_names.at(at.topic), at.partition, at.offset);
  item.origin = item.position;
  item.record = std::move(record);
  return item;
}

Item prepare(base::Record&& record, const EngineOptions& options) {
  auto item = unread(std::move(record), options);
  prepare(item, options);
  return item;
}

void prepare(Item& item, const EngineOptions& options) {
  const auto& at = item.record.position;
  auto decoded = contract::decode(item.record, options.limits);
  if (auto* command = std::get_if<contract::DecodedCommand>(&decoded.body)) {
    item.command = std::move(*command);
    item.kind = Item::Kind::command;
  } else {
    item.refusal = std::move(std::get<contract::Refusal>(decoded.body));
    // Without an identity nobody can be answered: only the dead-letter topic can keep it.
    const bool dead = item.refusal.kind == contract::Refusal::Kind::dead || !item.refusal.identity;
    item.kind = dead ? Item::Kind::dead : Item::Kind::invalid;
    if (read_change(item, options)) return;
  }

  std::optional<base::TopicId> came_in_on = at.topic;
  // On another topic every claim is forged, but only a home lane can answer: it is forwarded as it
  // is, and with the origin of that forward it makes two claims, which are none.
  const bool refused_at_home = at.topic != options.home_topic && item.envelope() != nullptr;
  if (decoded.origin && !refused_at_home) {
    if (at.topic != options.home_topic ||
        !contract::verify_origin(options.forward_secret, decoded.origin->position,
                                 decoded.origin->signature, item.record) ||
        is_astray(item, options)) {
      refuse(item, domain::Code::invalid_command, "bad_origin",
             "admitone-origin is set by AdmitOne only and must carry its signature; remove the "
             "header");
      return;
    }
    item.origin = decoded.origin->position;
    item.forwarded_in = true;
    came_in_on = topic_of(item.origin, options);
  }

  // A forwarded record is never forwarded again: its lane was chosen when it was forwarded.
  if (!item.forwarded_in && item.envelope() != nullptr) {
    if (const auto target = elsewhere(item, options)) {
      fit(item, options);
      item.kind = Item::Kind::forward;
      item.forward_to = *target;
      return;
    }
  }
  if (item.envelope() == nullptr) return;
  if (item.forwarded_in && was_too_large(item.record))
    refuse(item, domain::Code::invalid_command, "limit",
           "larger than what the home topic takes; it is complete at its origin, " + item.origin);
  // A lane's own timer has come in on no topic: the hold that it ends was let in when it was made.
  const bool forbidden = !allowed(came_in_on, item.tenant(), options) ||
                         (item.forwarded_in && was_forbidden(item.record));
  if (forbidden && !contract::is_own_timer(options.forward_secret, item.record)) {
    refuse(item, domain::Code::tenant_forbidden, "tenant_forbidden",
           "topic " + origin_of(item).topic + " is bound to other tenants (kafka.topic_tenants)");
  }
}

base::Fields fields_of(const Item& item) {
  base::Fields fields;
  fields.position = item.position;
  const auto* envelope = item.envelope();
  if (envelope == nullptr) return fields;
  fields.command = envelope->id;
  fields.tenant = envelope->tenant.str();
  // <version>-<trace id>-<span id>-<flags>
  if (envelope->traceparent && envelope->traceparent->size() >= 35)
    fields.trace = envelope->traceparent->substr(3, 32);
  return fields;
}

void give_up(Item& item, std::int64_t attempts, const std::string& why) {
  refuse(item, domain::Code::processing_failed, "processing_failed", why);
  item.attempts = attempts;
}

std::vector<base::Header> forward_headers(const Item& item, const EngineOptions& options) {
  base::Record record;
  record.key = item.record.key;
  record.value = item.record.value;
  record.headers = item.record.headers;
  if (!allowed(item.record.position.topic, item.tenant(), options))
    record.headers.push_back({kForbidden, "true"});
  std::vector<base::Header> headers;
  headers.reserve(record.headers.size() + 2);
  for (const auto& header : record.headers)
    headers.push_back({std::string(header.name), std::string(header.value), header.null});
  headers.push_back({std::string(contract::kOriginHeader), item.origin});
  headers.push_back({std::string(contract::kOriginSignatureHeader),
                     contract::sign_origin(options.forward_secret, item.origin, record)});
  return headers;
}

Origin origin_of(const Item& item) {
  const std::string_view text = item.origin;
  const auto offset = text.rfind('/');
  const auto partition = text.rfind('/', offset - 1);
  Origin origin{std::string(text.substr(0, partition))};
  std::from_chars(text.data() + partition + 1, text.data() + offset, origin.partition);
  std::from_chars(text.data() + offset + 1, text.data() + text.size(), origin.offset);
  return origin;
}

std::span<const base::HeaderView> headers_as_sent(const Item& item) {
  std::span<const base::HeaderView> headers(item.record.headers);
  const auto added = [](const base::HeaderView& header) {
    return header.name == contract::kOriginHeader ||
           header.name == contract::kOriginSignatureHeader || header.name == kForbidden;
  };
  // (They are the last ones.)
  while (item.forwarded_in && !headers.empty() && added(headers.back()))
    headers = headers.first(headers.size() - 1);
  return headers;
}

}  // namespace admitone::pipeline
