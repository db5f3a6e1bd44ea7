#include "app/operate/replay_slice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace admitone::app {
namespace {

// The number in front of `end`, which is taken away with it; without an `end` all of the text.
template <class Number>
std::optional<Number> take(std::string_view& text, char end) {
  const auto to = end == '\0' ? text.size() : text.find(end);
  if (to == std::string_view::npos) return std::nullopt;
  Number number = 0;
  const auto* stop = text.data() + to;
  const auto [read, error] = std::from_chars(text.data(), stop, number);
  if (error != std::errc{} || read != stop || number < 0) return std::nullopt;
  text.remove_prefix(std::min(to + 1, text.size()));
  return number;
}

}  // namespace

RangeLeft::RangeLeft(const kafka::Extent& range) {
  for (const auto& [partition, ends] : range) parts[partition] = {ends.low, ends.low, ends.high};
}

std::optional<RangeLeft> RangeLeft::parse(std::string_view text) {
  RangeLeft out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    auto one = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (comma != std::string_view::npos && text.empty()) return std::nullopt;
    const auto partition = take<std::int32_t>(one, ':');
    const auto low = partition ? take<std::int64_t>(one, '/') : std::nullopt;
    const auto at = low ? take<std::int64_t>(one, '/') : std::nullopt;
    const auto high = at ? take<std::int64_t>(one, '\0') : std::nullopt;
    if (!high || *low > *at || *at > *high) return std::nullopt;
    if (!out.parts.emplace(*partition, PartLeft{*low, *at, *high}).second) return std::nullopt;
  }
  if (out.parts.empty()) return std::nullopt;
  return out;
}

std::string RangeLeft::text() const {
  std::string out;
  for (const auto& [partition, part] : parts)
    out += fmt::format("{}{}:{}/{}/{}", out.empty() ? "" : ",", partition, part.low, part.at,
                       part.high);
  return out;
}

kafka::Extent RangeLeft::whole() const {
  kafka::Extent out;
  for (const auto& [partition, part] : parts) out[partition] = {part.low, part.high};
  return out;
}

std::int64_t RangeLeft::offsets() const {
  std::int64_t out = 0;
  for (const auto& [partition, part] : parts) {
    // A text may say any numbers.
    const auto length = part.high - part.low;
    out += std::min(length, kMostOffsets + 1);
  }
  return out;
}

bool RangeLeft::is_done() const {
  return std::ranges::all_of(parts,
                             [](const auto& one) { return one.second.at >= one.second.high; });
}

std::optional<Next> Next::parse(std::string_view text) {
  const auto end = text.find(';');
  if (end == 0 || end == std::string_view::npos) return std::nullopt;
  auto left = RangeLeft::parse(text.substr(end + 1));
  if (!left) return std::nullopt;
  return Next{std::string(text.substr(0, end)), std::move(*left)};
}

std::string Next::text() const {
  return topic + ';' + left.text();
}

bool Next::fits() const {
  auto longest = *this;
  for (auto& [partition, part] : longest.left.parts) part.at = part.high;
  return longest.text().size() <= static_cast<std::size_t>(kMost);
}

std::string fault_of(const RangeLeft& range, const std::string& topic, const kafka::Extent& held) {
  for (const auto& [partition, part] : range.parts) {
    const auto found = held.find(partition);
    if (found == held.end()) return fmt::format("{} has no partition {}", topic, partition);
    if (part.high > found->second.high) {
      return fmt::format("{}/{} ends before offset {}", topic, partition, found->second.high);
    }
    if (part.at < part.high && part.at < found->second.low) {
      return fmt::format("{}/{} begins at offset {} by now: {} to {} are gone; begin anew", topic,
                         partition, found->second.low, part.at, found->second.low - 1);
    }
  }
  return {};
}

}  // namespace admitone::app
