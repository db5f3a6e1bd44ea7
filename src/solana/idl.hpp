#pragma once
// What an Anchor IDL (format of Anchor 0.30 and later) says about two instructions. Only what is
// needed to build them, and only what can be built without asking the chain: the rest is an error
// that says what.
// Threads: values, any. Errors: permanent, naming the place in the IDL.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "solana/borsh.hpp"
#include "solana/key.hpp"

namespace admitone::solana {

struct IdlSeed {
  enum class Kind { constant, argument, account };
  Kind kind = Kind::constant;
  std::string bytes = {};    // constant
  BorshField argument = {};  // argument, found by its path
  std::string account = {};  // account: its address
};

struct IdlAccount {
  std::string name;
  bool writable = false;
  bool signer = false;
  std::optional<Key> address = {};
  std::optional<std::vector<IdlSeed>> seeds = {};
};

struct IdlInstruction {
  std::string name;
  std::string discriminator;  // the IDL's own, else the first 8 bytes of SHA-256("global:<name>")
  std::vector<IdlAccount> accounts;
  std::vector<BorshField> arguments;
};

// Its `address` is not read: the program's is a setting.
struct Idl {
  IdlInstruction create_event;
  IdlInstruction cancel_event;
};

std::string global_discriminator(std::string_view instruction);
base::Result<Idl> parse_idl(std::string_view text);

}  // namespace admitone::solana
