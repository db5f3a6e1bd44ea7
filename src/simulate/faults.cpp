#include "simulate/faults.hpp"

#include <algorithm>

namespace admitone::simulate {
namespace {

// Of the n-th call that fitted a rule: a number in [0, 1) that depends on nothing else.
double dice(std::uint64_t seed, std::uint64_t rule, std::uint64_t n) {
  // splitmix64
  std::uint64_t x = seed + 0x9E3779B97F4A7C15ULL * (rule * 0x1'0000'0001ULL + n + 1);
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  x ^= x >> 31U;
  return static_cast<double>(x >> 11U) * 0x1.0p-53;
}

// The event that a rule counts a call under; empty: it names none.
std::string event_of(const Match& match, const Call& call) {
  for (const auto& event : call.events) {
    if (!match.event || fits(*match.event, event)) return event;
  }
  return {};
}

bool any_fits(const std::optional<std::string>& pattern, const std::vector<std::string>& texts) {
  return !pattern || std::any_of(texts.begin(), texts.end(), [&pattern](const std::string& text) {
    return fits(*pattern, text);
  });
}

bool concerns(const Match& match, const Call& call) {
  return (!match.operation || fits(*match.operation, call.operation)) &&
         (!match.tenant || fits(*match.tenant, call.tenant)) &&
         (!match.member || *match.member == call.member) && any_fits(match.key, call.keys) &&
         any_fits(match.event, call.events);
}

}  // namespace

bool fits(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  // Each piece at its first place; the last one at the end.
  for (;;) {
    const auto next = pattern.find('*');
    if (next == std::string_view::npos) return text.ends_with(pattern);
    const auto found = text.find(pattern.substr(0, next));
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + next);
    pattern.remove_prefix(next + 1);
  }
}

void Faults::set(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
  counts_.assign(script_.rules.size(), {});
}

bool Faults::watch(std::string_view operation) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(script_.rules.begin(), script_.rules.end(), [operation](const Rule& rule) {
    return !rule.match.operation || fits(*rule.match.operation, operation);
  });
}

std::optional<Action> Faults::next(const Call& call) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < script_.rules.size(); ++i) {
    const Rule& rule = script_.rules[i];
    Counted& count = counts_[i];
    if (!concerns(rule.match, call)) continue;
    const std::int64_t n = ++count.fitted;
    const auto& nth = rule.match.nth;
    if (!nth.empty() && std::find(nth.begin(), nth.end(), n) == nth.end()) continue;
    if (rule.match.probability &&
        dice(script_.seed, i, static_cast<std::uint64_t>(n)) >= *rule.match.probability) {
      continue;
    }
    if (rule.times && count.acted >= *rule.times) continue;
    if (rule.times_each) {
      auto& acted = count.each[event_of(rule.match, call)];
      if (acted >= *rule.times_each) continue;
      ++acted;
    }
    ++count.acted;
    return rule.action;
  }
  return std::nullopt;
}

Json Faults::report() const {
  const std::lock_guard lock(mutex_);
  Json counts = Json::array();
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts.push_back({{"rule", i},
                      {"name", script_.rules[i].name},
                      {"action", name_of(script_.rules[i].action.kind)},
                      {"fitted", counts_[i].fitted},
                      {"acted", counts_[i].acted}});
  }
  return {{"script", script_.source}, {"counts", std::move(counts)}};
}

}  // namespace admitone::simulate
