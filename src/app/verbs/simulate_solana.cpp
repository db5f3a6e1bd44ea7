#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/simulate.hpp"
#include "simulate/solana_service.hpp"

namespace admitone::app {
namespace {

constexpr int kMostMembers = 16;
constexpr simulate::Slot kMostLag = 256;

constexpr const char* kAbout =
    "It stands in for Solana RPC nodes, for tests and measurements: JSON-RPC, commitments, slots\n"
    "that pass with time, blockhashes that expire after 150 blocks, signatures that are verified,\n"
    "fees, rent, the System and Memo programs, and one Anchor program by its id. What it has\n"
    "answered is on disk before the answer leaves. Faults are made on demand, by --faults or PUT\n"
    "/control/faults. POST /control/airdrop {address, lamports} fills an account, POST\n"
    "/control/step {slots} lets slots pass, and GET /control/records tells every transaction ever\n"
    "seen and what became of it.\n"
    "It is no Solana: no BPF and no program code (of the Anchor program's instructions it knows\n"
    "that create_event needs a record that does not exist yet, and every other one a record that\n"
    "does), no consensus and no forks, no stake, no tokens, no address tables, no priority fees, "
    "no\n"
    "subscriptions. Nothing that it accepts is worth anything.";

class SimulateSolana : public Verb {
 public:
  VerbInfo info() const override {
    return {"simulate solana",
            "Prove",
            "Stand in for Solana RPC nodes, with faults on demand",
            {"admitone simulate solana --state chain.jsonl",
             "admitone simulate solana --state chain.jsonl --pool 3 --lag 0,0,40",
             "admitone simulate solana --state chain.jsonl --reset --slot-time 5ms"},
            {{kOk, "stopped by a signal"}}};
  }

  void options(CLI::App& app) override {
    common_.listen = "127.0.0.1:8899";
    common_.declare(app);
    app.add_option("--pool", pool_, "How many nodes, on ports that follow each other")
        ->check(CLI::Range(1, kMostMembers));
    app.add_option("--lag", lags_, "Slots that each node is behind, with commas")
        ->delimiter(',')
        ->check(CLI::Range(simulate::Slot{0}, kMostLag));
    app.add_option("--slot-time", slot_time_, "How long a slot lasts; 0ms: only /control/step");
    app.add_option("--land-after", land_after_, "Slots from sending to landing")
        ->check(CLI::Range(1, 1'000));
    app.add_option("--finality", finality_, "Slots from processed to finalized")
        ->check(CLI::Range(0, 300));
    app.add_option("--memo-program", memo_, "Address of the Memo program");
    app.add_option("--program", program_,
                   "Address of the Anchor program; without it there is none");
    say_in_help(app, kAbout);
  }

  int run(Context& context) override {
    const auto options = service_options();
    const SystemClock clock;
    const auto service = simulate::SolanaService::open(options, clock);
    if (!service) throw VerbError(kFailed, service.error().message);
    std::vector<Port> ports;
    ports.reserve(static_cast<std::size_t>(pool_));
    for (int member = 0; member < pool_; ++member) {
      ports.push_back({address_after(common_.listen, member),
                       [&service, member](const simulate::Request& request) {
                         return (*service)->handle(member, request);
                       }});
    }
    return serve_until_signal(context, ports, common_.connections);
  }

 private:
  simulate::SolanaService::Options service_options() const {
    simulate::SolanaService::Options options;
    options.state = common_.state;
    options.keep = common_.keep();
    options.faults = common_.script(simulate::World::solana);
    options.latency = duration_of("--latency", common_.latency);
    options.slot_time = duration_of("--slot-time", slot_time_);
    options.land_after = land_after_;
    options.finality = finality_;
    options.programs.memo = address("--memo-program", memo_);
    if (!program_.empty()) options.programs.registry = address("--program", program_);
    options.lags = lags_;
    if (lags_.size() > static_cast<std::size_t>(pool_)) {
      throw VerbError(kUsage, "--lag names more nodes than --pool has");
    }
    options.lags.resize(static_cast<std::size_t>(pool_), 0);
    return options;
  }

  static simulate::Key address(const std::string& flag, const std::string& text) {
    const auto key = simulate::parse_key(text);
    if (!key) throw VerbError(kUsage, flag + ": " + key.error().message);
    return *key;
  }

  SimulateOptions common_;
  int pool_ = 1;
  std::vector<simulate::Slot> lags_;
  std::string slot_time_ = "400ms";
  simulate::Slot land_after_ = 2;
  simulate::Slot finality_ = 31;
  std::string memo_ = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
  std::string program_;
};

}  // namespace

std::unique_ptr<Verb> make_simulate_solana() {
  return std::make_unique<SimulateSolana>();
}

}  // namespace admitone::app
