#include "pipeline/item.hpp"

#include <utility>

#include "contract/keys.hpp"

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

// The topic of "<topic>/<partition>/<offset>"; nullopt when it is not one of ours.
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

bool allowed(base::TopicId topic, base::TenantId tenant, const EngineOptions& options) {
  const auto bound = options.topic_tenants.find(topic);
  return bound == options.topic_tenants.end() || bound->second.contains(tenant);
}

// Where the record is to be decided; nullopt: here.
std::optional<std::int32_t> elsewhere(const Item& item, const EngineOptions& options) {
  const auto& at = item.record.position;
  const bool home = at.topic == options.home_topic;
  const auto event = item.event();
  auto partitioner = options.partitioner;
  if (partitioner == contract::Partitioner::none) {
    if (home) return std::nullopt;
    partitioner = contract::Partitioner::murmur2;
  }
  if (!event) {
    // A refusal whose event is unreadable is answered where it is; from another topic any lane will
    // do.
    if (home) return std::nullopt;
    return contract::partition_of(partitioner, item.record.key.value_or(""), options.partitions);
  }
  const auto target = contract::partition_of(partitioner, event->str(), options.partitions);
  if (home && target == at.partition) return std::nullopt;
  return target;
}

// What the home topic would not take is forwarded without its value, and without its key when that
// is not enough: it is over the limits, so it is refused at home, and answered there. False: its
// headers alone are too much.
bool fit(base::Record& record, std::size_t limit) {
  const auto drop = [&](std::optional<std::string_view>& part) {
    if (record.bytes <= limit || !part) return;
    record.bytes -= part->size();
    part.reset();
  };
  drop(record.value);
  drop(record.key);
  return record.bytes <= limit;
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

Item prepare(base::Record&& record, const EngineOptions& options) {
  Item item;
  const auto& at = record.position;
  item.position =
      contract::position_text(options.topic_names.at(at.topic), at.partition, at.offset);
  item.origin = item.position;
  auto decoded = contract::decode(record, options.limits);
  item.record = std::move(record);

  if (auto* command = std::get_if<contract::DecodedCommand>(&decoded.body)) {
    item.command = std::move(*command);
    item.kind = Item::Kind::command;
  } else {
    item.refusal = std::move(std::get<contract::Refusal>(decoded.body));
    // Without an identity nobody can be answered: only the dead-letter topic can keep it.
    const bool dead = item.refusal.kind == contract::Refusal::Kind::dead || !item.refusal.identity;
    item.kind = dead ? Item::Kind::dead : Item::Kind::invalid;
  }

  auto came_in_on = at.topic;
  // On another topic every claim is forged, but only a home lane can answer: it is forwarded as it
  // is, and with the origin of that forward it makes two claims, which are none.
  const bool refused_at_home = at.topic != options.home_topic && item.envelope() != nullptr;
  if (decoded.origin && !refused_at_home) {
    const auto topic = topic_of(decoded.origin->position, options);
    if (at.topic != options.home_topic || !topic ||
        !contract::verify_origin(options.forward_secret, decoded.origin->position,
                                 decoded.origin->signature, item.record)) {
      refuse(item, domain::Code::invalid_command, "bad_origin",
             "admitone-origin is set by AdmitOne only and must carry its signature; remove the "
             "header");
      return item;
    }
    item.origin = decoded.origin->position;
    item.forwarded_in = true;
    came_in_on = *topic;
  }

  // A forwarded record is never forwarded again: its lane was chosen when it was forwarded.
  if (!item.forwarded_in && item.envelope() != nullptr) {
    if (const auto target = elsewhere(item, options)) {
      if (!fit(item.record, options.dead_letter_value_bytes)) {
        refuse(item, domain::Code::invalid_command, "limit", "the headers are over the limits");
        return item;
      }
      item.kind = Item::Kind::forward;
      item.forward_to = *target;
      return item;
    }
  }
  if (item.envelope() != nullptr && !allowed(came_in_on, item.tenant(), options)) {
    refuse(item, domain::Code::tenant_forbidden, "tenant_forbidden",
           "topic " + options.topic_names.at(came_in_on) +
               " is bound to other tenants (kafka.topic_tenants)");
  }
  return item;
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
  std::vector<base::Header> headers;
  headers.reserve(item.record.headers.size() + 2);
  for (const auto& header : item.record.headers)
    headers.push_back({std::string(header.name), std::string(header.value), header.null});
  headers.push_back({"admitone-origin", item.origin});
  headers.push_back({"admitone-origin-signature",
                     contract::sign_origin(options.forward_secret, item.origin, item.record)});
  return headers;
}

}  // namespace admitone::pipeline
