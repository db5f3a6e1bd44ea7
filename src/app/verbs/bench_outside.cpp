#include "app/verbs/bench_outside.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <utility>

#include "app/verbs/bench_usage.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/outside_world.hpp"
#include "postgres/queries.hpp"

namespace admitone::app::bench {
namespace {

namespace queries = postgres::queries;

constexpr std::chrono::seconds kReadyLimit{20};
constexpr std::chrono::milliseconds kGlance{20};
constexpr std::chrono::seconds kAnswerLimit{60};
constexpr std::size_t kMostBytes = std::size_t{4} << 30U;  // of all transactions of a long run
constexpr std::size_t kShown = 5;
// Enough for hundreds of millions of registrations.
constexpr std::int64_t kLamports = 1'000'000'000'000'000;

// "<path>" → the URL in its line "ready <url>"; empty: it has none yet.
std::string url_in(const std::string& log) {
  constexpr std::string_view kReady = "ready ";
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kReady)) return line.substr(kReady.size());
  }
  return {};
}

}  // namespace

Outside::Outside(Context& context)
    : context_(context), folder_(make_outside_folder()), wallet_(write_wallet(folder_)) {
  http::CurlOptions options;
  options.allow_insecure = true;
  http_ = must(http::CurlClient::create(options, clock_));
  loop_ = std::jthread([this](const std::stop_token& stop) { http_->run(stop); });
  venue_ = start("venue", venue_faults(), {"--any-venue", "--latency", "20ms"});
  // Seventeen slots from sending to finality, of which the first has begun: final 400 to 425 ms
  // after it was sent.
  chain_ = start("solana", chain_faults(),
                 {"--slot-time", "25ms", "--land-after", "2", "--finality", "15"});
  ask("POST", chain_->url + "/control/airdrop",
      {{"address", kOutsideAddress}, {"lamports", kLamports}});
}

Outside::~Outside() {
  loop_.request_stop();
  if (loop_.joinable()) loop_.join();
  venue_.reset();
  chain_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Outside::Simulator Outside::start(const std::string& kind, const Json& faults,
                                  const std::vector<std::string>& more) {
  const std::string script = folder_ + "/" + kind + "-faults.json";
  std::ofstream(script) << faults.dump();
  Child::Options options;
  options.arguments = {"simulate", kind, "--listen", "127.0.0.1:0", "--state",
                       folder_ + "/" + kind + ".jsonl", "--faults", script, "-o", "table",
                       // Calls that time out keep their connections for a while.
                       "--connections", "1024"};
  options.arguments.insert(options.arguments.end(), more.begin(), more.end());
  options.environment = context_.environment;
  options.output = folder_ + "/" + kind + ".log";
  auto process = must(Child::start(options));
  auto url = ready_url(process, options.output);
  return {std::move(process), std::move(url)};
}

std::string Outside::ready_url(Child& process, const std::string& log) {
  const auto deadline = clock_.steady() + kReadyLimit;
  while (clock_.steady() < deadline) {
    auto url = url_in(log);
    if (!url.empty()) return url;
    if (context_.interrupted()) throw VerbError(kInterrupted, "interrupted");
    if (process.wait(kGlance)) break;
  }
  std::ifstream in(log);
  const std::string said{std::istreambuf_iterator<char>(in), {}};
  throw VerbError(kFailed, "a simulator did not get ready:\n" + said);
}

std::map<std::string, std::string> Outside::variables() const {
  auto out = outside_variables(venue_->url, chain_->url, wallet_);
  // Nothing on this machine holds back for longer what was given up.
  out["ADMITONE_SAGA_ARRIVAL_MARGIN"] = "5s";
  // Finding a venue and holding it take 20 ms each, and one hold in two hundred the five seconds
  // until it is given up: at 2,000 a second that would be 130 connections in use.
  out["ADMITONE_SAGA_CONNECTIONS"] = "512";
  out["ADMITONE_SAGA_SERVICE_CONNECTIONS"] = "256";
  out["ADMITONE_SAGA_VENUE_CALLS"] = "512";
  return out;
}

void Outside::look_after() {
  for (auto* each : {&*venue_, &*chain_}) {
    if (const auto code = each->process.poll())
      throw VerbError(kFailed, fmt::format("a simulator ended with {}", *code));
  }
}

Outside::Used Outside::used() const {
  return {cpu_of(venue_->process.pid()), cpu_of(chain_->process.pid())};
}

Json Outside::ask(const std::string& method, const std::string& url, const Json& body) {
  http::Request request;
  request.method = method;
  request.url = url;
  if (!body.is_null()) {
    request.headers = {{"Content-Type", "application/json"}};
    request.body = body.dump();
  }
  request.deadline = clock_.steady() + kAnswerLimit;
  request.max_answer_bytes = kMostBytes;
  const auto promise = std::make_shared<std::promise<http::Ending>>();
  auto answer = promise->get_future();
  http_->send(std::move(request),
              [promise](http::Ending ending) { promise->set_value(std::move(ending)); });
  const auto ending = answer.get();
  if (!ending) throw VerbError(kFailed, "the world outside: " + ending.error().message);
  if (ending->status != 200)
    throw VerbError(kFailed, "the world outside answers " + ending->body.substr(0, 200));
  return Json::parse(ending->body);
}

void Outside::prove(postgres::Views& views, std::int64_t events,
                    const std::map<Fault, std::int64_t>& faults) {
  const auto evidence = evidence_of_events(views, events) + evidence_of_faults(faults);
  if (evidence.empty()) return;
  throw VerbError(kNotMet, "refuted by the world outside, so there is no figure" + evidence);
}

std::string Outside::evidence_of_events(postgres::Views& views, std::int64_t expected) {
  const auto traces = traces_of(ask("GET", venue_->url + "/control/records"),
                                ask("GET", chain_->url + "/control/records"));
  const auto events = app::ask(views, queries::event_statuses());
  std::string evidence;
  if (std::cmp_not_equal(events.rows.size(), expected))
    evidence = fmt::format("\n  there are {} events, not {}", events.rows.size(), expected);
  std::size_t wrong = 0;
  for (const auto& row : events.rows) {
    const auto event = postgres::text(row[0]);
    const auto status = postgres::text(row[1]);
    const auto found = traces.find(event);
    const auto seen = found == traces.end() ? OutsideTraces{} : found->second;
    const auto fault = fault_of_event(event);
    if (ended_as_planned(fault, status, seen) || ++wrong > kShown) continue;
    evidence += fmt::format(
        "\n  event {} (fault: {}) is {}: {} holds stand, {} were released, {} records, {} "
        "transactions in blocks",
        event, name_of(fault), status, seen.held, seen.released, seen.created, seen.on_chain);
  }
  if (wrong > 0) evidence += fmt::format("\n  {} of {} events", wrong, events.rows.size());
  return evidence;
}

std::string Outside::evidence_of_faults(const std::map<Fault, std::int64_t>& faults) {
  std::map<std::string, std::int64_t> acted;
  for (const auto& url : {venue_->url, chain_->url}) {
    const Json report = ask("GET", url + "/control/faults");
    for (const auto& rule : report.at("counts"))
      acted[rule.at("name").get<std::string>()] = rule.at("acted").get<std::int64_t>();
  }
  std::string evidence;
  for (const auto& [fault, wanted] : faults) {
    if (fault == Fault::none || acted[name_of(fault)] == wanted) continue;
    evidence += fmt::format("\n  {}: {} times, and was to be {} times", name_of(fault),
                            acted[name_of(fault)], wanted);
  }
  return evidence;
}

}  // namespace admitone::app::bench
