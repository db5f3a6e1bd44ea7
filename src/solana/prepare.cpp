#include <fmt/format.h>

#include <optional>

#include "solana/base58.hpp"
#include "solana/client_core.hpp"

namespace admitone::solana {
namespace {

using Prepared = ports::Answer<ports::SignedTransaction>;

// A record's message, and where its guard is.
struct Draft {
  std::string message;
  Key guard{};
};
base::Result<Draft> draft(const Client::Core& core, const ports::ChainRecord& record,
                          std::uint64_t rent, const Key& blockhash) {
  const auto& payer = core.wallet.address();
  const auto plan = core.registry->plan(record, payer, rent);
  if (!plan) return plan.error();
  auto message = compile_message(payer, plan->instructions, blockhash);
  // With a signature of the right size: whether it fits does not depend on which.
  if (!message || !wire_form(Signature{}, *message))
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "the record does not fit into a transaction"};
  return Draft{std::move(*message), plan->guard};
}

// Asks for the terms: rent, blockhash, fee, balance. Each step starts the next; between them the
// object is held by the call that runs. The fee is asked for one record's message and is that of
// all: it goes by the signatures, of which each has one, and nothing here bids for priority.
class TermsQuestion : public std::enable_shared_from_this<TermsQuestion> {
 public:
  TermsQuestion(std::shared_ptr<Client::Core> core, const ports::ChainRecord& record,
                const Errand& errand, Shared<Terms>::Then then, Shared<Terms>::Otherwise otherwise)
      : core_(std::move(core)),
        record_(record),
        errand_(errand),
        then_(std::move(then)),
        otherwise_(std::move(otherwise)) {}

  void start() {
    ask(get_minimum_balance(core_->registry->account_bytes()), parse_minimum_balance,
        &TermsQuestion::take_rent);
  }

 private:
  void take_rent(const std::uint64_t& rent) {
    terms_.rent = rent;
    ask(get_latest_blockhash(), parse_blockhash, &TermsQuestion::take_blockhash);
  }
  void take_blockhash(const Blockhash& blockhash) {
    terms_.blockhash = blockhash;
    const auto made = draft(*core_, record_, terms_.rent, blockhash.hash);
    if (!made) return otherwise_(Trouble{false, made.error().message});
    ask(get_fee(made->message, blockhash.slot), parse_fee, &TermsQuestion::take_fee);
  }
  void take_fee(const Lamports& fee) {
    if (!fee.value) return otherwise_({false, "the node that was asked for the fee lags", {}});
    terms_.fee = *fee.value;
    ask(get_balance(core_->wallet.address(), terms_.blockhash.slot), parse_balance,
        &TermsQuestion::take_balance);
  }
  void take_balance(const Lamports& balance) {
    if (balance.slot < terms_.blockhash.slot)
      return otherwise_({false, "the node that was asked for the balance lags", {}});
    terms_.balance = balance.value.value_or(0);
    then_(terms_);
  }

  template <class Parse, class T>
  void ask(const RpcCall& call, Parse parse, void (TermsQuestion::*then)(const T&)) {
    const auto self = shared_from_this();
    core_->ask(
        errand_, call, parse, [self, then](const T& value) { ((*self).*then)(value); },
        [self](const Trouble& trouble) { self->otherwise_(trouble); });
  }

  const std::shared_ptr<Client::Core> core_;
  const ports::ChainRecord record_;
  const Errand errand_;
  const Shared<Terms>::Then then_;
  const Shared<Terms>::Otherwise otherwise_;
  Terms terms_;
};

// One call of `prepare`: the terms, then the signature.
class Preparation : public std::enable_shared_from_this<Preparation> {
 public:
  Preparation(std::shared_ptr<Client::Core> core, const ports::ChainRecord& record,
              base::Instant deadline, ports::Answered<ports::SignedTransaction> answered)
      : core_(std::move(core)),
        record_(record),
        errand_{
            .operation = "prepare", .tenant = record.tenant.str(), .key = {}, .deadline = deadline},
        answered_(std::move(answered)) {}

  // On the loop: the terms may be known already, and it never answers from within the call.
  void start() {
    core_->post([self = shared_from_this()] { self->begin(); });
  }

 private:
  // Before anything is asked: not even a blockhash is for a record that cannot be.
  void begin() {
    if (const auto fit = check_record(record_); !fit) return refuse(fit.error().message);
    if (const auto fit = draft(*core_, record_, 0, Key{}); !fit) return refuse(fit.error().message);
    const auto self = shared_from_this();
    core_->endpoints.choose(
        errand_,
        [self](const Errand& errand) {
          self->errand_ = errand;
          self->ask_terms();
        },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }

  void ask_terms() {
    const auto self = shared_from_this();
    core_->terms.ask(
        errand_,
        [self](Shared<Terms>::Then then, Shared<Terms>::Otherwise otherwise) {
          self->is_own_ = true;
          self->put_question(std::move(then), std::move(otherwise));
        },
        [self](const Terms& terms) { self->sign(terms); },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }
  void ask_own_terms() {
    const auto self = shared_from_this();
    put_question([self](const Terms& terms) { self->sign(terms); },
                 [self](const Trouble& trouble) { self->retry(trouble); });
  }
  void put_question(Shared<Terms>::Then then, Shared<Terms>::Otherwise otherwise) {
    std::make_shared<TermsQuestion>(core_, record_, errand_, std::move(then), std::move(otherwise))
        ->start();
  }

  void sign(const Terms& terms) {
    if (const auto why = cannot_pay(terms)) {
      // A refusal is for good, so not by what somebody else was told a moment ago.
      if (is_own_) return refuse(*why);
      is_own_ = true;
      return ask_own_terms();
    }
    const auto made = draft(*core_, record_, terms.rent, terms.blockhash.hash);
    if (!made) return refuse(made.error().message);
    const auto signature = core_->wallet.sign(made->message);
    auto bytes = wire_form(signature, made->message);
    if (!bytes) return refuse("the record does not fit into a transaction");
    answered_(Prepared::done({std::move(*bytes), base58(signature),
                              terms.blockhash.last_valid_block_height, base58(made->guard)}));
  }

  [[nodiscard]] std::optional<std::string> cannot_pay(const Terms& terms) const {
    // Twice the rent: what is left in the wallet must not be less than its own.
    std::uint64_t left = terms.balance;
    for (const auto part : {terms.fee, terms.rent, terms.rent}) {
      if (left < part)
        return fmt::format(
            "wallet {} has {} lamports; needed are {} for the fee, {} for the record's rent and {} "
            "for its own",
            base58(core_->wallet.address()), terms.balance, terms.fee, terms.rent, terms.rent);
      left -= part;
    }
    return {};
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
  bool is_own_ = false;  // it was asked by this call what the terms are
};

}  // namespace

void run_preparation(std::shared_ptr<Client::Core> core, const ports::ChainRecord& record,
                     base::Instant deadline, ports::Answered<ports::SignedTransaction> answered) {
  std::make_shared<Preparation>(std::move(core), record, deadline, std::move(answered))->start();
}

}  // namespace admitone::solana
