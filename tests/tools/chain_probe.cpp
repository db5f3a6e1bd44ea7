// Answers questions about addresses, messages and transactions, so that tests can hold our answers
// against implementations that are not ours. Reads one JSON object a line and writes one JSON line
// for each; bytes are hexadecimal.

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "solana/address.hpp"
#include "solana/base58.hpp"
#include "solana/idl.hpp"
#include "solana/message.hpp"
#include "solana/registry.hpp"
#include "solana/wallet.hpp"

namespace {

namespace base = admitone::base;
namespace ports = admitone::ports;
namespace solana = admitone::solana;
using Json = nlohmann::json;

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    out += kDigits[value >> 4U];
    out += kDigits[value & 15U];
  }
  return out;
}

std::string bytes_of(const Json& text) {
  const auto digits = text.get<std::string>();
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 2)
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return out;
}

template <class Array>
Array array_of(const Json& text) {
  const auto bytes = bytes_of(text);
  Array out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), out.size()), out.begin());
  return out;
}

solana::Key key(const Json& text) {
  return solana::parse_key(text.get<std::string>()).value();
}

std::vector<solana::Instruction> instructions_of(const Json& list) {
  std::vector<solana::Instruction> out;
  for (const auto& one : list) {
    solana::Instruction made{key(one.at("program")), {}, bytes_of(one.at("data"))};
    for (const auto& use : one.at("accounts"))
      made.accounts.push_back({key(use.at("key")), use.at("signer"), use.at("writable")});
    out.push_back(std::move(made));
  }
  return out;
}

ports::ChainRecord record_of(const Json& question) {
  ports::ChainRecord record;
  record.action = question.at("action") == "create" ? ports::ChainAction::create_event
                                                    : ports::ChainAction::cancel_event;
  record.tenant = {base::Uuid::parse(question.at("tenant").get<std::string>()).value()};
  record.event = {base::Uuid::parse(question.at("event").get<std::string>()).value()};
  record.venue_id = question.at("venue");
  record.event_hash = array_of<base::Fingerprint>(question.at("hash"));
  if (const auto& royalties = question.at("royalties"); !royalties.is_null())
    record.royalties = {royalties.at("artistBps"), royalties.at("venueBps"),
                        royalties.at("artistWallet"), royalties.at("venueWallet")};
  return record;
}

Json transaction(const Json& question) {
  solana::Settings settings;
  if (question.contains("idl")) {
    settings.registry = solana::RegistryKind::anchor;
    settings.idl_file = question.at("idl");
    settings.program_id = question.at("program");
  }
  const auto registry = solana::make_registry(settings);
  if (!registry) return {{"error", registry.error().message}};
  const auto wallet = solana::Wallet::load(question.at("wallet"));
  if (!wallet) return {{"error", wallet.error().message}};
  const auto plan = (*registry)->plan(record_of(question), wallet->address(), question.at("rent"));
  if (!plan) return {{"error", plan.error().message}};
  const auto message =
      solana::compile_message(wallet->address(), plan->instructions, key(question.at("blockhash")));
  if (!message) return {{"error", "too large"}};
  const auto signature = wallet->sign(*message);
  return {{"message", hex(*message)},
          {"signature", solana::base58(signature)},
          {"guard", solana::base58(plan->guard)},
          {"bytes", hex(solana::wire_form(signature, *message).value_or(""))}};
}

Json answer(const Json& question) {
  const std::string what = question.at("do");
  if (what == "base58") return solana::base58(bytes_of(question.at("bytes")));
  if (what == "parse") {
    const auto key = solana::parse_key(question.at("text").get<std::string>());
    return key ? Json(hex(solana::as_text(*key))) : Json();
  }
  if (what == "compact") {
    std::string out;
    solana::append_compact_u16(out, question.at("value"));
    return hex(out);
  }
  if (what == "curve") return solana::on_curve(array_of<solana::Key>(question.at("bytes")));
  if (what == "seeded") {
    const auto made =
        solana::address_with_seed(key(question.at("base")), question.at("seed").get<std::string>(),
                                  key(question.at("owner")));
    return made ? Json(solana::base58(*made)) : Json();
  }
  if (what == "pda") {
    std::vector<std::string> seeds;
    for (const auto& seed : question.at("seeds")) seeds.push_back(bytes_of(seed));
    const auto made = solana::find_program_address(seeds, key(question.at("program")));
    return made ? Json{{"address", solana::base58(made->address)}, {"bump", made->bump}} : Json();
  }
  if (what == "discriminator")
    return hex(solana::global_discriminator(question.at("name").get<std::string>()));
  if (what == "message") {
    const auto message = solana::compile_message(key(question.at("payer")),
                                                 instructions_of(question.at("instructions")),
                                                 key(question.at("blockhash")));
    return message ? Json(hex(*message)) : Json();
  }
  return transaction(question);
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << answer(Json::parse(line)).dump() << '\n';
  return 0;
}
