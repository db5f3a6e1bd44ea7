#pragma once
// The HTTP API, /api/v1: what the verbs of the command line do, for programs (contract.md, HTTP).
//
//   who          any token reads, the admin token changes; without one nothing is told
//   a change     carries an Idempotency-Key; its answer is kept with it before it is given, and a
//                repeat gets that. What died half done is taken up by the next repeat: the audit
//                row that it began is the one it ends (decision 0061)
//   a no         problem details (api/problem.hpp)
//
// Used by: the listener. Lifetime: the worker's. Threads: the listener's, several at once; `stop`
// from any. Blocking: a read at most kReadLimit and the time-outs of what it asks; a change its
// timeout and the same. Errors: answers. Durable: a change's answer, where it says
// Idempotency-Stored.

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "app/api/problem.hpp"
#include "app/api/route.hpp"
#include "ports/admin_answers.hpp"
#include "ports/clock.hpp"
#include "telemetry/http_api.hpp"

namespace admitone::app {

class Api final : public telemetry::HttpApi {
 public:
  struct Options {
    // Of the token that changes things: keys of one are nothing to another, and without it nobody
    // finds out what was asked.
    std::string secret;
    std::string scope;  // keeps keys of installations apart
    // What operations work with, but for what a call adds to it.
    std::function<Means()> means;
    std::vector<Route> routes;
  };
  Api(Options options, ports::AdminAnswers& answers, const ports::Clock& clock);

  telemetry::ApiAnswer answer(const telemetry::ApiRequest& request) override;
  telemetry::ApiAnswer refusal(int status, const std::string& request_id) override;

  // Of calls from now on. Threads: any.
  void set_secret(std::string secret);

  // Whatever waits ends, and nothing new begins.
  void stop() { stopping_ = true; }

 private:
  struct Found {
    const Route* route = nullptr;
    std::map<std::string, std::string> parts;
  };

  [[nodiscard]] telemetry::ApiAnswer checked(const telemetry::ApiRequest& request);
  [[nodiscard]] Found find(const telemetry::ApiRequest& request) const;
  [[nodiscard]] telemetry::ApiAnswer read(const telemetry::ApiRequest& request, const Found& found);
  [[nodiscard]] telemetry::ApiAnswer change(const telemetry::ApiRequest& request,
                                            const Found& found);
  [[nodiscard]] telemetry::ApiAnswer run(const telemetry::ApiRequest& request, const Found& found,
                                         const Arguments& arguments, ports::AdminClaim& claim);
  [[nodiscard]] Means means_for(const telemetry::ApiRequest& request) const;

  [[nodiscard]] std::string secret() const;

  Options options_;
  mutable std::mutex secret_mutex_;  // of options_.secret; nothing else of them changes
  ports::AdminAnswers& answers_;
  const ports::Clock& clock_;
  std::atomic<bool> stopping_{false};
};

}  // namespace admitone::app
