#pragma once
// The venue service as HTTP: routes, token, faults, control API, and the journal before each
// answer. Used by: app/verbs/simulate_venue. Lifetime: outlives its listener. Threads: `handle`
// from any. Blocking: `handle` waits for the disk. Errors: a disk that fails is 500 from then on.
// Durable: what an answer says is in the journal when it is given.
//
//   GET    /api/v1/venues/{venueId}
//   POST   /api/v1/venues/{venueId}/holds            Idempotency-Key
//   GET    /api/v1/venues/{venueId}/holds?eventId=
//   DELETE /api/v1/venues/{venueId}/holds/{holdId}
//   GET    /control/records, /control/health; GET PUT DELETE /control/faults
//
// Operations of fault scripts: venue.find, venue.hold, venue.holds, venue.release.

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "ports/clock.hpp"
#include "simulate/faults.hpp"
#include "simulate/journal.hpp"
#include "simulate/listener.hpp"
#include "simulate/venue_book.hpp"

namespace admitone::simulate {

class VenueService {
 public:
  struct Options {
    std::string state;  // path of the journal
    Keep keep = Keep::what_is_there;
    std::vector<VenueRow> venues;
    VenueBook::AnyVenue any;
    std::string secret;  // of bearer tokens; empty: none is asked for
    Script faults;
    std::chrono::milliseconds latency{0};  // of every answer that is not of the control API
  };
  static base::Result<std::unique_ptr<VenueService>> open(const Options& options,
                                                          const ports::Clock& clock);

  Answer handle(const Request& request);

 private:
  // What the path asks for.
  struct Ask {
    std::string operation;  // empty: nothing that is known
    std::string venue;
    std::string hold;
    Json body;  // of venue.hold only
  };

  VenueService(const Options& options, const ports::Clock& clock);
  Answer api(const Request& request);
  Answer apply(const Ask& ask, const Request& request);
  VenueReply decide(const Ask& ask, const Request& request);
  [[nodiscard]] Call call_of(const Ask& ask, const Request& request) const;
  static Ask ask_of(const Request& request);
  Json records();

  const ports::Clock& clock_;
  std::string secret_;
  std::chrono::milliseconds latency_;
  Faults faults_;
  std::unique_ptr<Journal> journal_;
  mutable std::mutex mutex_;  // of the book, and of the order of its entries in the journal
  VenueBook book_;
};

}  // namespace admitone::simulate
