#include "solana/borsh.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "solana/key.hpp"
#include "solana/message.hpp"

namespace admitone::solana {
namespace {

using Kind = BorshType::Kind;

base::Error fault(const BorshField& field, std::string_view why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied,
          fmt::format("argument '{}' {}", field.name, why)};
}

base::Status append_number(std::string& out, const BorshField& field, const Value& value) {
  const std::size_t bytes = field.type.kind == Kind::boolean ? 1 : field.type.size;
  const auto bits =
      field.type.kind == Kind::boolean ? 1 : 8 * bytes - (field.type.is_signed ? 1 : 0);
  if (!value.number) return fault(field, "is not a number, as the IDL has it");
  if (bits < 64 && *value.number >> bits != 0) return fault(field, "does not fit into its type");
  append_integer(out, *value.number, std::min(bytes, sizeof(std::uint64_t)));
  // Of a wider type than our numbers have.
  out.append(bytes - std::min(bytes, sizeof(std::uint64_t)), '\0');
  return {};
}

base::Status append_bytes(std::string& out, const BorshField& field, const Value& value) {
  const auto wanted = field.type.kind == Kind::key          ? Key{}.size()
                      : field.type.kind == Kind::byte_array ? field.type.size
                                                            : 0;
  if (!value.bytes) return fault(field, "is not bytes, as the IDL has it");
  if (wanted != 0 && value.bytes->size() != wanted)
    return fault(field, fmt::format("has {} bytes, not {}", value.bytes->size(), wanted));
  out += *value.bytes;
  return {};
}

base::Status append_plain(std::string& out, const BorshField& field, const Value& value) {
  switch (field.type.kind) {
    case Kind::boolean:
    case Kind::integer:
      return append_number(out, field, value);
    case Kind::string:
      if (!value.text) return fault(field, "is not a text, as the IDL has it");
      out += *value.text;
      return {};
    case Kind::bytes:
    case Kind::byte_array:
    case Kind::key:
      return append_bytes(out, field, value);
    case Kind::option:
    case Kind::record:
      break;
  }
  return fault(field, "cannot be a seed: it is an option or a struct");
}

base::Result<const Value*> find(const BorshField& field, const Values& values) {
  const auto found = values.find(field.name);
  if (found == values.end()) return fault(field, "is none that a record on the chain has");
  return &found->second;
}

base::Status append_option(std::string& out, const BorshField& field, const Values& values) {
  const auto value = find(field, values);
  if (!value) return value.error();
  out += (*value)->absent ? '\0' : '\1';
  if ((*value)->absent) return {};
  return append_borsh(out, field.type.members.front(), values);
}

base::Status append_record(std::string& out, const BorshField& field, const Values& values) {
  for (const auto& member : field.type.members)
    if (auto done = append_borsh(out, member, values); !done) return done;
  return {};
}

}  // namespace

base::Status append_borsh(std::string& out, const BorshField& field, const Values& values) {
  if (field.type.kind == Kind::option) return append_option(out, field, values);
  if (field.type.kind == Kind::record) return append_record(out, field, values);
  std::string plain;
  if (auto done = append_seed(plain, field, values); !done) return done;
  if (field.type.kind == Kind::string || field.type.kind == Kind::bytes)
    append_integer(out, plain.size(), 4);
  out += plain;
  return {};
}

base::Status append_seed(std::string& out, const BorshField& field, const Values& values) {
  const auto value = find(field, values);
  if (!value) return value.error();
  if ((*value)->absent) return fault(field, "has no value in this record, and is no option");
  return append_plain(out, field, **value);
}

}  // namespace admitone::solana
