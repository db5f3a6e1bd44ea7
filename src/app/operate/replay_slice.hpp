#pragma once
// A range that is replayed in several calls: what is meant of each partition, and how far it has
// come. It travels as a text with the topic's name, which whoever calls gives back to go on: which
// records are copies is judged by the whole range, and not by what is left of it.
// Used by: replay_call. Threads: pure, any. Blocking: never.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kafka/reader.hpp"

namespace admitone::app {

struct PartLeft {
  std::int64_t low = 0;
  std::int64_t at = 0;    // the next one
  std::int64_t high = 0;  // the first that is not meant
  bool operator==(const PartLeft&) const = default;
};

class RangeLeft {
 public:
  // Of the bits that a call keeps for each offset (app/operate/replay_core.hpp, Places).
  static constexpr std::int64_t kMostOffsets = 50'000'000;

  RangeLeft() = default;
  // Nothing of it is done.
  explicit RangeLeft(const kafka::Extent& range);
  // "0:100/250/480,1:0/0/99"; nullopt for what is no such text.
  static std::optional<RangeLeft> parse(std::string_view text);
  [[nodiscard]] std::string text() const;

  [[nodiscard]] kafka::Extent whole() const;
  [[nodiscard]] std::int64_t offsets() const;  // of the whole
  [[nodiscard]] bool is_done() const;
  bool operator==(const RangeLeft&) const = default;

  std::map<std::int32_t, PartLeft> parts;
};

// Where the next call goes on, as answers tell it.
struct Next {
  // Bytes: with a topic and a reason beside it in a body of 16 KiB (app/api), it still fits.
  static constexpr std::int64_t kMost = 13'500;

  std::string topic;
  RangeLeft left;
  // "commands;0:100/250/480,1:0/0/99"; nullopt for what is no such text.
  static std::optional<Next> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  // Is it short enough, however far the range has come?
  [[nodiscard]] bool fits() const;
};

// What there is no more of, or never was; `held`: what the topic has. Empty: all is there.
std::string fault_of(const RangeLeft& range, const std::string& topic, const kafka::Extent& held);

}  // namespace admitone::app
