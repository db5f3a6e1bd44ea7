#pragma once
// A venue service with faults on demand, as the adapter shows it. It honours request keys, as the
// real one does: a second hold with a key that it knows gives the first answer, and the release of
// another hold under a key that it knows is refused. What is past its deadline does not leave.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "faults.hpp"
#include "ports/venue.hpp"
#include "schedule.hpp"

namespace admitone::saga::sim {

class VenueModel : public ports::Venue {
 public:
  VenueModel(Schedule& schedule, Faults& faults) : schedule_(schedule), faults_(faults) {}

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

  // A hold from before.
  std::string plant(const base::EventId& event, base::Timestamp starts_at, base::Timestamp ends_at);
  [[nodiscard]] std::vector<ports::VenueHold> of(const base::EventId& event) const;
  // By phone: of the event nothing is held any more but `kept`.
  void clear(const base::EventId& event, const std::string& kept);

  // Looks at a request with an effect in the moment in which it leaves the process.
  std::function<void(Op, const base::EventId&, const std::string& key, const std::string& hold)>
      leaves;
  // Keys that an operation came with, by event and hold.
  std::map<std::tuple<Op, base::EventId, std::string>, std::set<std::string>> keys;
  // Holds that were ever made, by event.
  std::map<base::EventId, int> made;

 private:
  ports::VenueHold apply_hold(const ports::VenueHoldRequest& request);
  // False: the key was used for another hold.
  bool apply_release(const std::string& hold_id, const std::string& request_key);
  template <class T>
  bool fails(Op op, Fault fault, base::Instant deadline, const ports::Answered<T>& answered,
             const std::function<void()>& effect);

  Schedule& schedule_;
  Faults& faults_;
  std::map<std::string, ports::VenueHold> holds_;  // by id
  std::map<std::string, ports::VenueHold> first_;  // by request key
  std::map<std::string, std::string> released_;    // hold by request key
  std::map<std::string, base::EventId> events_;    // of every hold that ever was
  int last_ = 0;
};

}  // namespace admitone::saga::sim
