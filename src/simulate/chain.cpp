#include "simulate/chain.hpp"

#include <sodium.h>

#include <algorithm>

#include "simulate/base64.hpp"

namespace admitone::simulate {
namespace {

constexpr Slot kHistory = 1'024;
constexpr std::int64_t kKnownBlocks = 700;

bool has_block(Slot slot) {
  return slot % 20 != 0;
}

Key sha256(std::string_view bytes) {
  Key out{};
  crypto_hash_sha256(out.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                     bytes.size());
  return out;
}

}  // namespace

Chain::Chain(Programs programs, std::string genesis, Slot first)
    : programs_(programs), genesis_(std::move(genesis)), slot_(first) {
  remember_blockhashes();
}

Key Chain::blockhash(std::int64_t height) const {
  return sha256(genesis_ + '/' + std::to_string(height));
}

Key Chain::blockhash_at(Slot slot) const {
  return blockhash(height_at(slot));
}

void Chain::remember_blockhashes() {
  const std::int64_t height = height_at(slot_);
  newest_ = std::max(newest_, height - kKnownBlocks);
  while (newest_ < height) {
    const Key hash = blockhash(++newest_);
    heights_[hash] = newest_;
    recent_.push_back(hash);
  }
  while (recent_.size() > static_cast<std::size_t>(kKnownBlocks)) {
    heights_.erase(recent_.front());
    expired_.erase(recent_.front());
    recent_.pop_front();
  }
}

bool Chain::is_usable(const Key& blockhash, Slot at) const {
  const auto found = heights_.find(blockhash);
  return found != heights_.end() && !expired_.contains(blockhash) &&
         found->second <= height_at(at) && height_at(at) - found->second <= kBlockhashLife;
}

void Chain::advance(Slot to) {
  while (!pending_.empty() && pending_.begin()->first <= to) {
    const auto [due, index] = *pending_.begin();
    pending_.erase(pending_.begin());
    slot_ = std::max(slot_, due);
    Seen& copy = seen_[index];
    // An earlier copy may have been sent since, or it waits for the next block.
    if (copy.landed || copy.due != due) continue;
    if (has_block(slot_)) {
      land(copy);
    } else {
      copy.due = slot_ + 1;
      pending_.emplace(*copy.due, index);
    }
  }
  slot_ = std::max(slot_, to);
  remember_blockhashes();
}

void Chain::land(Seen& seen) {
  seen.due.reset();
  const Message& message = seen.transaction->message;
  if (!seen.last_valid || height_at(slot_) > *seen.last_valid ||
      expired_.contains(message.blockhash)) {
    seen.why_not = "BlockhashNotFound";
    return;
  }
  Execution run = execute(message, accounts_of(message, slot_), programs_, seen.forced);
  if (!run.charged) {
    seen.why_not = run.error;
    return;
  }
  for (std::size_t i = 0; i < message.accounts.size(); ++i) {
    if (message.is_writable(i)) store(message.accounts[i], run.accounts[i]);
  }
  seen.landed = Landing{slot_, std::move(run.error)};
  seen.created = std::move(run.created);
  seen.why_not = nullptr;
  seen.transaction.reset();
  ++landed_;
}

std::vector<Account> Chain::accounts_of(const Message& message, Slot at) const {
  std::vector<Account> out;
  for (const Key& address : message.accounts) out.push_back(account(address, at));
  return out;
}

Account Chain::account(const Key& address, Slot at) const {
  const auto found = accounts_.find(address);
  if (found == accounts_.end()) return {};
  const auto& versions = found->second;
  const auto after =
      std::upper_bound(versions.begin(), versions.end(), at,
                       [](Slot slot, const Version& version) { return slot < version.since; });
  return after == versions.begin() ? Account{} : std::prev(after)->account;
}

void Chain::store(const Key& address, const Account& account) {
  auto& versions = accounts_[address];
  if (!versions.empty() && versions.back().account == account) return;
  if (!versions.empty() && versions.back().since == slot_) versions.pop_back();
  versions.push_back({slot_, account});
  while (versions.size() > 1 && versions[1].since < slot_ - kHistory) {
    versions.erase(versions.begin());
  }
}

Json Chain::preflight(const Transaction& transaction, Slot at) const {
  const Message& message = transaction.message;
  if (landing(text_of(transaction.signatures.front()), at)) return "AlreadyProcessed";
  if (!is_usable(message.blockhash, at)) return "BlockhashNotFound";
  return execute(message, accounts_of(message, at), programs_, nullptr).error;
}

Json Chain::send(const std::string& wire, const Transaction& transaction, bool sound,
                 Slot land_after, const SendPlan& plan) {
  Json entry{{"t", "send"},
             {"slot", slot_},
             {"sig", text_of(transaction.signatures.front())},
             {"due", slot_ + std::max<Slot>(land_after, 1) + plan.late}};
  // What was changed on the way may carry the signature of the true one.
  if (!sound) entry["sig"] = text_at(entry, "sig") + "/unsound/" + text_of(sha256(wire));
  if (!by_signature_.contains(entry["sig"].get_ref<const std::string&>())) {
    entry["wire"] = to_base64(wire);
    entry["sound"] = sound;
  }
  if (plan.drop) entry["drop"] = true;
  if (plan.expire_blockhash) entry["expire"] = true;
  if (!plan.error.is_null()) entry["error"] = plan.error;
  replay(entry);
  return entry;
}

Json Chain::airdrop(const Key& address, std::uint64_t lamports) {
  Json entry{
      {"t", "airdrop"}, {"slot", slot_}, {"address", text_of(address)}, {"lamports", lamports}};
  replay(entry);
  return entry;
}

void Chain::replay(const Json& entry) {
  advance(entry.value("slot", Slot{0}));
  const std::string kind = text_at(entry, "t");
  if (kind == "send") replay_send(entry);
  if (kind == "airdrop") replay_airdrop(entry);
}

Chain::Seen& Chain::seen(const Json& entry) {
  const std::string signature = text_at(entry, "sig");
  const auto [found, is_new] = by_signature_.try_emplace(signature, seen_.size());
  if (!is_new) return seen_[found->second];
  Seen& made = seen_.emplace_back();
  made.signature = signature;
  made.first_sent = slot_;
  made.sound = entry.value("sound", false);
  auto decoded = decode_transaction(from_base64(text_at(entry, "wire")).value_or(""));
  if (!decoded) return made;
  const Message& message = decoded->message;
  const auto height = heights_.find(message.blockhash);
  if (height != heights_.end()) made.last_valid = height->second + kBlockhashLife;
  made.memo = memo_of(message, programs_);
  made.transaction = std::move(*decoded);
  return made;
}

void Chain::replay_send(const Json& entry) {
  Seen& copy = seen(entry);
  ++copy.sends;
  if (copy.landed || !copy.transaction) return;
  if (entry.contains("expire")) expired_.insert(copy.transaction->message.blockhash);
  if (entry.contains("error")) copy.forced = entry["error"];
  if (entry.contains("drop")) {
    ++copy.dropped;
    return;
  }
  if (!copy.sound) {
    copy.why_not = "SignatureFailure";
    return;
  }
  const Slot due = entry.value("due", slot_ + 1);
  if (copy.due && *copy.due <= due) return;
  copy.due = due;
  pending_.emplace(due, by_signature_.at(copy.signature));
}

void Chain::replay_airdrop(const Json& entry) {
  const auto address = parse_key(text_at(entry, "address"));
  if (!address) return;
  const auto lamports = entry.value("lamports", std::uint64_t{0});
  auto& versions = accounts_[*address];
  if (versions.empty() || versions.front().since > 0) versions.insert(versions.begin(), Version{});
  for (Version& version : versions) version.account.lamports += lamports;
}

std::optional<Chain::Landing> Chain::landing(const std::string& signature, Slot at) const {
  const auto found = by_signature_.find(signature);
  if (found == by_signature_.end()) return std::nullopt;
  const Seen& seen = seen_[found->second];
  if (!seen.landed || seen.landed->slot > at) return std::nullopt;
  return seen.landed;
}

std::string Chain::memo(const std::string& signature) const {
  const auto found = by_signature_.find(signature);
  return found == by_signature_.end() ? std::string{} : seen_[found->second].memo;
}

Json Chain::record(const Seen& seen) const {
  Json created = Json::array();
  for (const Key& address : seen.created) created.push_back(text_of(address));
  const bool failed = seen.landed && !seen.landed->error.is_null();
  const bool over =
      !seen.due && !(seen.sound && seen.last_valid && height_at(slot_) <= *seen.last_valid);
  Json row{{"signature", seen.signature},
           {"landed", seen.landed.has_value()},
           {"state", failed        ? "failed"
                     : seen.landed ? "landed"
                     : over        ? "dead"
                                   : "open"},
           {"slot", seen.landed ? Json(seen.landed->slot) : Json()},
           {"error", seen.landed ? seen.landed->error : seen.why_not},
           {"memo", seen.memo},
           {"created", std::move(created)},
           {"sends", seen.sends},
           {"dropped", seen.dropped},
           {"firstSentSlot", seen.first_sent}};
  row["lastValidBlockHeight"] = seen.last_valid ? Json(*seen.last_valid) : Json();
  return row;
}

Json Chain::records() const {
  Json transactions = Json::array();
  for (const Seen& seen : seen_) transactions.push_back(record(seen));
  return {{"slot", slot_},
          {"blockHeight", height_at(slot_)},
          {"landed", landed_},
          {"transactions", std::move(transactions)}};
}

}  // namespace admitone::simulate
