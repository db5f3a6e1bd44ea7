#include "app/operate/timers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "app/operate/look_again.hpp"
#include "app/system_clock.hpp"
#include "app/wiring.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"
#include "kafka/sender.hpp"
#include "ports/lane_store.hpp"
#include "postgres/housekeeper.hpp"
#include "postgres/operator_actions.hpp"
#include "postgres/queries.hpp"
#include "telemetry/metrics.hpp"

namespace admitone::app {
namespace {

using Holds = std::vector<ports::DueHold>;
using Due = std::map<std::pair<std::int32_t, base::TenantId>, Holds>;

std::size_t count(const Due& due) {
  std::size_t all = 0;
  for (const auto& [of, holds] : due) all += holds.size();
  return all;
}

// One of `holds_to_end`, or of `holds_left`, by its key.
struct HoldKey {
  base::TenantId tenant;
  base::ReservationId reservation;
  std::int64_t version = 0;
  auto operator<=>(const HoldKey&) const = default;
};

HoldKey key_of(const ports::DueHold& hold) {
  return {hold.tenant, hold.reservation, hold.hold_version};
}

base::Uuid uuid_at(const postgres::CellTable& table, std::size_t row, const char* column) {
  return base::Uuid::parse(cell(table, row, column).get<std::string>()).value();
}

Due find(postgres::Views& views) {
  const auto found = ask(views, postgres::queries::holds_to_end(kHoldsOfALane));
  Due due;
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    ports::DueHold hold;
    hold.tenant.value = uuid_at(found, i, "tenant_id");
    hold.event.value = uuid_at(found, i, "event_id");
    hold.reservation.value = uuid_at(found, i, "reservation_id");
    hold.hold_version = cell(found, i, "hold_version").get<std::int64_t>();
    hold.expires_at = contract::parse_time(cell_text(cell(found, i, "expires_at"))).value();
    due[{cell(found, i, "lane").get<std::int32_t>(), hold.tenant}].push_back(hold);
  }
  return due;
}

// Does a lane have as many as are asked for, and so perhaps more?
bool has_more(const Due& due) {
  std::map<std::int32_t, std::size_t> of_lanes;
  for (const auto& [of, holds] : due) of_lanes[of.first] += holds.size();
  return std::ranges::any_of(of_lanes, [](const auto& one) {
    return one.second >= static_cast<std::size_t>(kHoldsOfALane);
  });
}

// Those of them that have not ended yet.
Due left_of(postgres::Views& views, const Due& due) {
  std::vector<std::string> tenants;
  std::vector<std::string> reservations;
  std::vector<std::int64_t> versions;
  for (const auto& [of, holds] : due) {
    for (const auto& hold : holds) {
      tenants.push_back(hold.tenant.str());
      reservations.push_back(hold.reservation.str());
      versions.push_back(hold.hold_version);
    }
  }
  const auto found = ask(views, postgres::queries::holds_left(tenants, reservations, versions));
  std::set<HoldKey> held;
  for (std::size_t i = 0; i < found.rows.size(); ++i)
    held.insert(HoldKey{{uuid_at(found, i, "tenant_id")},
                        {uuid_at(found, i, "reservation_id")},
                        cell(found, i, "hold_version").get<std::int64_t>()});
  Due left;
  for (const auto& [of, holds] : due)
    for (const auto& hold : holds)
      if (held.contains(key_of(hold))) left[of].push_back(hold);
  return left;
}

void send(kafka::Sender& sender, std::int32_t lane, const Holds& holds, const std::string& secret) {
  std::vector<ports::OutgoingRecord> records;
  records.reserve(holds.size());
  for (const auto& hold : holds) {
    auto command = contract::expire_command(secret, hold.tenant, hold.event, hold.reservation,
                                            hold.hold_version, hold.expires_at);
    auto& record = records.emplace_back();
    record.topic = ports::OutgoingRecord::Topic::commands;
    record.partition = lane;
    record.key = std::move(command.key);
    record.value = std::move(command.value);
    record.headers = std::move(command.headers);
  }
  must(sender.send(records));
}

Due wait(const Means& means, const ports::Clock& clock, postgres::Views& views, Due left,
         base::Instant until) {
  std::mutex mutex;
  std::condition_variable nobody;
  while (!left.empty()) {
    const auto began = clock.steady();
    must(views.refresh());
    left = left_of(views, left);
    const auto now = clock.steady();
    if (left.empty() || now >= until || means.interrupted()) break;
    std::unique_lock lock(mutex);
    nobody.wait_for(lock, look_again_in(now - began, until - now));
  }
  return left;
}

// What of it has not run out in time.
Due release(const Means& means, const ports::Clock& clock, postgres::Views& views, const Due& due,
            const TimersRunAsked& asked) {
  const Settings& settings = means.settings;
  const auto database = connection_settings(settings, settings.database.url, "operator");
  kafka::Sender sender(means.kafka("operator"), output_topics(settings),
                       settings.kafka.delivery_timeout, clock);
  must(sender.open());
  std::map<std::pair<std::int32_t, base::TenantId>, base::Uuid> begun;
  const auto until = clock.steady() + asked.patience;
  Due sent;
  Due left;
  for (const auto& [of, holds] : due) {
    // What is not begun in time stays due, and its lane's timer has it next.
    if (clock.steady() >= until || means.interrupted()) {
      left.emplace(of, holds);
      continue;
    }
    const auto action = must(postgres::begin_action(
        database, {of.second, of.first, means.who, "timers run",
                   fmt::format("{} due holds", holds.size()), asked.reason}));
    begun.emplace(of, action.id);
    send(sender, of.first, holds, action.forward_secret);
    sent.emplace(of, holds);
  }
  left.merge(wait(means, clock, views, sent, until));
  for (const auto& [of, id] : begun) {
    const auto rest = left.contains(of) ? left.at(of).size() : 0;
    const auto all = due.at(of).size();
    must(postgres::end_action(database, of.second, id, postgres::ActionEnd::applied,
                              fmt::format("{} of {} have run out", all - rest, all)));
  }
  return left;
}

// `left`: null for a plan.
Rows rows_of(const Due& due, const Due* left) {
  Rows rows({"lane", "tenant_id", "due", "oldest", "released"});
  for (const auto& [of, holds] : due) {
    const auto rest = left != nullptr && left->contains(of) ? left->at(of).size() : 0;
    rows.add({of.first, of.second.str(), holds.size(),
              contract::format_time(holds.front().expires_at),
              left == nullptr ? Json() : Json(holds.size() - rest)});
  }
  return rows;
}

}  // namespace

Json Timers::json() const {
  return {
      {"holds", to_list(holds)}, {"jobs", to_list(jobs)}, {"ledger_parts", to_list(ledger_parts)}};
}

Timers list_timers(const Means& means, std::int64_t limit) {
  auto views = open_views(means);
  return {ask(views, postgres::queries::due_holds(limit)), ask(views, postgres::queries::jobs()),
          ask(views, postgres::queries::ledger_parts())};
}

Json TimersRan::json() const {
  return {{"due", due},
          {"released", released},
          {"more", more},
          {"ledger", kept},
          {"lanes", rows.json()}};
}

TimersRan run_timers(const Means& means, const TimersRunAsked& asked) {
  if (asked.execute) check_reason(means, asked.reason);
  const SystemClock clock;
  auto views = open_views(means);
  const Due due = find(views);
  const bool more = has_more(due);
  if (!asked.execute) return {rows_of(due, nullptr), count(due), 0, more, {}};
  const Due left = release(means, clock, views, due, asked);
  telemetry::Metrics nobody_reads{"timers run"};
  auto keeping = housekeeper_options(means.settings);
  // A call has no ten minutes for a look through an old part; the worker has.
  if (means.request) keeping.statement_timeout = means.settings.database.statement_timeout;
  postgres::Housekeeper housekeeper(std::move(keeping), clock, nobody_reads);
  const auto kept = must(housekeeper.step());
  return {rows_of(due, &left), count(due), count(due) - count(left), more, kept.text()};
}

}  // namespace admitone::app
