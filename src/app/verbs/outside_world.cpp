#include "app/verbs/outside_world.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/verb.hpp"

namespace admitone::app {
namespace {

constexpr const char* kWallet =
    "[157,97,177,157,239,253,90,96,186,132,74,244,146,236,44,196,68,73,197,105,123,50,105,25,112,"
    "59,172,3,28,174,127,96,215,90,152,1,130,177,10,183,213,75,254,211,201,100,7,58,14,225,114,"
    "243,218,166,35,37,175,2,26,104,247,7,81,26]";

}  // namespace

std::string make_outside_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "admitone-outside-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw VerbError(kFailed, "cannot make a folder in " + path);
  return path;
}

std::string write_wallet(const std::string& folder) {
  std::string path = folder + "/wallet.json";
  std::ofstream(path) << kWallet;
  chmod(path.c_str(), S_IRUSR | S_IWUSR);
  return path;
}

std::map<std::string, std::string> outside_variables(const std::string& venue_url,
                                                     const std::string& chain_url,
                                                     const std::string& wallet_file) {
  return {{"ADMITONE_VENUE_ENABLED", "true"},
          {"ADMITONE_VENUE_URL", venue_url},
          {"ADMITONE_VENUE_ALLOW_INSECURE", "true"},
          {"ADMITONE_CHAIN_ENABLED", "true"},
          {"ADMITONE_SOLANA_RPC_URL", chain_url},
          {"ADMITONE_SOLANA_ALLOW_INSECURE", "true"},
          {"ADMITONE_SOLANA_REGISTRY", "memo"},
          {"ADMITONE_SOLANA_MEMO_PROGRAM_ID", kOutsideMemoProgram},
          {"ADMITONE_SOLANA_GENESIS_HASH", ""},
          {"ADMITONE_SOLANA_COMMITMENT", "finalized"},
          {"ADMITONE_SOLANA_WALLET_FILE", wallet_file}};
}

std::map<std::string, OutsideTraces> traces_of(const Json& venue_records,
                                               const Json& chain_records) {
  std::map<std::string, OutsideTraces> out;
  for (const auto& hold : venue_records.at("holds")) {
    auto& event = out[hold["eventId"].get<std::string>()];
    ++(hold["released"].get<bool>() ? event.released : event.held);
  }
  for (const auto& transaction : chain_records.at("transactions")) {
    const Json memo = Json::parse(transaction["memo"].get<std::string>(), nullptr, false);
    if (!memo.is_object()) continue;
    auto& event = out[memo.value("event", "")];
    const bool landed = transaction["state"] == "landed";
    if (landed || transaction["state"] == "failed") ++event.on_chain;
    if (!landed) continue;
    ++(memo.value("admitone", "") == "create" ? event.created : event.cancelled);
  }
  return out;
}

bool traces_fit(const std::string& status, const OutsideTraces& seen) {
  if (status == "on_sale") return seen.held == 1 && seen.created == 1 && seen.cancelled == 0;
  if (status == "withdrawn") return seen.held == 0 && seen.created == 0;
  return status == "cancelled" && seen.held == 0 && seen.released == 1 && seen.created == 1 &&
         seen.cancelled == 1;
}

}  // namespace admitone::app
