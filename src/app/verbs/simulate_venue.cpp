#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/simulate.hpp"
#include "simulate/venue_list.hpp"
#include "simulate/venue_service.hpp"

namespace admitone::app {
namespace {

constexpr const char* kAbout =
    "It stands in for the venue service, for tests and measurements. Venues belong to one tenant,\n"
    "dates of two events do not overlap at a venue, and a request key is answered once. What it\n"
    "has answered is on disk before the answer leaves: kill it and start it again. Faults are "
    "made\n"
    "on demand, by --faults or PUT /control/faults. GET /control/records tells every hold ever\n"
    "made, released or not, and how often each request key was asked.\n"
    "It is no venue service: it has no users, no rights but the tenant's, no prices, no seats, "
    "and\n"
    "keeps all it was asked in memory.";

class SimulateVenue : public Verb {
 public:
  VerbInfo info() const override {
    return {"simulate venue",
            "Prove",
            "Stand in for the venue service, with faults on demand",
            {"admitone simulate venue --any-venue --state venue.jsonl",
             "admitone simulate venue --venues venues.json --state venue.jsonl --latency 20ms",
             "admitone simulate venue --any-venue --state venue.jsonl --faults storm.json"},
            {{kOk, "stopped by a signal"}}};
  }

  void options(CLI::App& app) override {
    common_.listen = "127.0.0.1:8090";
    common_.declare(app);
    app.add_option("--venues", venues_,
                   "JSON list of {venueId, tenantId, status, capacity}: the venues there are");
    app.add_flag("--any-venue", any_venue_,
                 "Every other venue exists too, for the tenant that asks for it first");
    app.add_option("--capacity", capacity_, "Seats of a venue of --any-venue")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--token-secret-file", secret_file_,
                   "Ask for a bearer token, signed with this secret by HS256");
    say_in_help(app, kAbout);
  }

  int run(Context& context) override {
    if (venues_.empty() && !any_venue_) {
      throw VerbError(kUsage, "there would be no venue: give --venues, --any-venue, or both");
    }
    simulate::VenueService::Options options;
    options.state = common_.state;
    options.keep = common_.keep();
    options.any = {any_venue_, capacity_};
    options.faults = common_.script(simulate::World::venue);
    options.latency = duration_of("--latency", common_.latency);
    if (!venues_.empty()) options.venues = read_venues();
    if (!secret_file_.empty()) options.secret = read_secret();
    const SystemClock clock;
    const auto service = simulate::VenueService::open(options, clock);
    if (!service) throw VerbError(kFailed, service.error().message);
    const auto handle = [&service](const simulate::Request& request) {
      return (*service)->handle(request);
    };
    return serve_until_signal(context, {{common_.listen, handle}}, common_.connections);
  }

 private:
  std::vector<simulate::VenueRow> read_venues() const {
    auto rows = simulate::parse_venues(read_whole_file(venues_));
    if (!rows) throw VerbError(kFailed, venues_ + ": " + rows.error().message);
    return std::move(*rows);
  }

  std::string read_secret() const {
    std::string secret = read_whole_file(secret_file_);
    while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
    if (secret.empty()) throw VerbError(kFailed, secret_file_ + " is empty");
    return secret;
  }

  SimulateOptions common_;
  std::string venues_;
  bool any_venue_ = false;
  std::int64_t capacity_ = 1'000'000;
  std::string secret_file_;
};

}  // namespace

std::unique_ptr<Verb> make_simulate_venue() {
  return std::make_unique<SimulateVenue>();
}

}  // namespace admitone::app
