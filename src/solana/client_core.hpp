#pragma once
// What the three operations of the client share. Each operation holds it until it has answered.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "solana/client.hpp"
#include "solana/registry.hpp"
#include "solana/searches.hpp"
#include "solana/shared.hpp"
#include "solana/wallet.hpp"

namespace admitone::solana {

// What every transaction that is signed at this moment needs.
struct Terms {
  std::uint64_t rent = 0;
  Blockhash blockhash;
  std::uint64_t fee = 0;
  std::uint64_t balance = 0;  // of the wallet, not before the blockhash's slot
};

struct Client::Core {
  Core(const Settings& given, Wallet key, std::unique_ptr<Registry> how, http::Client& http,
       const ports::Clock& clock, http::Post later)
      : settings(given),
        wallet(std::move(key)),
        registry(std::move(how)),
        post(later),
        endpoints(given, http, clock, std::move(later)),
        searches(given, endpoints, clock),
        terms(given, clock),
        heights(given, clock) {}

  const Settings settings;
  const Wallet wallet;
  const std::unique_ptr<Registry> registry;
  const http::Post post;
  Endpoints endpoints;
  Searches searches;
  Shared<Terms> terms;
  // That the finalized height has passed some height stays true: a death may be proven from one
  // that somebody else has asked for a moment ago, as the search comes after it all the same.
  Shared<FinalizedHeight> heights;

  // A record with so many transactions is never looked up; what the state says of it.
  void note_too_many(const std::string& text) {
    const std::lock_guard lock(mutex);
    ++too_many;
    too_many_text = text;
  }
  std::mutex mutex;
  std::uint64_t too_many = 0;
  std::string too_many_text;

  // Makes the call; `then` gets what `parse` made of the result, `otherwise` the trouble.
  template <class Parse, class Then, class Otherwise>
  void ask(const Errand& errand, const RpcCall& call, Parse parse, Then then, Otherwise otherwise) {
    using Parsed = decltype(parse(std::declval<const Json&>()));  // an optional
    const auto parsed = std::make_shared<Parsed>();
    endpoints.call(
        errand, call,
        [parsed, parse](const Json& result) {
          *parsed = parse(result);
          return parsed->has_value();
        },
        [parsed, then, otherwise](const std::optional<Trouble>& trouble) {
          if (trouble)
            otherwise(*trouble);
          else
            then(**parsed);
        });
  }
};

// The two operations that take several calls.
void run_preparation(std::shared_ptr<Client::Core> core, const ports::ChainRecord& record,
                     base::Instant deadline, ports::Answered<ports::SignedTransaction> answered);
void run_look_up(std::shared_ptr<Client::Core> core,
                 const std::vector<ports::SignedTransaction>& transactions, base::Instant deadline,
                 ports::Answered<ports::ChainState> answered);

}  // namespace admitone::solana
