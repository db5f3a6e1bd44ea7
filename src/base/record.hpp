#pragma once
// A Kafka record as the rest of the house sees it. One allocation holds key, value and headers; the
// views point into it. Move-only.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/position.hpp"
#include "base/time.hpp"

namespace admitone::base {

struct HeaderView {
  std::string_view name;
  std::string_view value;
  bool null = false;  // Kafka headers may have no value at all
};

struct Record {
  Position position;
  // LogAppendTime on the home topic (checked at start); whatever the topic says elsewhere.
  Timestamp timestamp;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::vector<HeaderView> headers;
  std::unique_ptr<char[]> storage;
  // Bytes of key, value and headers together; what queue limits count.
  std::size_t bytes = 0;
  // `timestamp` is the broker's (LogAppendTime), not the producer's. Known of what was just read.
  bool appended = false;
};

// A header of our own making.
struct Header {
  std::string name;
  std::string value;
  bool null = false;  // sent without a value: a dead letter's headers stay as they were
  bool operator==(const Header&) const = default;
};

}  // namespace admitone::base
