#include "solana/memo_registry.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <nlohmann/json.hpp>

#include "solana/address.hpp"
#include "solana/base58.hpp"
#include "solana/instructions.hpp"

namespace admitone::solana {
namespace {

constexpr std::string_view kGuardOwner = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
constexpr std::size_t kSeedDigits = 32;

std::string hex(const Sha256& bytes) {
  std::string out;
  for (const auto byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

std::string_view action_of(const ports::ChainRecord& record) {
  return record.action == ports::ChainAction::create_event ? "create" : "cancel";
}

class MemoRegistry : public Registry {
 public:
  MemoRegistry(const Key& program, const Key& owner) : program_(program), owner_(owner) {}

  [[nodiscard]] std::uint64_t account_bytes() const override { return 0; }

  [[nodiscard]] base::Result<Plan> plan(const ports::ChainRecord& record, const Key& wallet,
                                        std::uint64_t rent) const override {
    const auto seed = guard_seed(record);
    const auto guard = address_with_seed(wallet, seed, owner_);
    ADMITONE_ASSERT(guard.has_value());
    return Plan{{create_account_with_seed({wallet, *guard, seed, rent, 0, owner_}),
                 memo(program_, wallet, memo_text(record))},
                *guard};
  }

 private:
  Key program_;
  Key owner_;
};

}  // namespace

std::string guard_seed(const ports::ChainRecord& record) {
  std::string preimage(action_of(record));
  for (const auto& part : {record.tenant.str(), record.venue_id, record.event.str()})
    preimage.append(1, '\0').append(part);
  return hex(sha256(preimage)).substr(0, kSeedDigits);
}

std::string memo_text(const ports::ChainRecord& record) {
  nlohmann::json text{{"admitone", action_of(record)},
                      {"tenant", record.tenant.str()},
                      {"venue", record.venue_id},
                      {"event", record.event.str()},
                      {"hash", hex(record.event_hash)}};
  if (record.royalties) {
    text["artistBps"] = record.royalties->artist_bps;
    text["venueBps"] = record.royalties->venue_bps;
    text["artistWallet"] = record.royalties->artist_wallet;
    text["venueWallet"] = record.royalties->venue_wallet;
  }
  return text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

base::Result<std::unique_ptr<Registry>> make_memo_registry(const Settings& settings) {
  const auto program = parse_key(settings.memo_program);
  if (!program)
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       fmt::format("memo program '{}' is not an address", settings.memo_program)};
  const auto owner = parse_key(kGuardOwner);
  ADMITONE_ASSERT(owner.has_value());
  return std::unique_ptr<Registry>(std::make_unique<MemoRegistry>(*program, *owner));
}

}  // namespace admitone::solana
