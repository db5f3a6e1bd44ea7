#include "solana/idl.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "solana/address.hpp"
#include "solana/base58.hpp"

namespace admitone::solana {
namespace {

using Json = nlohmann::json;
using Kind = BorshType::Kind;

// Thrown and caught in this file.
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void cannot(std::string_view where, std::string_view why) {
  throw Unsupported(fmt::format("{}: {}", where, why));
}

const std::map<std::string, BorshType, std::less<>>& plain_types() {
  static const std::map<std::string, BorshType, std::less<>> types{
      {"bool", {Kind::boolean, 1, false, {}}}, {"u8", {Kind::integer, 1, false, {}}},
      {"u16", {Kind::integer, 2, false, {}}},  {"u32", {Kind::integer, 4, false, {}}},
      {"u64", {Kind::integer, 8, false, {}}},  {"u128", {Kind::integer, 16, false, {}}},
      {"i8", {Kind::integer, 1, true, {}}},    {"i16", {Kind::integer, 2, true, {}}},
      {"i32", {Kind::integer, 4, true, {}}},   {"i64", {Kind::integer, 8, true, {}}},
      {"i128", {Kind::integer, 16, true, {}}}, {"string", {Kind::string, 0, false, {}}},
      {"bytes", {Kind::bytes, 0, false, {}}},  {"pubkey", {Kind::key, 0, false, {}}},
  };
  return types;
}

class Types {
 public:
  explicit Types(const Json& idl) : types_(idl.value("types", Json::array())) {}

  [[nodiscard]] BorshType read(const Json& type, const std::string& name, int depth = 0) const {
    const auto where = fmt::format("argument '{}'", name);
    if (depth > kMaxDepth) cannot(where, "its type is nested too deep");
    if (type.is_string()) {
      const auto found = plain_types().find(type.get<std::string>());
      if (found == plain_types().end())
        cannot(where, fmt::format("type '{}' cannot be expressed", type.get<std::string>()));
      return found->second;
    }
    if (type.contains("option"))
      return {Kind::option, 0, false, {{name, read(type["option"], name, depth + 1)}}};
    if (type.contains("array")) return array(type["array"], where);
    if (type.contains("defined")) return defined(type["defined"], name, depth);
    cannot(where, fmt::format("type {} cannot be expressed", type.dump()));
  }

  [[nodiscard]] std::vector<BorshField> fields(const Json& list, int depth = 0) const {
    std::vector<BorshField> out;
    for (const auto& field : list) {
      if (!field.is_object()) cannot("types", "a struct without names of its fields");
      const auto name = field.at("name").get<std::string>();
      out.push_back({name, read(field.at("type"), name, depth)});
    }
    return out;
  }

 private:
  static constexpr int kMaxDepth = 8;

  static BorshType array(const Json& array, const std::string& where) {
    if (array.size() != 2 || array[0] != "u8" || !array[1].is_number_unsigned())
      cannot(where, "of arrays only those of u8 with a fixed length can be expressed");
    return {Kind::byte_array, array[1].get<std::size_t>(), false, {}};
  }

  [[nodiscard]] BorshType defined(const Json& defined, const std::string& name, int depth) const {
    const auto where = fmt::format("argument '{}'", name);
    const auto wanted = defined.at("name").get<std::string>();
    for (const auto& type : types_) {
      if (type.at("name") != wanted) continue;
      const auto& body = type.at("type");
      if (body.at("kind") != "struct" || type.contains("generics") ||
          defined.contains("generics") || type.value("serialization", "borsh") != "borsh")
        cannot(where, fmt::format("type '{}' is not a plain struct", wanted));
      return {Kind::record, 0, false, fields(body.value("fields", Json::array()), depth + 1)};
    }
    cannot(where, fmt::format("type '{}' is not defined", wanted));
  }

  const Json types_;
};

std::string byte_list(const Json& list, const std::string& where) {
  std::string out;
  for (const auto& byte : list) {
    if (!byte.is_number_unsigned() || byte.get<std::uint64_t>() > 255)
      cannot(where, "is not a list of bytes");
    out += static_cast<char>(byte.get<std::uint64_t>());
  }
  return out;
}

// "args.tenant" is the field `tenant` of the argument `args`.
BorshField by_path(const std::vector<BorshField>& fields, std::string_view path,
                   const std::string& where) {
  const auto dot = path.find('.');
  for (const auto& field : fields) {
    if (field.name != path.substr(0, dot)) continue;
    return dot == std::string_view::npos ? field
                                         : by_path(field.type.members, path.substr(dot + 1), where);
  }
  cannot(where, fmt::format("seed '{}' is no argument", path));
}

IdlSeed seed_of(const Json& seed, const std::vector<BorshField>& arguments,
                const std::string& where) {
  const auto kind = seed.at("kind").get<std::string>();
  if (kind == "const")
    return {IdlSeed::Kind::constant, byte_list(seed.at("value"), where + ": a seed"), {}, {}};
  const auto path = seed.at("path").get<std::string>();
  if (kind == "arg") return {IdlSeed::Kind::argument, {}, by_path(arguments, path, where), {}};
  if (kind == "account" && path.find('.') == std::string::npos)
    return {IdlSeed::Kind::account, {}, {}, path};
  cannot(where, fmt::format("seed {} needs data of an account, which is on the chain only", path));
}

IdlAccount account_of(const Json& account, const std::vector<BorshField>& arguments,
                      const std::string& instruction) {
  IdlAccount out;
  out.name = account.at("name").get<std::string>();
  const auto where = fmt::format("account '{}' of '{}'", out.name, instruction);
  if (account.contains("isMut") || account.contains("isSigner"))
    cannot(where, "this is an IDL of Anchor before 0.30: convert it with `anchor idl convert`");
  if (account.contains("accounts")) cannot(where, "groups of accounts cannot be expressed");
  if (account.value("optional", false)) cannot(where, "optional accounts cannot be expressed");
  out.writable = account.value("writable", false);
  out.signer = account.value("signer", false);
  if (account.contains("address")) {
    out.address = parse_key(account["address"].get<std::string>());
    if (!out.address) cannot(where, "its address is none");
  }
  if (!account.contains("pda")) return out;
  if (account["pda"].contains("program"))
    cannot(where, "addresses derived from another program cannot be expressed");
  out.seeds.emplace();
  for (const auto& seed : account["pda"].at("seeds"))
    out.seeds->push_back(seed_of(seed, arguments, where));
  return out;
}

IdlInstruction instruction_of(const Json& idl, const std::string& name) {
  for (const auto& instruction : idl.at("instructions")) {
    if (instruction.at("name") != name) continue;
    IdlInstruction out;
    out.name = name;
    out.discriminator = instruction.contains("discriminator")
                            ? byte_list(instruction["discriminator"], "discriminator of " + name)
                            : global_discriminator(name);
    out.arguments = Types(idl).fields(instruction.at("args"));
    for (const auto& account : instruction.at("accounts"))
      out.accounts.push_back(account_of(account, out.arguments, name));
    return out;
  }
  cannot("instructions", fmt::format("there is no '{}'", name));
}

Idl read(std::string_view text) {
  const auto json = Json::parse(text);
  Idl idl;
  idl.create_event = instruction_of(json, "create_event");
  idl.cancel_event = instruction_of(json, "cancel_event");
  return idl;
}

}  // namespace

std::string global_discriminator(std::string_view instruction) {
  const auto digest = sha256(fmt::format("global:{}", instruction));
  return std::string(as_text(digest).substr(0, 8));
}

base::Result<Idl> parse_idl(std::string_view text) {
  const auto permanent = [](std::string_view why) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied, std::string(why)};
  };
  try {
    return read(text);
  } catch (const Unsupported& cause) {
    return permanent(cause.what());
  } catch (const Json::exception& cause) {
    return permanent(fmt::format("not an IDL: {}", cause.what()));
  }
}

}  // namespace admitone::solana
