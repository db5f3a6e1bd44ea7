#pragma once
// The outside world of the demo: a venue service and a chain that stand in for the real ones, on
// ports and threads of their own, and what they know in the end. Used by: the verb `demo`.
// Lifetime: longer than the workers that call them. Threads: the main thread; it starts one for
// each port. Errors: VerbError.

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "app/system_clock.hpp"
#include "app/verb.hpp"
#include "app/verbs/demo_input.hpp"
#include "app/verbs/outside_world.hpp"
#include "postgres/views.hpp"
#include "simulate/listener.hpp"
#include "simulate/solana_service.hpp"
#include "simulate/venue_service.hpp"

namespace admitone::app {

class DemoOutside {
 public:
  DemoOutside();
  ~DemoOutside();
  DemoOutside(const DemoOutside&) = delete;
  DemoOutside& operator=(const DemoOutside&) = delete;

  // What a worker has to be told.
  [[nodiscard]] std::map<std::string, std::string> variables() const;
  // The venue refuses to hold dates for the one event; the answer to the registration of the other
  // is lost, though it was taken.
  void go_wrong_for(const std::string& refused, const std::string& unanswered);

  // Whether both did.
  bool went_wrong();

  // What is outside, by event id.
  std::map<std::string, OutsideTraces> traces();

 private:
  struct Port {
    Port() = default;
    Port(Port&&) = default;
    Port& operator=(Port&&) = default;
    ~Port() {
      if (listener) listener->stop();
    }
    std::unique_ptr<simulate::Listener> listener;
    std::string url;
    std::jthread thread;
  };
  static Port serve(simulate::Handler handler);
  Json ask_venue(const std::string& method, const std::string& path, const Json& body = {});
  Json ask_chain(const std::string& method, const std::string& path, const Json& body = {});

  SystemClock clock_;
  std::string folder_;
  std::string wallet_;
  std::unique_ptr<simulate::VenueService> venue_service_;
  std::unique_ptr<simulate::SolanaService> chain_service_;
  Port venue_;
  Port chain_;
};

// The event of the first command of the kind. VerbError: there is none.
std::string event_of(const std::vector<DemoCommand>& input, const std::string& kind);

// Holds the database's events against what the venue service and the chain know themselves, and
// shows it. False: they do not fit.
bool prove_outside(Context& context, postgres::Views& views, DemoOutside& outside,
                   const std::vector<DemoCommand>& input);

}  // namespace admitone::app
