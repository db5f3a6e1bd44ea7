// `timers run`: what the lanes' timers and the worker's housekeeping do by themselves, done now.
// Due holds are sent to their lanes as the timers send them, so nothing ends twice, and nothing
// outside of its lane's order.

#include <fmt/format.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "app/duration.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"
#include "kafka/sender.hpp"
#include "postgres/housekeeper.hpp"
#include "postgres/lane_store.hpp"
#include "postgres/operator_actions.hpp"
#include "postgres/queries.hpp"
#include "telemetry/metrics.hpp"

namespace admitone::app {
namespace {

using Holds = std::vector<ports::DueHold>;
using Due = std::map<std::pair<std::int32_t, base::TenantId>, Holds>;

constexpr std::int32_t kHoldsOfALane = 5'000;  // at a time, the oldest first
constexpr std::chrono::milliseconds kLookAgain{200};

std::size_t count(const Due& due) {
  std::size_t all = 0;
  for (const auto& [of, holds] : due) all += holds.size();
  return all;
}

class TimersRun : public Verb {
 public:
  VerbInfo info() const override {
    return {"timers run",
            "Operate",
            "Let due holds run out and keep the ledger's parts, now: what workers do by themselves",
            {"admitone timers run", "admitone timers run --execute --reason 'after the outage'"},
            {{kPartly, "sent, and not all decided in time"}}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--execute", execute_, "Do it; without it only the plan is shown");
    app.add_option("--reason", reason_, "Why; kept in the audit rows (view operator_log)");
    app.add_option("--timeout", timeout_, "How long to wait until the lanes have decided");
  }

  int run(Context& context) override {
    if (execute_ && (reason_.empty() || reason_.size() > 2'000)) {
      throw VerbError(kUsage, "--execute wants --reason, a text of up to 2000 bytes");
    }
    const auto patience = parse_duration(timeout_);
    if (!patience) throw VerbError(kUsage, "--timeout wants a length like 30s, not " + timeout_);
    const Settings& settings =
        context.settings({"kafka.bootstrap_servers", "database.url", "database.reader_url"});
    postgres::LaneStore store(
        {.connection = connection_settings(settings, settings.database.url, "operator")}, clock_);
    auto views = open_views(context);
    const Due due = find(views, store);
    if (!execute_) {
      print(context, due, nullptr);
      context.err << fmt::format(
          "admitone: {} holds are due, and nothing was done; --execute does it, and the ledger's "
          "housekeeping\n",
          count(due));
      return kOk;
    }
    const auto left = release(context, settings, store, due, *patience);
    telemetry::Metrics nobody_reads{"timers run"};
    postgres::Housekeeper housekeeper(housekeeper_options(settings), clock_, nobody_reads);
    const auto kept = must(housekeeper.step());
    print(context, due, &left);
    context.err << fmt::format("admitone: {} of {} holds have run out; ledger: {}\n",
                               count(due) - count(left), count(due), kept.text());
    return count(left) == 0 ? kOk : kPartly;
  }

 private:
  Due find(postgres::Views& views, postgres::LaneStore& store) const {
    const auto now = must(store.database_now());
    const auto lanes = ask(views, postgres::queries::partitions());
    Due due;
    for (std::size_t i = 0; i < lanes.rows.size(); ++i) {
      if (cell(lanes, i, "topic_id") != Json(0)) continue;
      const auto lane = cell(lanes, i, "partition").get<std::int32_t>();
      for (auto& hold : must(store.due_holds(lane, now, kHoldsOfALane)))
        due[{lane, hold.tenant}].push_back(hold);
    }
    return due;
  }

  // What of it has not run out in time.
  Due release(Context& context, const Settings& settings, postgres::LaneStore& store,
              const Due& due, std::chrono::milliseconds patience) {
    const auto database = connection_settings(settings, settings.database.url, "operator");
    kafka::Sender sender(kafka_for(context, "operator"), output_topics(settings),
                         settings.kafka.delivery_timeout, clock_);
    must(sender.open());
    std::map<std::pair<std::int32_t, base::TenantId>, base::Uuid> begun;
    for (const auto& [of, holds] : due) {
      const auto action = must(postgres::begin_action(
          database, {of.second, of.first, operator_name(context.environment), "timers run",
                     fmt::format("{} due holds", holds.size()), reason_}));
      begun.emplace(of, action.id);
      send(sender, of.first, holds, action.forward_secret);
    }
    Due left = wait(context, store, due, patience);
    for (const auto& [of, id] : begun) {
      const auto rest = left.contains(of) ? left.at(of).size() : 0;
      const auto all = due.at(of).size();
      must(postgres::end_action(database, of.second, id, postgres::ActionEnd::applied,
                                fmt::format("{} of {} have run out", all - rest, all)));
    }
    return left;
  }

  static void send(kafka::Sender& sender, std::int32_t lane, const Holds& holds,
                   const std::string& secret) {
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

  Due wait(Context& context, postgres::LaneStore& store, const Due& due,
           std::chrono::milliseconds patience) const {
    const auto until = clock_.steady() + patience;
    std::mutex mutex;
    std::condition_variable nobody;
    for (;;) {
      Due left;
      for (const auto& [of, holds] : due) {
        const auto still = must(store.due_holds(of.first, holds.back().expires_at, kHoldsOfALane));
        for (const auto& hold : holds) {
          const bool is_there = std::ranges::any_of(still, [&](const ports::DueHold& one) {
            return one.tenant == hold.tenant && one.reservation == hold.reservation &&
                   one.hold_version == hold.hold_version;
          });
          if (is_there) left[of].push_back(hold);
        }
      }
      if (left.empty() || clock_.steady() >= until || context.interrupted()) return left;
      std::unique_lock lock(mutex);
      nobody.wait_for(lock, kLookAgain);  // the database has nothing to notify by
    }
  }

  // `left`: null for a plan.
  static void print(Context& context, const Due& due, const Due* left) {
    Rows rows({"lane", "tenant_id", "due", "oldest", "released"});
    for (const auto& [of, holds] : due) {
      const auto rest = left != nullptr && left->contains(of) ? left->at(of).size() : 0;
      rows.add({of.first, of.second.str(), holds.size(),
                contract::format_time(holds.front().expires_at),
                left == nullptr ? Json() : Json(holds.size() - rest)});
    }
    context.print(rows);
  }

  SystemClock clock_;
  bool execute_ = false;
  std::string reason_;
  std::string timeout_ = "30s";
};

}  // namespace

std::unique_ptr<Verb> make_timers_run() {
  return std::make_unique<TimersRun>();
}

}  // namespace admitone::app
