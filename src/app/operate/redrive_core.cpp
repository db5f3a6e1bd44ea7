#include "app/operate/redrive_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "app/duration.hpp"
#include "app/header_of.hpp"
#include "base/failpoint.hpp"
#include "contract/text.hpp"

namespace admitone::app {
namespace {

constexpr std::string_view kFacts = "admitone-dlq-";
constexpr std::string_view kSpring = "kafka_dlt-";
// How far the clocks of a worker, of brokers and of the database may be apart.
constexpr std::chrono::seconds kClocks{10};

std::string fact(const base::Record& letter, std::string_view name) {
  return last_header_of(letter, std::string(kFacts) + std::string(name)).value_or("");
}

// What AdmitOne has put on the record on its way; a forged one is left behind as well.
bool is_ours(std::string_view header) {
  static constexpr std::array kNames{contract::kOriginHeader,      contract::kOriginSignatureHeader,
                                     contract::kLeftOutHeader,     contract::kRedriveHeader,
                                     contract::kRedriveTimeHeader, contract::kForwardTimeHeader,
                                     contract::kForbiddenHeader};
  return header.starts_with(kFacts) || header.starts_with(kSpring) ||
         std::ranges::find(kNames, header) != kNames.end();
}

std::string topic_of(std::string_view position) {
  const auto offset = position.rfind('/');
  if (offset == std::string_view::npos || offset == 0) return {};
  return std::string(position.substr(0, position.rfind('/', offset - 1)));
}

std::string days(base::Duration length) {
  return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(length));
}

void cannot(PlannedLetter& letter, Fate fate, std::string detail) {
  letter.fate = fate;
  letter.detail = std::move(detail);
}

// By the time of the record that died first: each redrive makes a new record, and that would hide
// it.
bool forgotten(const PlannedLetter& letter, const RedriveRules& rules) {
  return letter.written_at < rules.now - rules.max_age ||
         letter.first_sent < rules.now - rules.horizon;
}

// The record that died, and the first one: what a redriven record carries was signed, and only such
// a one names the letters' topic as its own. False when the letter does not tell.
bool tell_origin(PlannedLetter& out, const base::Record& letter, const RedriveRules& rules) {
  out.root = out.origin;
  auto time = fact(letter, "timestamp");
  if (place_in(rules.letter_topic, out.origin)) {
    out.root = last_header_of(letter, contract::kRedriveHeader).value_or("");
    time = last_header_of(letter, contract::kRedriveTimeHeader).value_or("");
  }
  const auto first_sent = contract::parse_time(time);
  out.first_sent = first_sent.value_or(base::Timestamp{});
  return first_sent && !out.root.empty();
}

// As its lane will see it (pipeline/item.cpp), which has the last word.
bool is_let_in(const PlannedLetter& letter, const base::Record& record,
               const contract::DecodedCommand& command, const RedriveRules& rules) {
  const auto topic = topic_of(letter.root);
  const bool is_read = std::ranges::find(rules.command_topics, topic) != rules.command_topics.end();
  // (Where none is bound, nobody is kept out.)
  if (!is_read && !rules.topic_tenants.empty()) return false;
  if (!is_forbidden(rules.topic_tenants, topic, *letter.tenant)) return true;
  // A lane's own timer is let in everywhere; only the lane can prove that it is one.
  return domain::type_of(command.command) == domain::CommandType::reservation_expire &&
         header_of(record, contract::kTimerSignatureHeader).has_value();
}

void route(PlannedLetter& letter, const std::string& event, const RedriveRules& rules) {
  letter.lane = contract::partition_of(rules.partitioner.value_or(contract::Partitioner::murmur2),
                                       event, rules.partitions);
  if (rules.partitioner) return;
  // Where producers place the records, the lane is the partition that the record had; the home lane
  // of a signed record goes by the rule all the same.
  const auto had = place_in(rules.home_topic, letter.root);
  if (had && had->partition == letter.lane) return;
  cannot(letter, Fate::unroutable,
         "kafka.partitioner is none: only its producer knows its partition; send it from there");
}

void judge(PlannedLetter& letter, const base::Record& record, const RedriveRules& rules) {
  const auto decoded = contract::decode(record, rules.limits);
  const auto* command = std::get_if<contract::DecodedCommand>(&decoded.body);
  const auto* refusal = std::get_if<contract::Refusal>(&decoded.body);
  const contract::Envelope* envelope = nullptr;
  if (command != nullptr) envelope = &command->envelope;
  if (refusal != nullptr && refusal->identity) envelope = &*refusal->identity;
  if (envelope != nullptr) {
    letter.tenant = envelope->tenant;
    letter.command_id = envelope->id;
  }
  if (!record.value) {
    cannot(letter, Fate::no_value,
           "the letter has no value; the whole record is at " + letter.origin +
               " while that topic keeps it");
    return;
  }
  if (refusal != nullptr) {
    const bool dead = refusal->kind == contract::Refusal::Kind::dead || !refusal->identity;
    cannot(letter, dead ? Fate::undecodable : Fate::invalid, refusal->detail);
    return;
  }
  if (!is_let_in(letter, record, *command, rules)) {
    cannot(letter, Fate::forbidden,
           "topic " + topic_of(letter.root) +
               " is bound to other tenants (kafka.topic_tenants), or is read no more");
    return;
  }
  route(letter, command->event.str(), rules);
}

}  // namespace

std::string_view name_of(Fate fate) {
  switch (fate) {
    case Fate::would_send:
      return "would be sent";
    case Fate::sent:
      return "sent";
    case Fate::redriven:
      return "redriven";
    case Fate::on_its_way:
      return "on its way";
    case Fate::copy:
      return "copy";
    case Fate::place_taken:
      return "place is taken";
    case Fate::no_value:
      return "value is missing";
    case Fate::incomplete:
      return "letter is incomplete";
    case Fate::too_old:
      return "REPLAY_TOO_OLD";
    case Fate::undecodable:
      return "still undecodable";
    case Fate::invalid:
      return "still invalid";
    case Fate::forbidden:
      return "tenant is forbidden";
    case Fate::unroutable:
      return "lane is unknown";
  }
  return "";
}

bool is_done(Fate fate) {
  return fate == Fate::sent || fate == Fate::redriven || fate == Fate::on_its_way ||
         fate == Fate::copy;
}

std::optional<TopicPlace> place_in(std::string_view topic, std::string_view position) {
  if (!position.starts_with(topic)) return std::nullopt;
  position.remove_prefix(topic.size());
  if (!position.starts_with('/')) return std::nullopt;
  position.remove_prefix(1);
  const auto slash = position.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  TopicPlace place;
  const auto read = [](std::string_view text, auto& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc{} && end == text.data() + text.size() && into >= 0;
  };
  if (!read(position.substr(0, slash), place.partition) ||
      !read(position.substr(slash + 1), place.offset)) {
    return std::nullopt;
  }
  return place;
}

std::optional<PlannedLetter> examine(const base::Record& letter, const RedriveRules& rules) {
  const auto topic = fact(letter, "topic");
  if (topic.empty()) return std::nullopt;
  PlannedLetter out;
  out.at = {letter.position.partition, letter.position.offset};
  out.written_at = letter.timestamp;
  out.origin = topic + "/" + fact(letter, "partition") + "/" + fact(letter, "offset");
  out.reason = fact(letter, "reason");
  out.code = fact(letter, "code");
  const bool tells = tell_origin(out, letter, rules);
  judge(out, as_it_was(letter), rules);
  const auto left_out = fact(letter, "left-out");
  if (out.fate == Fate::would_send && (!tells || !left_out.empty())) {
    cannot(out, Fate::incomplete,
           (tells ? "it came without " + left_out : "it does not tell what died, and when") +
               "; the whole record is at " + out.origin + " while that topic keeps it");
  }
  if (out.fate == Fate::would_send && forgotten(out, rules)) {
    cannot(out, Fate::too_old,
           fmt::format("letters are redriven for {} (dead_letter.max_age), records for {} "
                       "(idempotency.completed_ttl): what this one did before may be forgotten",
                       days(rules.max_age), days(rules.horizon)));
  }
  return out;
}

base::Record as_it_was(const base::Record& record) {
  base::Record out;
  out.position = record.position;
  out.timestamp = record.timestamp;
  out.key = record.key;
  out.value = record.value;
  for (const auto& header : record.headers)
    if (!is_ours(header.name)) out.headers.push_back(header);
  out.bytes = out.key.value_or("").size() + out.value.value_or("").size();
  for (const auto& header : out.headers) out.bytes += header.name.size() + header.value.size();
  return out;
}

ports::OutgoingRecord signed_for(const base::Record& record, std::int32_t lane,
                                 const std::string& origin, std::string_view forward_secret) {
  ports::OutgoingRecord out;
  out.topic = ports::OutgoingRecord::Topic::commands;
  out.partition = lane;
  if (record.key) out.key = std::string(*record.key);
  if (record.value) out.value = std::string(*record.value);
  for (const auto& header : record.headers)
    out.headers.push_back({std::string(header.name), std::string(header.value), header.null});
  if (base::failpoint::mutant("sent_again_without_origin")) return out;
  out.headers.push_back({std::string(contract::kOriginHeader), origin});
  out.headers.push_back({std::string(contract::kOriginSignatureHeader),
                         contract::sign_origin(forward_secret, origin, record)});
  return out;
}

ports::OutgoingRecord redriven(const base::Record& letter, const PlannedLetter& planned,
                               const RedriveRules& rules, std::string_view forward_secret) {
  auto record = as_it_was(letter);
  const auto first_sent = contract::format_time(planned.first_sent);
  record.headers.push_back({contract::kRedriveHeader, planned.root});
  record.headers.push_back({contract::kRedriveTimeHeader, first_sent});
  return signed_for(
      record, planned.lane,
      contract::position_text(rules.letter_topic, planned.at.partition, planned.at.offset),
      forward_secret);
}

bool is_forbidden(const std::map<std::string, std::vector<std::string>>& topic_tenants,
                  const std::string& topic, base::TenantId tenant) {
  const auto bound = topic_tenants.find(topic);
  return bound != topic_tenants.end() &&
         std::ranges::find(bound->second, tenant.str()) == bound->second.end();
}

bool Selection::takes(const PlannedLetter& letter, const std::string& letter_topic) const {
  if (!reason.empty() && letter.reason != reason && letter.code != reason) return false;
  if (!tenant.empty() && (!letter.tenant || letter.tenant->str() != tenant)) return false;
  if (positions.empty()) return true;
  const auto own = contract::position_text(letter_topic, letter.at.partition, letter.at.offset);
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  };
  // Who names a letter does not mean that of the record it was redriven as.
  const bool is_named = has(positions, own) || has(records, letter.origin);
  return is_named || (!place_in(letter_topic, letter.origin) && has(positions, letter.origin));
}

bool RedrivePlan::add(PlannedLetter letter) {
  if (letters_.size() >= most_) return false;
  by_origin_[letter.origin].push_back(letter.at);
  letters_.insert_or_assign(letter.at, std::move(letter));
  return true;
}

PlannedLetter* RedrivePlan::find(TopicPlace at) {
  const auto found = letters_.find(at);
  return found == letters_.end() ? nullptr : &found->second;
}

void RedrivePlan::note(const Trace& trace) {
  const auto place = place_in(topic_, trace.origin);
  auto* letter = place ? find(*place) : nullptr;
  if (letter == nullptr || letter->fate == Fate::redriven || letter->fate == Fate::place_taken)
    return;
  if (trace.at < letter->written_at - kClocks) {
    cannot(*letter, Fate::place_taken,
           trace.position +
               " was sent for an older letter at this place, before the topic was made "
               "anew: no lane decides for it twice; its producer has to send it");
    return;
  }
  letter->fate = trace.verdict.empty() ? Fate::on_its_way : Fate::redriven;
  letter->detail =
      trace.position + (trace.verdict.empty() ? " is not decided yet" : " is " + trace.verdict);
  if (!trace.is_proven) letter->detail += "; with --yes its signature is looked at";
}

void RedrivePlan::settle(std::int64_t limit, std::size_t lanes) {
  for (const auto& [origin, places] : by_origin_) {
    if (places.size() < 2) continue;
    // What was sent stands for all; else the oldest that may be, which stays the same however many
    // come later.
    const auto rank = [this](TopicPlace at) {
      const auto& letter = letters_.at(at);
      return std::tuple(!is_done(letter.fate), letter.fate != Fate::would_send, letter.written_at,
                        at);
    };
    const auto chosen = *std::ranges::min_element(places, {}, rank);
    for (const auto at : places) {
      auto& letter = letters_.at(at);
      if (at == chosen || letter.fate != Fate::would_send) continue;
      cannot(letter, Fate::copy,
             "of " + contract::position_text(topic_, chosen.partition, chosen.offset));
    }
  }
  std::set<TopicPlace> chosen;
  std::set<std::pair<base::TenantId, std::int32_t>> of;
  for (const auto& [at, letter] : letters_) {
    if (letter.fate != Fate::would_send || static_cast<std::int64_t>(chosen.size()) >= limit)
      continue;
    const std::pair lane{letter.tenant.value_or(base::TenantId{}), letter.lane};
    if (of.size() >= lanes && !of.contains(lane)) continue;
    of.insert(lane);
    chosen.insert(at);
  }
  left_ = 0;
  keep(chosen);
}

void RedrivePlan::keep(const std::set<TopicPlace>& chosen) {
  for (auto each = letters_.begin(); each != letters_.end();) {
    const bool over = each->second.fate == Fate::would_send && !chosen.contains(each->first);
    left_ += over ? 1 : 0;
    each = over ? letters_.erase(each) : std::next(each);
  }
}

bool RedrivePlan::is_carried_out(Wanted wanted) const {
  const auto all = counts();
  if (left_ > 0 || (wanted == Wanted::decided && all.contains(Fate::sent))) return false;
  return std::ranges::all_of(all, [](const auto& one) { return is_done(one.first); });
}

std::map<Fate, std::int64_t> RedrivePlan::counts() const {
  std::map<Fate, std::int64_t> out;
  for (const auto& [at, letter] : letters_) ++out[letter.fate];
  return out;
}

}  // namespace admitone::app
