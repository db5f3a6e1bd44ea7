#pragma once
// The outside world of w8: `admitone simulate venue` and `admitone simulate solana` as processes of
// their own, with the delays and faults of the workload. Used by: Suite, Run. Lifetime: longer than
// the workers that call them; the processes and what they kept end with it.
// Threads: the main thread; one more for HTTP. Blocking: until the simulators answer, a minute at
// most. Errors: VerbError; kNotMet when the world outside refutes the run.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "app/system_clock.hpp"
#include "app/verb.hpp"
#include "app/verbs/bench_creations.hpp"
#include "app/verbs/child.hpp"
#include "http/curl_client.hpp"
#include "postgres/views.hpp"

namespace admitone::app::bench {

class Outside {
 public:
  // Of this program, whichever is measured: two programs meet the same world.
  explicit Outside(Context& context);
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  // What a worker has to be told.
  [[nodiscard]] std::map<std::string, std::string> variables() const;
  // VerbError when one of them has ended.
  void look_after();

  // CPU seconds so far.
  struct Used {
    std::optional<double> venue;
    std::optional<double> chain;
  };
  [[nodiscard]] Used used() const;

  // Each event has ended as its fault says, is held once by its venue and registered once on the
  // chain or has nothing there, and each fault has happened as often as it was to.
  void prove(postgres::Views& views, std::int64_t events,
             const std::map<Fault, std::int64_t>& faults);

 private:
  struct Simulator {
    Child process;
    std::string url;
  };
  Simulator start(const std::string& kind, const Json& faults,
                  const std::vector<std::string>& more);
  std::string ready_url(Child& process, const std::string& log);
  Json ask(const std::string& method, const std::string& url, const Json& body = {});
  std::string evidence_of_events(postgres::Views& views, std::int64_t expected);
  std::string evidence_of_faults(const std::map<Fault, std::int64_t>& faults);

  Context& context_;
  SystemClock clock_;
  std::string folder_;
  std::string wallet_;
  std::unique_ptr<http::CurlClient> http_;
  std::jthread loop_;
  std::optional<Simulator> venue_;
  std::optional<Simulator> chain_;
};

}  // namespace admitone::app::bench
