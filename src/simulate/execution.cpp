#include "simulate/execution.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "contract/text.hpp"

namespace admitone::simulate {
namespace {

constexpr Key kSystem{};
constexpr std::uint64_t kMaxSpace = 10ULL * 1024 * 1024;
constexpr std::uint64_t kRecordSpace = 256;
constexpr std::size_t kMaxSeed = 32;
constexpr std::string_view kDerivedMarker = "ProgramDerivedAddress";
// SystemError
constexpr int kInUse = 0;
constexpr int kTooPoor = 1;
constexpr int kBadSpace = 3;
constexpr int kSeedMismatch = 5;
// PubkeyError
constexpr int kSeedTooLong = 0;
constexpr int kIllegalOwner = 2;
// Anchor's ErrorCode::AccountNotInitialized
constexpr int kNotInitialized = 3012;

Json custom(int code) {
  return {{"Custom", code}};
}

// Reads an instruction's numbers, little-endian as bincode writes them.
class Arguments {
 public:
  explicit Arguments(std::string_view data) : rest_(data) {}
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t out = 0;
    const auto got = text(bytes);
    for (std::size_t i = got.size(); i-- > 0;) out = out << 8U | static_cast<std::uint8_t>(got[i]);
    return out;
  }
  Key key() {
    Key out{};
    const auto got = text(out.size());
    std::copy(got.begin(), got.end(), out.begin());
    return out;
  }
  std::string_view text(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

Key seed_address(const Key& base, std::string_view seed, const Key& owner) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, base.data(), base.size());
  crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(seed.data()),
                            seed.size());
  crypto_hash_sha256_update(&state, owner.data(), owner.size());
  Key out{};
  crypto_hash_sha256_final(&state, out.data());
  return out;
}

std::string create_event_discriminator() {
  constexpr std::string_view kName = "global:create_event";
  Key digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(kName.data()),
                     kName.size());
  return {digest.begin(), digest.begin() + 8};
}

// One instruction on the accounts of its transaction. Every function answers null, or the
// InstructionError.
class Step {
 public:
  Step(const Message& message, const Instruction& instruction, const Programs& programs,
       Execution& run)
      : message_(message), instruction_(instruction), programs_(programs), run_(run) {}

  Json execute() {
    const Key& program = message_.accounts[instruction_.program];
    if (program == kSystem) return system();
    if (program == programs_.memo) return memo();
    return registry();
  }

 private:
  [[nodiscard]] bool signs(const Key& key) const {
    return std::any_of(instruction_.accounts.begin(), instruction_.accounts.end(),
                       [&](std::size_t index) {
                         return message_.is_signer(index) && message_.accounts[index] == key;
                       });
  }

  Json system() {
    Arguments arguments(instruction_.data);
    const std::uint64_t tag = arguments.number(4);
    if (tag == 0) return create(arguments);
    if (tag == 2) return move(arguments);
    if (tag == 3) return create_with_seed(arguments);
    return "InvalidInstructionData";
  }

  Json create(Arguments arguments) {
    const std::uint64_t lamports = arguments.number(8);
    const std::uint64_t space = arguments.number(8);
    const Key owner = arguments.key();
    if (arguments.failed()) return "InvalidInstructionData";
    if (instruction_.accounts.size() < 2) return "NotEnoughAccountKeys";
    return open(lamports, space, owner, message_.accounts[instruction_.accounts[1]]);
  }

  Json create_with_seed(Arguments arguments) {
    const Key base = arguments.key();
    const std::string_view seed = arguments.text(arguments.number(8));
    const std::uint64_t lamports = arguments.number(8);
    const std::uint64_t space = arguments.number(8);
    const Key owner = arguments.key();
    if (arguments.failed() || !contract::count_utf8(seed)) return "InvalidInstructionData";
    if (instruction_.accounts.size() < 2) return "NotEnoughAccountKeys";
    if (seed.size() > kMaxSeed) return custom(kSeedTooLong);
    const std::string_view owner_text(reinterpret_cast<const char*>(owner.data()), owner.size());
    if (owner_text.ends_with(kDerivedMarker)) return custom(kIllegalOwner);
    if (message_.accounts[instruction_.accounts[1]] != seed_address(base, seed, owner)) {
      return custom(kSeedMismatch);
    }
    return open(lamports, space, owner, base);
  }

  // Makes the second account, paid by the first; `authority` must have signed.
  Json open(std::uint64_t lamports, std::uint64_t space, const Key& owner, const Key& authority) {
    const std::size_t to = instruction_.accounts[1];
    Account& account = run_.accounts[to];
    if (account.lamports > 0) return custom(kInUse);
    if (!signs(authority)) return "MissingRequiredSignature";
    if (space > kMaxSpace) return custom(kBadSpace);
    if (!message_.is_writable(to)) return "ReadonlyDataModified";
    Json paid = pay(instruction_.accounts[0], to, lamports);
    if (!paid.is_null()) return paid;
    account.owner = owner;
    account.space = space;
    run_.created.push_back(message_.accounts[to]);
    return nullptr;
  }

  Json move(Arguments arguments) {
    const std::uint64_t lamports = arguments.number(8);
    if (arguments.failed()) return "InvalidInstructionData";
    if (instruction_.accounts.size() < 2) return "NotEnoughAccountKeys";
    return pay(instruction_.accounts[0], instruction_.accounts[1], lamports);
  }

  Json pay(std::size_t from, std::size_t to, std::uint64_t lamports) {
    Account& payer = run_.accounts[from];
    if (!message_.is_signer(from)) return "MissingRequiredSignature";
    if (payer.space > 0) return "InvalidArgument";
    if (lamports > payer.lamports) return custom(kTooPoor);
    if (lamports > 0 && payer.owner != kSystem) return "ExternalAccountLamportSpend";
    if (lamports > 0 && !(message_.is_writable(from) && message_.is_writable(to))) {
      return "ReadonlyLamportChange";
    }
    payer.lamports -= lamports;
    run_.accounts[to].lamports += lamports;
    return nullptr;
  }

  // Accounts of a memo are there to have signed it.
  Json memo() const {
    for (const std::size_t index : instruction_.accounts) {
      if (!message_.is_signer(index)) return "MissingRequiredSignature";
    }
    // It fails to log it.
    if (!contract::count_utf8(instruction_.data)) return "ProgramFailedToComplete";
    return nullptr;
  }

  Json registry() {
    const auto record = std::find_if(
        instruction_.accounts.begin(), instruction_.accounts.end(), [&](std::size_t index) {
          return message_.is_writable(index) && !message_.is_signer(index);
        });
    if (record == instruction_.accounts.end()) return "NotEnoughAccountKeys";
    Account& account = run_.accounts[*record];
    if (!instruction_.data.starts_with(create_event_discriminator())) {
      return account.lamports > 0 ? Json() : custom(kNotInitialized);
    }
    if (account.lamports > 0) return custom(kInUse);
    Json paid = pay(0, *record, rent_exempt_minimum(kRecordSpace));
    if (!paid.is_null()) return paid;
    account.owner = message_.accounts[instruction_.program];
    account.space = kRecordSpace;
    run_.created.push_back(message_.accounts[*record]);
    return nullptr;
  }

  const Message& message_;
  const Instruction& instruction_;
  const Programs& programs_;
  Execution& run_;
};

bool rent_is_paid(const Account& account) {
  return account.lamports == 0 || account.lamports >= rent_exempt_minimum(account.space);
}

Json rent_error(std::size_t index) {
  return {{"InsufficientFundsForRent", {{"account_index", index}}}};
}

// Null, or why the fee payer cannot pay: then nothing lands.
Json charge(const Message& message, Execution& run) {
  Account& payer = run.accounts.front();
  if (payer.lamports == 0) return "AccountNotFound";
  if (payer.owner != kSystem || payer.space > 0) return "InvalidAccountForFee";
  if (payer.lamports < fee_of(message)) return "InsufficientFundsForFee";
  payer.lamports -= fee_of(message);
  if (!rent_is_paid(payer)) return rent_error(0);
  return nullptr;
}

bool is_known(const Key& program, const Programs& programs) {
  return program == kSystem || program == programs.memo ||
         (programs.registry && program == *programs.registry);
}

Json run_instructions(const Message& message, const Programs& programs, Execution& run) {
  for (const Instruction& instruction : message.instructions) {
    if (!is_known(message.accounts[instruction.program], programs)) return "ProgramAccountNotFound";
  }
  for (std::size_t i = 0; i < message.instructions.size(); ++i) {
    Json error = Step(message, message.instructions[i], programs, run).execute();
    if (!error.is_null()) return {{"InstructionError", Json::array({i, std::move(error)})}};
  }
  return nullptr;
}

Json check_rent(const Message& message, const std::vector<Account>& before, const Execution& run) {
  for (std::size_t i = 0; i < message.accounts.size(); ++i) {
    if (message.is_writable(i) && run.accounts[i] != before[i] && !rent_is_paid(run.accounts[i])) {
      return rent_error(i);
    }
  }
  return nullptr;
}

}  // namespace

std::uint64_t rent_exempt_minimum(std::uint64_t space) {
  // 3,480 lamports per byte and year, two years, 128 bytes for the account itself.
  return (128 + space) * 3'480 * 2;
}

std::uint64_t fee_of(const Message& message) {
  return kLamportsPerSignature * message.signers;
}

Execution execute(const Message& message, const std::vector<Account>& before,
                  const Programs& programs, const Json& forced) {
  Execution run{.charged = false, .error = {}, .accounts = before, .created = {}};
  run.error = charge(message, run);
  if (!run.error.is_null()) {
    run.accounts = before;
    return run;
  }
  run.charged = true;
  const std::vector<Account> charged = run.accounts;
  run.error = forced.is_null() ? run_instructions(message, programs, run) : forced;
  if (run.error.is_null()) run.error = check_rent(message, before, run);
  if (!run.error.is_null()) {
    run.accounts = charged;
    run.created.clear();
  }
  return run;
}

std::string memo_of(const Message& message, const Programs& programs) {
  std::string out;
  for (const Instruction& instruction : message.instructions) {
    if (message.accounts[instruction.program] != programs.memo) continue;
    if (!out.empty()) out += '\n';
    out += instruction.data;
  }
  return out;
}

}  // namespace admitone::simulate
