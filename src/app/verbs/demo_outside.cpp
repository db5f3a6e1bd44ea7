#include "app/verbs/demo_outside.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/verbs/look.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using namespace std::chrono_literals;
using postgres::CellTable;

constexpr const char* kMemoProgram = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
// A key that everybody knows: the first one of RFC 8032, section 7.1. Its account is on a chain
// that lasts as long as the demo.
constexpr const char* kWallet =
    "[157,97,177,157,239,253,90,96,186,132,74,244,146,236,44,196,68,73,197,105,123,50,105,25,112,"
    "59,172,3,28,174,127,96,215,90,152,1,130,177,10,183,213,75,254,211,201,100,7,58,14,225,114,"
    "243,218,166,35,37,175,2,26,104,247,7,81,26]";
constexpr const char* kAddress = "FVen3X669xLzsi6N2V91DoiyzHzg1uAgqiT8jZ9nS96Z";

std::string make_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "admitone-outside-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw VerbError(kFailed, "cannot make a folder in " + path);
  return path;
}

template <class T>
T need(base::Result<T> result) {
  if (!result) throw VerbError(kFailed, result.error().message);
  return std::move(*result);
}

simulate::Request request(const std::string& method, const std::string& path, const Json& body) {
  simulate::Request out;
  out.method = method;
  out.path = "/control/" + path;
  if (!body.is_null()) out.body = body.dump();
  return out;
}

Json read(const simulate::Answer& answer) {
  if (answer.status != 200) throw VerbError(kFailed, "the outside world answers " + answer.body);
  return Json::parse(answer.body);
}

Json rule(const std::string& operation, const std::string& event, const Json& action) {
  return {{"match", {{"operation", operation}, {"event", event}}}, {"action", action}};
}

}  // namespace

DemoOutside::DemoOutside() : folder_(make_folder()) {
  simulate::VenueService::Options venue;
  venue.state = folder_ + "/venue.jsonl";
  venue.any = {true, 1'000};
  venue.latency = 5ms;
  venue_service_ = need(simulate::VenueService::open(venue, clock_));
  simulate::SolanaService::Options chain;
  chain.state = folder_ + "/chain.jsonl";
  chain.programs.memo = need(simulate::parse_key(kMemoProgram));
  chain.slot_time = 25ms;  // a sixteenth of a real one
  chain_service_ = need(simulate::SolanaService::open(chain, clock_));
  venue_ = serve([this](const simulate::Request& asked) { return venue_service_->handle(asked); });
  chain_ =
      serve([this](const simulate::Request& asked) { return chain_service_->handle(0, asked); });
  ask_chain("POST", "airdrop", {{"address", kAddress}, {"lamports", 10'000'000'000}});
  const auto wallet = folder_ + "/wallet.json";
  std::ofstream(wallet) << kWallet;
  chmod(wallet.c_str(), S_IRUSR | S_IWUSR);
}

DemoOutside::~DemoOutside() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

DemoOutside::Port DemoOutside::serve(simulate::Handler handler) {
  Port port;
  port.listener =
      std::make_unique<simulate::Listener>(simulate::Listener::Options{}, std::move(handler));
  port.url = "http://127.0.0.1:" + std::to_string(need(port.listener->bind()));
  port.thread = std::jthread([listener = port.listener.get()] { listener->run(); });
  return port;
}

std::map<std::string, std::string> DemoOutside::variables() const {
  return {{"ADMITONE_VENUE_ENABLED", "true"},
          {"ADMITONE_VENUE_URL", venue_.url},
          {"ADMITONE_VENUE_ALLOW_INSECURE", "true"},
          {"ADMITONE_CHAIN_ENABLED", "true"},
          {"ADMITONE_SOLANA_RPC_URL", chain_.url},
          {"ADMITONE_SOLANA_ALLOW_INSECURE", "true"},
          {"ADMITONE_SOLANA_REGISTRY", "memo"},
          {"ADMITONE_SOLANA_MEMO_PROGRAM_ID", kMemoProgram},
          {"ADMITONE_SOLANA_GENESIS_HASH", ""},
          {"ADMITONE_SOLANA_COMMITMENT", "finalized"},
          {"ADMITONE_SOLANA_WALLET_FILE", folder_ + "/wallet.json"}};
}

void DemoOutside::go_wrong_for(const std::string& refused, const std::string& unanswered) {
  ask_venue("PUT", "faults",
            {{"rules", {rule("venue.hold", refused, {{"type", "refuse"}, {"status", 409}})}}});
  Json lost = rule("sendTransaction", "*" + unanswered + "*", {{"type", "apply_then_lose"}});
  lost["times"] = 1;
  ask_chain("PUT", "faults", {{"rules", {lost}}});
}

bool DemoOutside::went_wrong() {
  const auto acted = [](const Json& report) {
    return report.at("counts").at(0).at("acted").get<std::int64_t>() == 1;
  };
  return acted(ask_venue("GET", "faults")) && acted(ask_chain("GET", "faults"));
}

std::map<std::string, DemoOutside::Traces> DemoOutside::traces() {
  std::map<std::string, Traces> out;
  const Json venue = ask_venue("GET", "records");
  for (const auto& hold : venue.at("holds")) {
    auto& event = out[hold["eventId"].get<std::string>()];
    ++(hold["released"].get<bool>() ? event.released : event.held);
  }
  const Json chain = ask_chain("GET", "records");
  for (const auto& transaction : chain.at("transactions")) {
    if (transaction["state"] != "landed") continue;
    const Json memo = Json::parse(transaction["memo"].get<std::string>(), nullptr, false);
    if (!memo.is_object()) continue;
    auto& event = out[memo.value("event", "")];
    ++(memo.value("admitone", "") == "create" ? event.created : event.cancelled);
  }
  return out;
}

Json DemoOutside::ask_venue(const std::string& method, const std::string& path, const Json& body) {
  return read(venue_service_->handle(request(method, path, body)));
}

Json DemoOutside::ask_chain(const std::string& method, const std::string& path, const Json& body) {
  return read(chain_service_->handle(0, request(method, path, body)));
}

std::string event_of(const std::vector<DemoCommand>& input, const std::string& kind) {
  for (const auto& command : input)
    if (command.kind == kind) return command.key;
  throw VerbError(kFailed, "the input has no " + kind);
}

namespace {

bool fits(const std::string& status, const DemoOutside::Traces& seen) {
  if (status == "on_sale") return seen.held == 1 && seen.created == 1 && seen.cancelled == 0;
  if (status == "withdrawn") return seen.held == 0 && seen.created == 0;
  return status == "cancelled" && seen.held == 0 && seen.released == 1 && seen.created == 1 &&
         seen.cancelled == 1;
}

// "completed (admitone sagas show ID)"
std::string end_of_saga(postgres::Views& views, const std::string& event) {
  const CellTable sagas = ask(views, queries::sagas_of_event(event, 1));
  if (sagas.rows.empty()) return "missing";
  return cell_text(cell(sagas, 0, "status")) + " (admitone sagas show " +
         cell_text(cell(sagas, 0, "saga_id")) + ")";
}

}  // namespace

bool prove_outside(Context& context, postgres::Views& views, DemoOutside& outside,
                   const std::vector<DemoCommand>& input) {
  auto traces = outside.traces();
  std::map<std::string, std::int64_t> events;  // that fit, by status
  bool good = outside.went_wrong();
  if (!good) context.err << "      what was to go wrong outside did not\n";
  for (const auto& command : input) {
    if (!command.kind.starts_with("new event")) continue;
    const CellTable event = ask(views, queries::event(command.key));
    const auto status = event.rows.empty() ? "missing" : cell_text(cell(event, 0, "status"));
    const auto& seen = traces[command.key];
    if (fits(status, seen)) {
      ++events[status];
      continue;
    }
    good = false;
    context.err << fmt::format(
        "      event {} is {}: {} holds stand, {} were released, {} records, {} cancellations\n",
        command.key, status, seen.held, seen.released, seen.created, seen.cancelled);
  }
  Rows rows({"event", "at its venue", "on the chain", "events"});
  rows.add({"on_sale", "held once", "registered once", events["on_sale"]});
  rows.add({"cancelled", "released", "registered once, cancelled once", events["cancelled"]});
  rows.add({"withdrawn", "nothing", "nothing", events["withdrawn"]});
  context.print(rows);
  context.out.flush();
  context.err << "      One creation was refused: its venue would not hold the date. All of it was "
                 "undone:\n      the saga is "
              << end_of_saga(views, event_of(input, kRefusedOutside))
              << ".\n      One registration got no answer, though the chain had taken it. It was "
                 "looked up, not\n      made again: the saga is "
              << end_of_saga(views, event_of(input, kUnansweredOutside)) << ".\n"
              << std::flush;
  return good && events["withdrawn"] == 1;
}

}  // namespace admitone::app
