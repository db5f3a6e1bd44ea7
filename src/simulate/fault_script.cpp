#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "simulate/faults.hpp"

namespace admitone::simulate {
namespace {

constexpr std::size_t kMaxRules = 1'000;
constexpr double kMaxSeconds = 3'600;
constexpr std::int64_t kMaxCount = 1'000'000'000;

constexpr std::array<std::string_view, 4> kVenueOperations{"venue.find", "venue.hold",
                                                           "venue.holds", "venue.release"};

enum Member : unsigned {
  kStatus = 1U,
  kRetryAfter = 2U,
  kSeconds = 4U,
  kBytes = 8U,
  kSlots = 16U,
  kType = 32U,
  kBody = 64U,
  kError = 128U,
};

// What an action may say, and of that what it must say.
struct Kind {
  std::string_view name;
  FaultKind kind;
  bool chain_only;
  unsigned may;
  unsigned must;
};
constexpr std::array kKinds{
    Kind{"refuse", FaultKind::refuse, false, kStatus | kBody, 0},
    Kind{"status", FaultKind::status, false, kStatus | kRetryAfter | kBody, kStatus},
    Kind{"hang", FaultKind::hang, false, kSeconds, kSeconds},
    Kind{"drip", FaultKind::drip, false, kBytes | kSeconds, kBytes | kSeconds},
    Kind{"apply_then_lose", FaultKind::apply_then_lose, false, kSeconds, 0},
    Kind{"delay_then_apply", FaultKind::delay_then_apply, false, kSeconds, kSeconds},
    Kind{"wrong_body", FaultKind::wrong_body, false, kBody, 0},
    Kind{"wrong_type", FaultKind::wrong_type, false, kType, 0},
    Kind{"drop", FaultKind::drop, true, 0, 0},
    Kind{"land_late", FaultKind::land_late, true, kSlots, kSlots},
    Kind{"land_with_error", FaultKind::land_with_error, true, kError, 0},
    Kind{"expire_blockhash", FaultKind::expire_blockhash, true, 0, 0},
    Kind{"lag", FaultKind::lag, true, kSlots, kSlots},
    Kind{"not_found_for", FaultKind::not_found_for, true, kSeconds, kSeconds},
    Kind{"nonsense", FaultKind::nonsense, true, kBody, 0},
};
struct MemberName {
  std::string_view name;
  Member bit;
};
constexpr std::array kMembers{
    MemberName{"status", kStatus},   MemberName{"retryAfter", kRetryAfter},
    MemberName{"seconds", kSeconds}, MemberName{"bytes", kBytes},
    MemberName{"slots", kSlots},     MemberName{"contentType", kType},
    MemberName{"body", kBody},       MemberName{"error", kError},
};

[[noreturn]] void fail(const std::string& pointer, const std::string& message) {
  throw ScriptError{pointer, message};
}

// An object of the script: members are asked for by name, and what nobody asked for is refused.
class Fields {
 public:
  Fields(const Json& object, std::string pointer) : object_(object), pointer_(std::move(pointer)) {
    if (!object.is_object()) fail(pointer_, "must be an object");
  }

  [[nodiscard]] std::string at(std::string_view name) const {
    return pointer_ + '/' + std::string(name);
  }
  const Json* find(const char* name) {
    asked_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  const Json& need(const char* name) {
    const Json* found = find(name);
    if (found == nullptr) fail(at(name), "is missing");
    return *found;
  }
  std::optional<std::string> text(const char* name) {
    const Json* found = find(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_string() || found->get_ref<const std::string&>().empty()) {
      fail(at(name), "must be a text that is not empty");
    }
    return found->get<std::string>();
  }
  std::optional<std::int64_t> integer(const char* name, std::int64_t low, std::int64_t high) {
    const Json* found = find(name);
    if (found == nullptr) return std::nullopt;
    return whole(*found, at(name), low, high);
  }
  static std::int64_t whole(const Json& value, const std::string& pointer, std::int64_t low,
                            std::int64_t high) {
    if (!value.is_number_integer() || value.get<std::int64_t>() < low ||
        value.get<std::int64_t>() > high) {
      fail(pointer,
           "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return value.get<std::int64_t>();
  }
  std::optional<double> number(const char* name, double high) {
    const Json* found = find(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_number() || found->get<double>() < 0 || found->get<double>() > high) {
      fail(at(name), "must be a number from 0 to " + std::to_string(std::lround(high)));
    }
    return found->get<double>();
  }
  void nothing_else() const {
    for (const auto& [name, value] : object_.items()) {
      if (!asked_.contains(name)) fail(at(name), "is not known here");
    }
  }

 private:
  const Json& object_;
  std::string pointer_;
  std::set<std::string> asked_;
};

std::vector<std::int64_t> nth_of(Fields& fields) {
  const Json* nth = fields.find("nth");
  if (nth == nullptr) return {};
  if (!nth->is_array()) return {Fields::whole(*nth, fields.at("nth"), 1, kMaxCount)};
  std::vector<std::int64_t> out;
  for (std::size_t i = 0; i < nth->size(); ++i) {
    out.push_back(Fields::whole((*nth)[i], fields.at("nth/" + std::to_string(i)), 1, kMaxCount));
  }
  if (out.empty()) fail(fields.at("nth"), "must name at least one call");
  return out;
}

Match match_of(const Json& object, const std::string& pointer, World world) {
  Fields fields(object, pointer);
  Match out;
  out.operation = fields.text("operation");
  out.key = fields.text("key");
  out.event = fields.text("event");
  if (world == World::venue) {
    out.tenant = fields.text("tenant");
    const auto known = [&out](std::string_view name) { return fits(*out.operation, name); };
    if (out.operation && std::none_of(kVenueOperations.begin(), kVenueOperations.end(), known)) {
      fail(fields.at("operation"),
           "fits none of venue.find, venue.hold, venue.holds, venue.release");
    }
  } else if (const auto member = fields.integer("member", 0, 15)) {
    out.member = static_cast<int>(*member);
  }
  out.nth = nth_of(fields);
  out.probability = fields.number("probability", 1);
  fields.nothing_else();
  return out;
}

// Reads what is given; the table of kinds says what may be.
Action read_action(Fields& fields) {
  Action out;
  out.status = static_cast<int>(fields.integer("status", 200, 599).value_or(0));
  out.retry_after = fields.integer("retryAfter", 0, 3'600);
  const auto seconds = fields.number("seconds", kMaxSeconds);
  out.time = std::chrono::milliseconds(std::llround(seconds.value_or(0) * 1'000));
  out.bytes = fields.integer("bytes", 1, 1 << 20).value_or(0);
  out.slots = fields.integer("slots", 0, 100'000).value_or(0);
  out.type = fields.text("contentType").value_or("");
  if (const Json* body = fields.find("body")) out.body = *body;
  if (const Json* error = fields.find("error")) {
    if (error->is_null()) fail(fields.at("error"), "must be an error of a transaction");
    out.error = *error;
  }
  return out;
}

Action action_of(const Json& object, const std::string& pointer, World world) {
  Fields fields(object, pointer);
  const Json& type = fields.need("type");
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&type](const Kind& known) {
    return type.is_string() && type.get_ref<const std::string&>() == known.name;
  });
  if (kind == kKinds.end() || (kind->chain_only && world == World::venue)) {
    std::string names;
    for (const Kind& known : kKinds) {
      if (known.chain_only && world == World::venue) continue;
      names += (names.empty() ? "" : ", ") + std::string(known.name);
    }
    fail(fields.at("type"), "must be one of " + names);
  }
  for (const MemberName& member : kMembers) {
    const bool given = object.contains(member.name);
    if (given && (kind->may & member.bit) == 0) {
      fail(fields.at(member.name), "has no meaning for " + std::string(kind->name));
    }
    if (!given && (kind->must & member.bit) != 0) fail(fields.at(member.name), "is missing");
  }
  Action out = read_action(fields);
  out.kind = kind->kind;
  fields.nothing_else();
  return out;
}

Rule rule_of(const Json& object, const std::string& pointer, World world) {
  Fields fields(object, pointer);
  Rule out;
  out.name = fields.text("name").value_or("");
  if (const Json* match = fields.find("match")) {
    out.match = match_of(*match, fields.at("match"), world);
  }
  out.times = fields.integer("times", 1, kMaxCount);
  out.times_each = fields.integer("timesEach", 1, kMaxCount);
  out.action = action_of(fields.need("action"), fields.at("action"), world);
  fields.nothing_else();
  return out;
}

Script script_of(const Json& document, World world) {
  Fields fields(document, "");
  Script out;
  out.seed = static_cast<std::uint64_t>(fields.integer("seed", 0, kMaxCount).value_or(0));
  const Json& rules = fields.need("rules");
  if (!rules.is_array() || rules.size() > kMaxRules) {
    fail("/rules", "must be a list of at most " + std::to_string(kMaxRules) + " rules");
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    out.rules.push_back(rule_of(rules[i], "/rules/" + std::to_string(i), world));
  }
  fields.nothing_else();
  out.source = document;
  return out;
}

}  // namespace

std::string_view name_of(FaultKind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(),
                      [kind](const Kind& known) { return known.kind == kind; })
      ->name;
}

std::variant<Script, ScriptError> parse_script(std::string_view text, World world) {
  const Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) return ScriptError{"", "is not JSON"};
  try {
    return script_of(document, world);
  } catch (const ScriptError& error) {
    return error;
  }
}

}  // namespace admitone::simulate
