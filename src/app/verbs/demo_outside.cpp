#include "app/verbs/demo_outside.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "app/verbs/look.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using namespace std::chrono_literals;
using postgres::CellTable;

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

DemoOutside::DemoOutside() : folder_(make_outside_folder()) {
  simulate::VenueService::Options venue;
  venue.state = folder_ + "/venue.jsonl";
  venue.any = {true, 1'000};
  venue.latency = 5ms;
  venue_service_ = need(simulate::VenueService::open(venue, clock_));
  simulate::SolanaService::Options chain;
  chain.state = folder_ + "/chain.jsonl";
  chain.programs.memo = need(simulate::parse_key(kOutsideMemoProgram));
  chain.slot_time = 25ms;  // a sixteenth of a real one
  chain_service_ = need(simulate::SolanaService::open(chain, clock_));
  venue_ = serve([this](const simulate::Request& asked) { return venue_service_->handle(asked); });
  chain_ =
      serve([this](const simulate::Request& asked) { return chain_service_->handle(0, asked); });
  ask_chain("POST", "airdrop", {{"address", kOutsideAddress}, {"lamports", 10'000'000'000}});
  wallet_ = write_wallet(folder_);
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
  return outside_variables(venue_.url, chain_.url, wallet_);
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

std::map<std::string, OutsideTraces> DemoOutside::traces() {
  return traces_of(ask_venue("GET", "records"), ask_chain("GET", "records"));
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
    if (traces_fit(status, seen)) {
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
