#pragma once
// The venue service over HTTP, behind a breaker. Each call is made once; trying again is the step's
// business. While the breaker is open `find` may be answered from the cache, and everything else
// waits: never a default answer, never a "no" that the service has not given (law L16).
//
// Used by: app (makes it), the saga through ports/venue.hpp.
// Lifetime: the HTTP client and the clock outlive every call; the client itself may go earlier, and
//   calls on their way are answered all the same.
// Threads: any; answers come on the HTTP client's loop. Blocking: never, but for short locks.
// Errors: as answers. What each means for the effect is in venue/answers.hpp. A 401 drops the token
//   and is `retry`: that a token of ours is not taken says nothing about the venue.
// Limits: per call 5 s by default, an answer's size, the cache's entries.
//
// Failures for the breaker: no answer, 5xx, 429, and an answer that is none. Each failed call is
// one line of the log: operation, tenant, status or error, request key. What never left us, for
// want of a free connection, is neither.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "http/client.hpp"
#include "ports/clock.hpp"
#include "ports/shared_venues.hpp"
#include "ports/venue.hpp"
#include "resilience/breaker.hpp"
#include "venue/cache.hpp"
#include "venue/state.hpp"
#include "venue/token.hpp"

namespace admitone::venue {

struct Settings {
  std::string url;  // "https://venue.example" or with a path below which "/api/v1/venues" stands
  bool allow_insecure = false;  // http:// too
  std::optional<TokenSettings> token = {};
  base::Duration call_limit = std::chrono::seconds{5};
  base::Duration least_time = std::chrono::milliseconds{50};  // with less left no call is made
  std::size_t max_answer_bytes = std::size_t{256} * 1024;
  resilience::BreakerSettings breaker = {};
  CacheSettings cache = {};
};

class Client final : public ports::Venue {
 public:
  // Permanent: the URL or the token's key is none; no text holds them.
  // `shared` (null: none) is asked where the cache has nothing, and told what the cache is; it
  // outlives every call.
  static base::Result<std::unique_ptr<Client>> create(Settings settings, http::Client& http,
                                                      http::Post post, const ports::Clock& clock,
                                                      ports::SharedVenues* shared = nullptr);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void find(const base::TenantId& tenant, const std::string& venue_id,
            const ports::CallTerms& terms, ports::Answered<ports::VenueFacts> answered) override;
  void hold(const ports::VenueHoldRequest& request, const ports::CallTerms& terms,
            ports::Answered<ports::VenueHold> answered) override;
  void holds(const base::TenantId& tenant, const std::string& venue_id, const base::EventId& event,
             const ports::CallTerms& terms,
             ports::Answered<std::vector<ports::VenueHold>> answered) override;
  void release(const base::TenantId& tenant, const std::string& venue_id,
               const std::string& hold_id, const std::string& request_key,
               const ports::CallTerms& terms, ports::Answered<bool> answered) override;

  [[nodiscard]] State state() const;

 private:
  struct Core;
  explicit Client(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace admitone::venue
