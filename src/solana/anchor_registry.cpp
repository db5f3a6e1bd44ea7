#include "solana/anchor_registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "solana/address.hpp"
#include "solana/base58.hpp"
#include "solana/idl.hpp"

namespace admitone::solana {
namespace {

base::Error cannot(std::string why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied, std::move(why)};
}

std::string hex(const base::Fingerprint& bytes) {
  std::string out;
  for (const auto byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

Value wallet_value(const std::string& text) {
  Value value{.text = text};
  if (const auto key = parse_key(text)) value.bytes = std::string(as_text(*key));
  return value;
}

Value number_value(std::int64_t number) {
  return {.number = static_cast<std::uint64_t>(number)};
}

Values values_of(const ports::ChainRecord& record) {
  const auto& tenant = record.tenant;
  const auto& event = record.event;
  Values values{
      {"tenant", {.bytes = std::string(as_text(tenant.value.bytes)), .text = tenant.str()}},
      {"event", {.bytes = std::string(as_text(event.value.bytes)), .text = event.str()}},
      {"venue_id", {.text = record.venue_id}},
      {"venue", {.bytes = std::string(as_text(sha256(record.venue_id))), .text = record.venue_id}},
      {"event_hash",
       {.bytes = std::string(as_text(record.event_hash)), .text = hex(record.event_hash)}},
      {"royalties", {.absent = !record.royalties}},
  };
  const auto royalties = record.royalties.value_or(domain::Royalties{});
  values["artist_bps"] = number_value(royalties.artist_bps);
  values["venue_bps"] = number_value(royalties.venue_bps);
  values["artist_wallet"] = wallet_value(royalties.artist_wallet);
  values["venue_wallet"] = wallet_value(royalties.venue_wallet);
  if (!record.royalties)
    for (const auto* name : {"artist_bps", "venue_bps", "artist_wallet", "venue_wallet"})
      values[name].absent = true;
  return values;
}

const IdlAccount* find(const IdlInstruction& instruction, std::string_view name) {
  const auto& all = instruction.accounts;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// Builds one instruction for one record.
class Builder {
 public:
  Builder(const IdlInstruction& idl, const Key& program, const Key& wallet, Values values)
      : idl_(idl), program_(program), wallet_(wallet), values_(std::move(values)) {}

  [[nodiscard]] base::Result<Instruction> instruction() const {
    Instruction out{program_, {}, idl_.discriminator};
    for (const auto& account : idl_.accounts) {
      const auto key = address(account, 0);
      if (!key) return key.error();
      out.accounts.push_back({*key, account.signer, account.writable});
    }
    for (const auto& argument : idl_.arguments)
      if (auto done = append_borsh(out.data, argument, values_); !done)
        return at(idl_.name, done.error());
    return out;
  }

  [[nodiscard]] base::Result<Key> address(const IdlAccount& account, int depth) const {
    constexpr int kMaxDepth = 8;  // a seed may name an account, which has seeds
    if (account.address) return *account.address;
    if (account.signer) return wallet_;
    const auto where = fmt::format("account '{}' of '{}'", account.name, idl_.name);
    if (!account.seeds || depth > kMaxDepth)
      return cannot(where + " is no signer and has neither an address nor seeds that end");
    std::vector<std::string> seeds;
    for (const auto& seed : *account.seeds) {
      auto bytes = seed_bytes(seed, depth);
      if (!bytes) return at(where, bytes.error());
      seeds.push_back(std::move(*bytes));
    }
    const auto derived = find_program_address(seeds, program_);
    if (!derived) return cannot(where + " has more than 15 seeds, or one of more than 32 bytes");
    return derived->address;
  }

 private:
  static base::Error at(const std::string& where, base::Error error) {
    error.message = fmt::format("{}: {}", where, error.message);
    return error;
  }

  [[nodiscard]] base::Result<std::string> seed_bytes(const IdlSeed& seed, int depth) const {
    if (seed.kind == IdlSeed::Kind::constant) return seed.bytes;
    std::string out;
    if (seed.kind == IdlSeed::Kind::argument) {
      if (auto done = append_seed(out, seed.argument, values_); !done) return done.error();
      return out;
    }
    const auto* account = find(idl_, seed.account);
    if (account == nullptr) return cannot(fmt::format("seed '{}' is no account", seed.account));
    const auto key = address(*account, depth + 1);
    if (!key) return key.error();
    return std::string(as_text(*key));
  }

  const IdlInstruction& idl_;
  const Key& program_;
  const Key& wallet_;
  const Values values_;
};

std::string_view guard_name(const IdlInstruction& instruction) {
  return instruction.name == "create_event" ? "event" : "cancellation";
}

// The account that may exist only once is derived from all that a record is about.
base::Status check_guard(const IdlInstruction& instruction) {
  const auto* guard = find(instruction, guard_name(instruction));
  const auto where = fmt::format("account '{}' of '{}'", guard_name(instruction), instruction.name);
  if (guard == nullptr || !guard->seeds || !guard->writable)
    return cannot(where + " must be there, writable, with pda seeds: it is made only once");
  for (const std::string_view needed : {"tenant", "venue", "event"}) {
    const auto is_it = [&](const IdlSeed& seed) {
      return seed.kind == IdlSeed::Kind::argument && seed.argument.name == needed;
    };
    if (std::none_of(guard->seeds->begin(), guard->seeds->end(), is_it))
      return cannot(fmt::format("{} must have '{}' among its seeds", where, needed));
  }
  return {};
}

class AnchorRegistry : public Registry {
 public:
  AnchorRegistry(Idl idl, const Key& program, std::uint64_t account_bytes)
      : idl_(std::move(idl)), program_(program), account_bytes_(account_bytes) {}

  [[nodiscard]] std::uint64_t account_bytes() const override { return account_bytes_; }

  [[nodiscard]] base::Result<Plan> plan(const ports::ChainRecord& record, const Key& wallet,
                                        std::uint64_t) const override {
    const auto& idl =
        record.action == ports::ChainAction::create_event ? idl_.create_event : idl_.cancel_event;
    const Builder builder(idl, program_, wallet, values_of(record));
    auto instruction = builder.instruction();
    if (!instruction) return instruction.error();
    const auto guard = builder.address(*find(idl, guard_name(idl)), 0);
    if (!guard) return guard.error();
    return Plan{{std::move(*instruction)}, *guard};
  }

  // Everything that a record can be is built once, so that nothing is left to be found later.
  [[nodiscard]] base::Status check() const {
    using enum ports::ChainAction;
    for (const auto* idl : {&idl_.create_event, &idl_.cancel_event})
      if (auto fit = check_guard(*idl); !fit) return fit;
    const std::string wallet(kSystemAddress);
    for (const auto action : {create_event, cancel_event})
      for (const bool royalties : {false, true}) {
        ports::ChainRecord record;
        record.action = action;
        record.venue_id = "venue";
        if (royalties) record.royalties = {10'000, 0, wallet, wallet};
        if (const auto plan = this->plan(record, Key{}, 0); !plan) return plan.error();
      }
    return {};
  }

 private:
  static constexpr std::string_view kSystemAddress = "11111111111111111111111111111111";
  const Idl idl_;
  const Key program_;
  const std::uint64_t account_bytes_;
};

}  // namespace

base::Result<std::unique_ptr<Registry>> anchor_registry_of(std::string_view text,
                                                           const Settings& settings) {
  auto idl = parse_idl(text);
  if (!idl) return idl.error();
  const auto program = parse_key(settings.program_id);
  if (!program)
    return cannot(fmt::format("program id '{}' is not an address", settings.program_id));
  auto registry =
      std::make_unique<AnchorRegistry>(std::move(*idl), *program, settings.account_bytes);
  if (auto fit = registry->check(); !fit) return fit.error();
  return std::unique_ptr<Registry>(std::move(registry));
}

base::Result<std::unique_ptr<Registry>> make_anchor_registry(const Settings& settings) {
  std::ifstream file(settings.idl_file, std::ios::binary);
  if (!file) return cannot(fmt::format("IDL file '{}' cannot be opened", settings.idl_file));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  auto registry = anchor_registry_of(text, settings);
  if (registry) return registry;
  return cannot(fmt::format("IDL file '{}': {}", settings.idl_file, registry.error().message));
}

}  // namespace admitone::solana
