#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "app/operate/redrive_core.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/audit_core.hpp"
#include "app/verbs/audit_sources.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/produce_core.hpp"
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
  std::int64_t detached_seq = 0;
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
        letters_before_(extent_of(*reader_, settings_.kafka.dead_letter_topic, limit())),
        acknowledged_(acknowledged()),
        views_(open_views(context)),
        horizon_start_(clock_.now() - dedupe_horizon(settings_)) {}

  std::vector<Check> run() {
    std::vector<Check> checks;
    const auto add = [&](const char* name, const char* claim) -> Check& {
      checks.push_back({name, claim, 0, 0, {}, {}});
      return checks.back();
    };
    checks.reserve(12);
    positions(add("positions", "no acknowledged position is above what the database decided"));
    records(add(
        "records",
        "every consumed record has exactly one verdict, its tenant's, and the answer it is owed"));
    forwards(add("forwards", "what was forwarded is decided once at home, and nothing else is"));
    dead_letters(add("dead letters", "every dead record has a dead letter, and nothing else has"));
    owners(add("owners", "every record that was applied owns its key, and only such records do"));
    must(audit::check_keys(add("keys", "every key was executed once"),
                           audit::keys_by_scope(views_)));
    Check& sequences = add("sequences", "every lane's outcomes are numbered 1, 2, 3 without a gap");
    outcomes(sequences, add("outcome log", "the topic and outcome_log agree record by record"));
    must(audit::check_answers(
        add("answers", "every key has one first outcome, each answer belongs to one record"),
        audit::logged_answers(views_), audit::answered_records(views_),
        audit::keys_by_outcome(views_), detached()));
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
      if (positions[i].ok() && positions[i]->offset) out[partitions[i]] = *positions[i]->offset;
    }
    return out;
  }

  void positions(Check& check) {
    const auto rows = ask(views_, postgres::queries::partitions());
    for (const auto& row : rows.rows) {
      const kafka::NamedPartition partition{postgres::text(row[0]),
                                            static_cast<std::int32_t>(postgres::integer(row[1]))};
      standings_[partition] = {postgres::integer(row[2]), 0, postgres::integer(row[6])};
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

  [[nodiscard]] const std::string& home() const { return settings_.kafka.command_topics.front(); }

  [[nodiscard]] audit::DetachedSeqs detached() const {
    audit::DetachedSeqs out;
    for (const auto& [partition, standing] : standings_) {
      if (partition.topic == home()) out[partition.partition] = standing.detached_seq;
    }
    return out;
  }

  void records(Check& check) {
    for (const auto& topic : settings_.kafka.command_topics) {
      auto extent = extent_of(*reader_, topic, limit());
      std::map<std::int32_t, audit::VerdictCheck> verdicts;
      for (auto& [partition, ends] : extent) {
        const Standing& standing = standings_[{topic, partition}];
        const std::int64_t until = std::max(standing.next_offset, standing.acknowledged);
        if (ends.high > until) {
          check.notes["not consumed yet"] += ends.high - std::max(until, ends.low);
          home_is_behind_ = home_is_behind_ || topic == home();
        }
        ends.high = std::clamp(until, ends.low, ends.high);
        verdicts.try_emplace(partition, check,
                             audit::PartitionFacts{fmt::format("{}/{}", topic, partition), ends.low,
                                                   until, horizon_start_, topic == home()},
                             audit::verdict_rows(views_, topic, partition));
      }
      read(topic, extent, [&](const base::Record& record) {
        return verdicts.at(record.position.partition)
            .record({record.position.offset, record.timestamp,
                     header_of(record, "ce_tenantid").value_or(""), record.value.value_or("")});
      });
      for (auto& [partition, each] : verdicts) must(each.finish());
    }
  }

  // "<topic>/<partition>/<offset>"; a topic's name has no slash.
  [[nodiscard]] bool is_recorded(const std::string& position) const {
    const auto last = position.rfind('/');
    for (const auto& [partition, standing] : standings_) {
      if (position.substr(0, last) != fmt::format("{}/{}", partition.topic, partition.partition))
        continue;
      return std::atoll(position.c_str() + last + 1) < standing.next_offset;
    }
    return true;
  }

  // Is there, or was there before retention took it, a letter at this position?
  [[nodiscard]] bool is_letter(const kafka::Extent& letters, const std::string& position) const {
    const auto place = place_in(settings_.kafka.dead_letter_topic, position);
    if (!place) return false;
    const auto found = letters.find(place->partition);
    return found != letters.end() && place->offset < found->second.high;
  }

  void forwards(Check& check) {
    // Asked now: what the snapshot shows as redriven is in the topic already.
    const auto letters = extent_of(*reader_, settings_.kafka.dead_letter_topic, limit());
    // A home record follows its original by no more than it is kept.
    const audit::ForwardFacts facts{home_is_behind_,
                                    horizon_start_,
                                    horizon_start_ + settings_.kafka.command_retention,
                                    [this](const std::string& at) { return is_recorded(at); },
                                    [&](const std::string& at) { return is_letter(letters, at); },
                                    [this](const std::string& at) {
                                      return place_in(home(), at).has_value() && is_recorded(at);
                                    }};
    must(audit::check_forwards(check, facts, audit::forwarded_rows(views_),
                               audit::home_rows(views_)));
  }

  void dead_letters(Check& check) {
    const std::string& topic = settings_.kafka.dead_letter_topic;
    const auto extent = extent_of(*reader_, topic, limit());
    const bool retention_took = std::any_of(extent.begin(), extent.end(),
                                            [](const auto& one) { return one.second.low > 0; });
    audit::LetterCheck letters(check, horizon_start_, retention_took);
    must(letters.expect(audit::dead_rows(views_)));
    for (const auto& row : ask(views_, postgres::queries::pending_positions()).rows)
      letters.pending(postgres::text(row[0]));
    read(topic, extent, [&](const base::Record& record) {
      auto letter = audit::dead_letter(topic, record);
      const auto before = letters_before_.find(record.position.partition);
      letter.after_snapshot =
          before == letters_before_.end() || record.position.offset >= before->second.high;
      letters.letter(letter);
      return base::Status{};
    });
    must(letters.finish(audit::dead_rows(views_)));
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
      lanes.try_emplace(
          partition, sequences, agreement,
          audit::LaneFacts{topic, partition, ends.low,
                           before == outcomes_before_.end() ? 0 : before->second.high,
                           horizon_start_, standings_[{home(), partition}].detached_seq},
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
  kafka::Extent letters_before_;
  std::map<kafka::NamedPartition, std::int64_t> acknowledged_;
  postgres::Views views_;
  base::Timestamp horizon_start_;
  Standings standings_;
  bool home_is_behind_ = false;
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
    return {"audit",
            "Prove",
            "Prove or refute exactly once, from the topics and the public views alone; ends with 3 "
            "when refuted",
            {"admitone audit", "admitone audit -o json | jq '.checks[] | select(.violations > 0)'"},
            {{kOk, "proven"},
             {kFailed, "failed, or nothing was consumed"},
             {kNotMet, "refuted"},
             {kInterrupted, "interrupted, nothing is proven"}}};
  }

  int run(Context& context) override {
    const auto checks = AuditRun(context).run();
    std::int64_t violations = 0;
    for (const auto& check : checks) violations += check.violations;
    const auto records = std::find_if(checks.begin(), checks.end(),
                                      [](const Check& check) { return check.name == "records"; });
    const bool nothing = violations == 0 && records->looked_at == 0;
    if (context.format == OutputFormat::table) {
      print_table(context, checks, violations);
    } else if (context.format == OutputFormat::jsonl) {
      for (const auto& check : checks) context.print(to_json(check));
    } else {
      Json all = Json::array();
      for (const auto& check : checks) all.push_back(to_json(check));
      context.print(Json{{"result", nothing           ? "nothing"
                                    : violations == 0 ? "proved"
                                                      : "refuted"},
                         {"violations", violations},
                         {"checks", all}});
    }
    if (violations > 0) {
      context.err << fmt::format("audit: refuted, {} violations\n", violations);
      return kNotMet;
    }
    if (nothing) {
      context.err << "audit: nothing was consumed yet: this proves nothing; check the topics, the "
                     "group and the schema in `admitone config print`\n";
      return kFailed;
    }
    context.err << fmt::format("audit: proved for {} records\n", records->looked_at);
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
