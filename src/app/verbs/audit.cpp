#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/audit_core.hpp"
#include "app/verbs/audit_sources.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/progress_line.hpp"
#include "app/wiring.hpp"
#include "kafka/probe.hpp"
#include "kafka/reader.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

using audit::Check;

// Where a partition of a command topic stands, by the database and by the group.
struct Standing {
  std::int64_t next_offset = 0;
  std::int64_t acknowledged = 0;
};
using Standings = std::map<kafka::NamedPartition, Standing>;

class AuditRun {
 public:
  explicit AuditRun(Context& context)
      : context_(context),
        settings_(context.settings({"kafka.bootstrap_servers", "database.reader_url"})),
        client_(kafka_for(context, "audit")),
        reader_(must(kafka::Reader::create(client_, settings_.kafka.group_id, clock_))),
        // What stands below these ends, and what the group has acknowledged by now, must be in the
        // snapshot that is taken next.
        outcomes_before_(extent_of(*reader_, settings_.kafka.outcome_topic, limit())),
        acknowledged_(acknowledged()),
        views_(open_views(context)),
        horizon_start_(clock_.now() - dedupe_horizon(settings_)) {}

  std::vector<Check> run() {
    std::vector<Check> checks;
    const auto add = [&](const char* name, const char* claim) -> Check& {
      checks.push_back({name, claim, 0, 0, {}, {}});
      return checks.back();
    };
    checks.reserve(8);
    positions(add("positions", "no acknowledged position is above what the database decided"));
    records(add("records", "every consumed record has exactly one verdict"));
    owners(add("owners", "every record that was applied owns its key, and only such records do"));
    must(audit::check_keys(add("keys", "every key was executed once"),
                           audit::keys_by_scope(views_)));
    Check& sequences = add("sequences", "every lane's outcomes are numbered 1, 2, 3 without a gap");
    outcomes(sequences, add("outcome log", "the topic and outcome_log agree record by record"));
    must(audit::check_answers(
        add("answers", "every key has one first outcome, every record owed an answer has one"),
        audit::logged_answers(views_), audit::answered_records(views_),
        audit::keys_by_outcome(views_)));
    must(audit::check_capacity(add("capacity", "capacity = available + held + sold, as reserved"),
                               audit::section_rows(views_), audit::reservation_rows(views_)));
    checks.push_back(invariants());
    return checks;
  }

 private:
  [[nodiscard]] kafka::Milliseconds limit() const { return settings_.kafka.request_timeout; }

  std::map<kafka::NamedPartition, std::int64_t> acknowledged() {
    std::vector<kafka::NamedPartition> partitions;
    for (const auto& topic : settings_.kafka.command_topics) {
      for (const auto& [partition, ends] : extent_of(*reader_, topic, limit())) {
        partitions.push_back({topic, partition});
      }
    }
    const auto probe = must(kafka::Probe::create(client_, settings_.kafka.group_id));
    const auto positions = must(probe->stable_positions(partitions, limit()));
    std::map<kafka::NamedPartition, std::int64_t> out;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      // One that is pending just now has nothing final to say.
      if (positions[i].ok() && positions[i].value()) out[partitions[i]] = *positions[i].value();
    }
    return out;
  }

  void positions(Check& check) {
    const auto rows = ask(views_, postgres::queries::partitions());
    for (const auto& row : rows.rows) {
      const kafka::NamedPartition partition{postgres::text(row[0]),
                                            static_cast<std::int32_t>(postgres::integer(row[1]))};
      standings_[partition].next_offset = postgres::integer(row[2]);
    }
    for (const auto& [partition, position] : acknowledged_) {
      Standing& standing = standings_[partition];
      standing.acknowledged = position;
      ++check.looked_at;
      if (position > standing.next_offset) {
        check.found(
            fmt::format("{}/{}", partition.topic, partition.partition),
            fmt::format("acknowledged up to {}, decided up to {}", position, standing.next_offset));
      }
    }
  }

  void records(Check& check) {
    for (const auto& topic : settings_.kafka.command_topics) {
      auto extent = extent_of(*reader_, topic, limit());
      std::map<std::int32_t, audit::VerdictCheck> verdicts;
      for (auto& [partition, ends] : extent) {
        const Standing& standing = standings_[{topic, partition}];
        const std::int64_t until = std::max(standing.next_offset, standing.acknowledged);
        if (ends.high > until)
          check.notes["not consumed yet"] += ends.high - std::max(until, ends.low);
        ends.high = std::clamp(until, ends.low, ends.high);
        verdicts.try_emplace(partition, check,
                             audit::PartitionFacts{fmt::format("{}/{}", topic, partition), ends.low,
                                                   until, horizon_start_},
                             audit::verdict_rows(views_, topic, partition));
      }
      read(topic, extent, [&](const base::Record& record) {
        return verdicts.at(record.position.partition)
            .record({record.position.offset, record.timestamp});
      });
      for (auto& [partition, each] : verdicts) must(each.finish());
    }
  }

  void owners(Check& check) {
    for (const auto& [partition, standing] : standings_) {
      must(audit::check_owners(
          check, fmt::format("{}/{}", partition.topic, partition.partition),
          audit::applied_rows(views_, partition.topic, partition.partition),
          audit::keys_of_partition(views_, partition.topic, partition.partition)));
    }
  }

  void outcomes(Check& sequences, Check& agreement) {
    const std::string& topic = settings_.kafka.outcome_topic;
    const auto extent = extent_of(*reader_, topic, limit());
    std::map<std::int32_t, audit::LaneCheck> lanes;
    for (const auto& [partition, ends] : extent) {
      const auto before = outcomes_before_.find(partition);
      lanes.try_emplace(partition, sequences, agreement,
                        audit::LaneFacts{topic, partition, ends.low,
                                         before == outcomes_before_.end() ? 0 : before->second.high,
                                         horizon_start_},
                        audit::outcome_rows(views_, partition));
    }
    read(topic, extent, [&](const base::Record& record) {
      return lanes.at(record.position.partition).record(audit::published_outcome(record));
    });
    for (auto& [partition, lane] : lanes) must(lane.finish());
  }

  void read(const std::string& topic, const kafka::Extent& extent,
            const std::function<base::Status(const base::Record&)>& each) {
    std::int64_t total = 0;
    for (const auto& [partition, ends] : extent) total += ends.high - ends.low;
    ProgressLine progress(context_.err, clock_, "reading " + topic, total);
    base::Status inside;
    bool stopped = false;
    must(reader_->read(topic, extent, limit(), [&](base::Record&& record) {
      inside = each(record);
      progress.step();
      stopped = context_.interrupted();
      return inside.ok() && !stopped;
    }));
    must(inside);
    if (stopped) throw VerbError(kInterrupted, "audit: interrupted, nothing is proven");
  }

  Check invariants() {
    Check check{"invariants", "invariant_violations is empty", 0, 0, {}, {}};
    for (const auto& row : ask(views_, postgres::queries::invariant_counts()).rows) {
      check.looked_at += postgres::integer(row[1]);
    }
    for (const auto& row : ask(views_, postgres::queries::invariant_violations()).rows) {
      check.found(postgres::text(row[0]), postgres::text(row[1]));
    }
    return check;
  }

  Context& context_;
  const Settings& settings_;
  SystemClock clock_;
  kafka::ClientSettings client_;
  std::unique_ptr<kafka::Reader> reader_;
  kafka::Extent outcomes_before_;
  std::map<kafka::NamedPartition, std::int64_t> acknowledged_;
  postgres::Views views_;
  base::Timestamp horizon_start_;
  Standings standings_;
};

Json to_json(const Check& check) {
  Json evidence = Json::array();
  for (const auto& finding : check.evidence) {
    evidence.push_back({{"where", finding.where}, {"what", finding.what}});
  }
  Json notes = Json::object();
  for (const auto& [note, count] : check.notes) notes[note] = count;
  return {{"check", check.name},
          {"claim", check.claim},
          {"looked_at", check.looked_at},
          {"violations", check.violations},
          {"result", check.violations == 0 ? "proved" : "refuted"},
          {"notes", notes},
          {"evidence", evidence}};
}

std::string notes_of(const Check& check) {
  std::string all;
  for (const auto& [note, count] : check.notes) {
    all += fmt::format("{}{} {}", all.empty() ? "" : ", ", count, note);
  }
  return all;
}

class Audit : public Verb {
 public:
  VerbInfo info() const override {
    return {
        "audit",
        "Prove",
        "Prove or refute exactly once, from the topics and the public views alone; ends with 3 "
        "when refuted",
        {"admitone audit", "admitone audit -o json | jq '.checks[] | select(.violations > 0)'"}};
  }

  int run(Context& context) override {
    const auto checks = AuditRun(context).run();
    std::int64_t violations = 0;
    for (const auto& check : checks) violations += check.violations;
    if (context.format == OutputFormat::table) {
      print_table(context, checks, violations);
    } else if (context.format == OutputFormat::jsonl) {
      for (const auto& check : checks) context.print(to_json(check));
    } else {
      Json all = Json::array();
      for (const auto& check : checks) all.push_back(to_json(check));
      context.print(Json{{"result", violations == 0 ? "proved" : "refuted"},
                         {"violations", violations},
                         {"checks", all}});
    }
    if (violations > 0) {
      context.err << fmt::format("audit: refuted, {} violations\n", violations);
      return kNotMet;
    }
    const auto records = std::find_if(checks.begin(), checks.end(),
                                      [](const Check& check) { return check.name == "records"; });
    if (records->looked_at == 0) {
      context.err << "audit: nothing was consumed yet: this proves nothing; check the topics, the "
                     "group and the schema in `admitone config print`\n";
    } else {
      context.err << fmt::format("audit: proved for {} records\n", records->looked_at);
    }
    return kOk;
  }

 private:
  static void print_table(Context& context, const std::vector<Check>& checks,
                          std::int64_t violations) {
    Rows rows({"check", "looked_at", "violations", "claim", "notes"});
    for (const auto& check : checks) {
      const std::string notes = notes_of(check);
      rows.add({check.name, check.looked_at, check.violations, check.claim,
                notes.empty() ? Json() : Json(notes)});
    }
    context.print(rows);
    if (violations == 0) return;
    Rows evidence({"check", "where", "what"});
    for (const auto& check : checks) {
      for (const auto& finding : check.evidence) {
        evidence.add({check.name, finding.where, finding.what});
      }
    }
    context.out << "\nEVIDENCE\n";
    context.print(evidence);
  }
};

}  // namespace

std::unique_ptr<Verb> make_audit() {
  return std::make_unique<Audit>();
}

}  // namespace admitone::app
