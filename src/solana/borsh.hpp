#pragma once
// The part of Borsh that an instruction's arguments are written in: integers, booleans, strings,
// bytes, byte arrays, public keys, options and structs.
// Threads: pure functions, any. Errors: permanent, naming the argument and what does not fit.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace admitone::solana {

struct BorshField;

struct BorshType {
  enum class Kind { boolean, integer, string, bytes, byte_array, key, option, record };
  Kind kind = Kind::boolean;
  std::size_t size = 0;             // integer: bytes; byte_array: elements
  bool is_signed = false;           // integer
  std::vector<BorshField> members;  // option: the one inside; record: its fields
};

struct BorshField {
  std::string name;
  BorshType type;
};

// What an argument of some name says, in each form that its type may ask for.
struct Value {
  bool absent = false;  // only an option can say so
  std::optional<std::string> bytes = {};
  std::optional<std::string> text = {};
  std::optional<std::uint64_t> number = {};
};
using Values = std::map<std::string, Value, std::less<>>;

// Appends. The fields of a struct are looked for by their names, wherever it stands.
base::Status append_borsh(std::string& out, const BorshField& field, const Values& values);
// As a seed of an address: the same without any length in front. No options, no structs.
base::Status append_seed(std::string& out, const BorshField& field, const Values& values);

}  // namespace admitone::solana
