#include <algorithm>
#include <cstring>

#include "contract/bytes.hpp"
#include "contract/outcome.hpp"

namespace admitone::contract {
namespace {

// Format 1: version, topic (2), partition (4), offset (8), timestamp in microseconds (8), key,
// value, number of headers (4), then name and value of each. A byte string is four bytes of length
// and the bytes; "none" is a length of all ones. Numbers are big-endian.
constexpr char kVersion = 1;
constexpr std::uint32_t kNone = 0xFFFFFFFFU;

void append_bytes(std::string& out, const std::optional<std::string_view>& bytes) {
  append_big_endian(out, bytes ? static_cast<std::uint32_t>(bytes->size()) : kNone);
  if (bytes) out.append(*bytes);
}

// After the first thing that does not fit, everything reads as nothing and `sound` is false.
class Unpacker {
 public:
  explicit Unpacker(std::string_view packed) : rest_(packed) {}

  template <class Number>
  Number number() {
    const auto bytes = take(sizeof(Number));
    std::make_unsigned_t<Number> out = 0;
    for (const char c : bytes)
      out = static_cast<std::make_unsigned_t<Number>>(out << 8U | static_cast<unsigned char>(c));
    return static_cast<Number>(out);
  }
  std::optional<std::string_view> bytes() {
    const auto size = number<std::uint32_t>();
    if (size == kNone) return std::nullopt;
    return take(size);
  }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  [[nodiscard]] bool sound() const { return sound_; }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      sound_ = false;
      rest_ = {};
      return {};
    }
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view rest_;
  bool sound_ = true;
};

std::size_t size_of(const base::Record& record) {
  std::size_t bytes = record.key.value_or(std::string_view{}).size() +
                      record.value.value_or(std::string_view{}).size();
  for (const auto& header : record.headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

}  // namespace

std::string pack_record(const base::Record& record) {
  constexpr std::size_t kFixed = 64;
  std::string out;
  out.reserve(kFixed + size_of(record) + record.headers.size() * 8);
  out.push_back(kVersion);
  append_big_endian(out, record.position.topic);
  append_big_endian(out, record.position.partition);
  append_big_endian(out, record.position.offset);
  append_big_endian(out, base::to_unix_micros(record.timestamp));
  append_bytes(out, record.key);
  append_bytes(out, record.value);
  append_big_endian(out, static_cast<std::uint32_t>(record.headers.size()));
  for (const auto& header : record.headers) {
    append_bytes(out, header.name);
    append_bytes(out, header.null ? std::nullopt : std::optional(header.value));
  }
  return out;
}

std::optional<base::Record> unpack_record(std::string_view packed) {
  base::Record out;
  out.storage = std::make_unique<char[]>(packed.size());
  std::ranges::copy(packed, out.storage.get());
  Unpacker unpacker({out.storage.get(), packed.size()});
  if (unpacker.number<std::int8_t>() != kVersion) return std::nullopt;
  out.position.topic = unpacker.number<base::TopicId>();
  out.position.partition = unpacker.number<std::int32_t>();
  out.position.offset = unpacker.number<std::int64_t>();
  out.timestamp = base::from_unix_micros(unpacker.number<std::int64_t>());
  out.key = unpacker.bytes();
  out.value = unpacker.bytes();
  const auto headers = unpacker.number<std::uint32_t>();
  // A header takes eight bytes at least: a wrong number must not make us reserve the moon.
  if (headers > unpacker.left() / 8) return std::nullopt;
  out.headers.reserve(headers);
  for (std::uint32_t i = 0; i < headers; ++i) {
    const auto name = unpacker.bytes();
    const auto value = unpacker.bytes();
    if (!name) return std::nullopt;
    out.headers.push_back({*name, value.value_or(std::string_view{}), !value});
  }
  if (!unpacker.sound() || unpacker.left() != 0) return std::nullopt;
  out.bytes = size_of(out);
  return out;
}

}  // namespace admitone::contract
