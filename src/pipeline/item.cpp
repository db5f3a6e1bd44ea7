#include "pipeline/item.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/failpoint.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"
#include "contract/trace.hpp"

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

// The topic's name in "<topic>/<partition>/<offset>"; empty when it has none.
std::string_view topic_in(std::string_view position) {
  const auto offset = position.rfind('/');
  if (offset == std::string_view::npos || offset == 0) return {};
  const auto partition = position.rfind('/', offset - 1);
  return partition == std::string_view::npos ? std::string_view{} : position.substr(0, partition);
}

// Nullopt when it is none of those we read (any more).
std::optional<base::TopicId> topic_of(std::string_view position, const EngineOptions& options) {
  const auto name = topic_in(position);
  for (const auto& [id, known] : options.topic_names)
    if (known == name) return id;
  return std::nullopt;
}

// (A producer's own header of that name shuts out nobody else.)
bool was_forbidden(const base::Record& record) {
  return std::ranges::any_of(
      record.headers, [](const auto& header) { return header.name == contract::kForbiddenHeader; });
}

bool allowed(std::optional<base::TopicId> topic, base::TenantId tenant,
             const EngineOptions& options) {
  if (!topic) return true;
  const auto bound = options.topic_tenants.find(*topic);
  return bound == options.topic_tenants.end() || bound->second.contains(tenant);
}

// The only header of this name; nullopt when there is none, or more than one.
std::optional<std::string_view> only(const base::Record& record, std::string_view name) {
  const auto is_it = [name](const auto& header) { return header.name == name; };
  const auto found = std::ranges::find_if(record.headers, is_it);
  if (found == record.headers.end() || std::ranges::count_if(record.headers, is_it) != 1)
    return std::nullopt;
  return found->value;
}

// Where a record was let in, as far as that is known. The view is into the item.
struct CameIn {
  std::string_view topic;
  bool forbidden = false;
};

using Headers = std::span<const base::HeaderView>;

bool ends_with(Headers headers, std::string_view name) {
  return !headers.empty() && headers.back().name == name;
}

Headers without_last(Headers headers, std::string_view name) {
  return ends_with(headers, name) ? headers.first(headers.size() - 1) : headers;
}

// Of a signed record, without what a forward has behind its time. Each forward has one, known or
// not: so what is the last now is never a producer's of that name.
Headers up_to_time(const base::Record& record) {
  Headers headers(record.headers);
  for (const auto name :
       {contract::kOriginSignatureHeader, contract::kOriginHeader, contract::kForbiddenHeader})
    headers = without_last(headers, name);
  return headers;
}

std::optional<base::Timestamp> forward_time(const base::Record& record) {
  const auto headers = up_to_time(record);
  if (!ends_with(headers, contract::kForwardTimeHeader)) return std::nullopt;
  return contract::parse_time(headers.back().value);
}

// What a signed record says of that. A letter's place tells nothing about who was let in: where
// topics are bound to tenants, a redriven record whose first topic is not known is nobody's. Who
// redrives may know the letters' topic by another name than the workers.
CameIn came_in(Item& item, const EngineOptions& options) {
  const auto& record = item.record;
  item.first_sent = forward_time(record);
  const auto name = topic_in(item.origin);
  const auto place = topic_of(item.origin, options);
  const bool letters = !name.empty() && name == options.dead_letter_topic;
  const auto redriven = only(record, contract::kRedriveHeader);
  if (!letters && (place || !redriven))
    return {name, !allowed(place, item.tenant(), options) || was_forbidden(record)};
  if (const auto time = only(record, contract::kRedriveTimeHeader)) {
    const auto first = contract::parse_time(*time);
    // (Where nobody knows the letters' topic it may be a producer's header.)
    if (letters || !item.first_sent || (first && *first < *item.first_sent))
      item.first_sent = first;
  }
  const auto root = redriven.value_or("");
  const auto topic = topic_of(root, options);
  if (base::failpoint::mutant("redrive_lets_in")) return {topic_in(root), false};
  const bool unknown = !topic && !options.topic_tenants.empty();
  return {topic_in(root), unknown || !allowed(topic, item.tenant(), options) ||
                              (!letters && was_forbidden(record))};
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
  const auto in = item.forwarded_in
                      ? came_in(item, options)
                      : CameIn{topic_in(item.position), !allowed(at.topic, item.tenant(), options)};
  // A lane's own timer has come in on no topic: the hold that it ends was let in when it was made.
  if (in.forbidden && !contract::is_own_timer(options.forward_secret, item.record)) {
    refuse(item, domain::Code::tenant_forbidden, "tenant_forbidden",
           "topic " + std::string(in.topic) + " is bound to other tenants (kafka.topic_tenants)");
  }
}

base::Fields fields_of(const Item& item) {
  base::Fields fields;
  fields.position = item.position;
  const auto* envelope = item.envelope();
  if (envelope == nullptr) return fields;
  fields.command = envelope->id;
  fields.tenant = envelope->tenant.str();
  fields.trace = contract::trace_id(envelope->traceparent, item.origin);
  return fields;
}

void give_up(Item& item, std::int64_t attempts, const std::string& why) {
  refuse(item, domain::Code::processing_failed, "processing_failed", why);
  item.attempts = attempts;
}

base::Timestamp sent_at(const Item& item) {
  return std::min(item.record.timestamp, item.first_sent.value_or(item.record.timestamp));
}

std::vector<base::Header> forward_headers(const Item& item, const EngineOptions& options) {
  base::Record record;
  record.key = item.record.key;
  record.value = item.record.value;
  record.headers = item.record.headers;
  // The broker's time alone is believed: by a producer's clock that is off, keys would end and
  // windows of content be missed. (What was signed before was believed then.)
  const bool known =
      (item.record.appended || item.first_sent) && !base::failpoint::mutant("forwards_are_new");
  const auto time = known ? contract::format_time(sent_at(item)) : std::string();
  record.headers.push_back({contract::kForwardTimeHeader, time});
  if (!allowed(item.record.position.topic, item.tenant(), options))
    record.headers.push_back({contract::kForbiddenHeader, "true"});
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
  if (!item.forwarded_in) return item.record.headers;
  return without_last(up_to_time(item.record), contract::kForwardTimeHeader);
}

}  // namespace admitone::pipeline
