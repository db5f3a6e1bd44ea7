#pragma once
// The venue service's rules: who owns which venue, which hold stands, what a request key was
// answered. Pure: time is passed in, what must be kept is handed out as journal entries, and the
// same entries replayed make the same book. Used by: venue_service. Threads: one at a time.
//
// The rules: a venue is shown to its tenant only. Holds of different events at one venue do not
// overlap ([start, end)); those of one event may, so that its dates can be moved. A request key
// belongs to its tenant for ever: the same question under it gets the hold that was made, released
// or not, another question 422, and so does the release of another hold. A refusal is not kept: the
// key may ask again.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.hpp"
#include "simulate/json.hpp"

namespace admitone::simulate {

struct VenueRow {
  std::string id;
  std::string tenant;
  std::string status = "active";
  std::int64_t capacity = 0;
};

// What a request is answered, and what must be in the journal before it is.
struct VenueReply {
  int status = 200;
  Json body;              // null: none
  bool replayed = false;  // the answer that the key was given before
  std::vector<Json> entries;
};

class VenueBook {
 public:
  // A venue that nobody has named exists for the tenant that asks first.
  struct AnyVenue {
    bool on = false;
    std::int64_t capacity = 0;
  };
  explicit VenueBook(AnyVenue any) : any_(any) {}

  void add(const VenueRow& venue);

  VenueReply find(const std::string& tenant, const std::string& venue);
  // `body` is {eventId, startsAt, endsAt} with RFC 3339 times.
  VenueReply hold(const std::string& tenant, const std::string& venue, const std::string& key,
                  const Json& body, base::Timestamp now);
  VenueReply holds(const std::string& tenant, const std::string& venue, const std::string& event);
  VenueReply release(const std::string& tenant, const std::string& venue, const std::string& hold,
                     const std::string& key, base::Timestamp now);

  // An entry that was handed out before.
  void replay(const Json& entry);
  // Every hold ever made, and every request key with how often it was asked.
  [[nodiscard]] Json records() const;
  // Of a hold, released or not; empty when there is none.
  [[nodiscard]] std::string event_of(const std::string& hold) const;

 private:
  struct Hold {
    std::string id;
    std::string venue;
    std::string tenant;
    std::string event;
    std::string starts_at;  // as given
    std::string ends_at;
    base::Timestamp from;
    base::Timestamp until;
    std::string key;
    std::string made_at;
    std::string released_at;                       // empty: it stands
    std::map<std::string, std::int64_t> releases;  // by request key: how often asked
  };
  struct Key {
    std::int64_t asked = 0;
    std::int64_t mismatched = 0;
    std::int64_t refused = 0;
    std::int64_t hold = -1;  // index
  };
  struct Plan {
    std::multimap<base::Timestamp, std::size_t> standing;  // holds by start
    base::Duration longest{0};
  };

  // May the venue be used? If not, the reply is the refusal.
  bool access(const std::string& tenant, const std::string& venue, VenueReply& reply);
  static std::optional<Hold> wanted(const std::string& tenant, const std::string& venue,
                                    const Json& body);
  [[nodiscard]] const Hold* made_under(const std::string& tenant, const std::string& key) const;
  [[nodiscard]] bool is_of_another_release(const Hold& hold, const std::string& key) const;
  void answer_again(VenueReply& reply, const Hold& made, const Hold& asked);
  void make(VenueReply& reply, const Hold& wanted, const std::string& key, base::Timestamp now);
  [[nodiscard]] const Hold* conflict(const Hold& wanted) const;
  void note(VenueReply& reply, const Json& entry);
  static Json view(const Hold& hold);

  void replay_hold(const Json& entry);
  void replay_asked(const Json& entry);
  void replay_release(const Json& entry);

  AnyVenue any_;
  std::unordered_map<std::string, VenueRow> venues_;
  std::vector<Hold> holds_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> by_event_;  // with venue
  std::map<std::pair<std::string, std::string>, Key> keys_;                           // with tenant
  std::map<std::pair<std::string, std::string>, std::size_t> release_keys_;           // with tenant
  std::unordered_map<std::string, Plan> plans_;
};

}  // namespace admitone::simulate
