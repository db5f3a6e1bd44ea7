#include "solana/client.hpp"

#include "solana/client_core.hpp"

namespace admitone::solana {

base::Result<std::unique_ptr<Client>> Client::make(const Settings& settings, http::Client& http,
                                                   const ports::Clock& clock, http::Post post) {
  if (settings.rpc_urls.empty())
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "no RPC node is named: at least one URL is needed"};
  auto registry = make_registry(settings);
  if (!registry) return registry.error();
  auto wallet = Wallet::load(settings.wallet_file);
  if (!wallet) return wallet.error();
  auto core = std::make_shared<Core>(settings, std::move(*wallet), std::move(*registry), http,
                                     clock, std::move(post));
  return std::unique_ptr<Client>(new Client(std::move(core)));
}

void Client::prepare(const ports::ChainRecord& record, base::Instant deadline,
                     ports::Answered<ports::SignedTransaction> answered) {
  run_preparation(core_, record, deadline, std::move(answered));
}

void Client::send(const ports::SignedTransaction& transaction, base::Instant deadline,
                  ports::Answered<bool> answered) {
  const auto same_signature = [signature = transaction.signature](const Json& result) {
    // A node that names another transaction has not understood this one.
    return result == signature ? std::optional(true) : std::nullopt;
  };
  const auto otherwise = [answered](const Trouble& trouble) {
    answered(trouble.maybe_applied ? ports::Answer<bool>::unknown(trouble.why, trouble.retry_after)
                                   : ports::Answer<bool>::retry(trouble.why, trouble.retry_after));
  };
  core_->endpoints.choose(
      {.operation = "send", .tenant = {}, .key = transaction.signature, .deadline = deadline},
      [core = core_, answered, otherwise, same_signature,
       bytes = transaction.bytes](const Errand& errand) {
        core->ask(
            errand, send_transaction(bytes), same_signature,
            [core, answered](bool took) { answered(ports::Answer<bool>::done(took)); }, otherwise);
      },
      // Not even asked, if it comes from here.
      [answered](const Trouble& trouble) {
        answered(ports::Answer<bool>::retry(trouble.why, trouble.retry_after));
      });
}

void Client::look_up(const std::vector<ports::SignedTransaction>& transactions,
                     base::Instant deadline, ports::Answered<ports::ChainState> answered) {
  run_look_up(core_, transactions, deadline, std::move(answered));
}

void Client::probe(base::Instant deadline, ports::Answered<bool> answered) {
  const auto otherwise = [answered](const Trouble& trouble) {
    answered(ports::Answer<bool>::retry(trouble.why, trouble.retry_after));
  };
  core_->endpoints.choose(
      {.operation = "probe", .tenant = {}, .key = {}, .deadline = deadline},
      [core = core_, answered, otherwise](const Errand& errand) {
        core->ask(
            errand, get_health(),
            [](const Json& result) { return result == "ok" ? std::optional(true) : std::nullopt; },
            [core, answered](bool well) { answered(ports::Answer<bool>::done(well)); }, otherwise);
      },
      otherwise);
}

State Client::state() const {
  auto state = core_->endpoints.state();
  const std::lock_guard lock(core_->mutex);
  state.too_many = core_->too_many;
  state.too_many_text = core_->too_many_text;
  return state;
}

}  // namespace admitone::solana
