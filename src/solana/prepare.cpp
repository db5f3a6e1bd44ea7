#include <fmt/format.h>

#include <optional>

#include "solana/base58.hpp"
#include "solana/client_core.hpp"

namespace admitone::solana {
namespace {

using Prepared = ports::Answer<ports::SignedTransaction>;

// One call of `prepare`: rent, blockhash, sign, fee, balance. Each step starts the next, the last
// one answers; between them the object is held by the call that runs.
class Preparation : public std::enable_shared_from_this<Preparation> {
 public:
  Preparation(std::shared_ptr<Client::Core> core, const ports::ChainRecord& record,
              base::Instant deadline, ports::Answered<ports::SignedTransaction> answered)
      : core_(std::move(core)),
        record_(record),
        errand_{
            .operation = "prepare", .tenant = record.tenant.str(), .key = {}, .deadline = deadline},
        answered_(std::move(answered)) {}

  void start() {
    // Before anything is asked: not even a blockhash is for a record that cannot be.
    if (const auto fit = check_record(record_); !fit)
      return core_->post(
          [self = shared_from_this(), why = fit.error().message] { self->refuse(why); });
    const auto self = shared_from_this();
    core_->endpoints.choose(
        errand_,
        [self](const Errand& errand) {
          self->errand_ = errand;
          self->ask_rent();
        },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }

 private:
  void ask_rent() {
    ask(get_minimum_balance(core_->registry->account_bytes()), parse_minimum_balance,
        &Preparation::take_rent);
  }
  void take_rent(const std::uint64_t& rent) {
    rent_ = rent;
    ask(get_latest_blockhash(), parse_blockhash, &Preparation::take_blockhash);
  }
  void take_blockhash(const Blockhash& blockhash) {
    slot_ = blockhash.slot;
    if (const auto why = sign(blockhash)) return refuse(*why);
    ask(get_fee(message_, slot_), parse_fee, &Preparation::take_fee);
  }
  void take_fee(const Lamports& fee) {
    if (!fee.value) return retry({false, "the node that was asked for the fee lags", {}});
    fee_ = *fee.value;
    ask(get_balance(core_->wallet.address(), slot_), parse_balance, &Preparation::take_balance);
  }
  void take_balance(const Lamports& balance) {
    if (balance.slot < slot_)
      return retry({false, "the node that was asked for the balance lags", {}});
    // Twice the rent: what is left in the wallet must not be less than its own.
    const auto parts = {fee_, rent_, rent_};
    std::uint64_t left = balance.value.value_or(0);
    for (const auto part : parts) {
      if (left < part)
        return refuse(fmt::format(
            "wallet {} has {} lamports; needed are {} for the fee, {} for the record's rent and {} "
            "for its own",
            base58(core_->wallet.address()), balance.value.value_or(0), fee_, rent_, rent_));
      left -= part;
    }
    answered_(Prepared::done(std::move(made_)));
  }

  // Why it cannot be.
  std::optional<std::string> sign(const Blockhash& blockhash) {
    const auto& payer = core_->wallet.address();
    const auto plan = core_->registry->plan(record_, payer, rent_);
    if (!plan) return plan.error().message;
    const auto message = compile_message(payer, plan->instructions, blockhash.hash);
    if (!message) return "the record does not fit into a transaction";
    const auto signature = core_->wallet.sign(*message);
    auto bytes = wire_form(signature, *message);
    if (!bytes) return "the record does not fit into a transaction";
    message_ = *message;
    made_ = {std::move(*bytes), base58(signature), blockhash.last_valid_block_height,
             base58(plan->guard)};
    return {};
  }

  template <class Parse, class T>
  void ask(const RpcCall& call, Parse parse, void (Preparation::*then)(const T&)) {
    const auto self = shared_from_this();
    core_->ask(
        errand_, call, parse, [self, then](const T& value) { ((*self).*then)(value); },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }
  // Nothing was sent, so nothing can be unknown.
  void retry(const Trouble& trouble) {
    answered_(Prepared::retry(trouble.why, trouble.retry_after));
  }
  void refuse(std::string why) {
    answered_(Prepared::refused(domain::Code::chain_refused, std::move(why)));
  }

  const std::shared_ptr<Client::Core> core_;
  const ports::ChainRecord record_;
  Errand errand_;
  const ports::Answered<ports::SignedTransaction> answered_;
  std::uint64_t rent_ = 0;
  std::uint64_t fee_ = 0;
  std::int64_t slot_ = 0;  // of the blockhash: a node that has not seen it knows too little
  std::string message_;
  ports::SignedTransaction made_;
};

}  // namespace

void run_preparation(std::shared_ptr<Client::Core> core, const ports::ChainRecord& record,
                     base::Instant deadline, ports::Answered<ports::SignedTransaction> answered) {
  std::make_shared<Preparation>(std::move(core), record, deadline, std::move(answered))->start();
}

}  // namespace admitone::solana
