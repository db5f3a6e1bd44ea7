// `replay`: a range of a command topic once more. See operate/replay_core.hpp for what the modes
// do.

#include <fmt/format.h>

#include <algorithm>

#include "app/operate/replay.hpp"
#include "app/operate/resend.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/progress_line.hpp"
#include "app/verbs/resend_flags.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"
#include "postgres/operator_actions.hpp"

namespace admitone::app {
namespace {

class Replay : public Verb {
 public:
  VerbInfo info() const override {
    return {"replay",
            "Operate",
            "Show what a range of commands would do once more, and do it: bring lanes forward, or "
            "give stored outcomes again",
            {"admitone replay --since 2026-11-20T10:00:00Z",
             "admitone replay --mode re-emit --partition 3 --from 120 --to 480 --rate 200 --yes "
             "--reason 'lost by a consumer'",
             "admitone replay --mode dedupe --move-group --yes --reason 'positions were lost'"},
            {{kNotMet, "something speaks against it; nothing was done"},
             {kConflict, "workers own what would be moved; nothing was done"},
             {kPartly, "not all of it was sent"},
             {kInterrupted, "interrupted; run again, nothing is given twice"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("--mode", mode_name_,
                   "dedupe: the lanes read it again; re-emit: stored outcomes are given again")
        ->check(CLI::IsMember({"dedupe", "re-emit"}));
    app.add_option("--topic", asked_.topic, "A command topic; none: the home topic");
    app.add_option("--partition", asked_.partition, "Of one partition only")
        ->check(CLI::Range(0, 1'000'000));
    app.add_option("--from", asked_.from, "The first offset")->check(CLI::NonNegativeNumber);
    app.add_option("--to", asked_.to, "The first offset that is not meant")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--since", asked_.since, "Records of this time (RFC 3339) or later");
    app.add_option("--until", asked_.until, "Records before this time (RFC 3339)");
    app.add_flag("--move-group", move_,
                 "dedupe: put the group's position back to the beginning of "
                 "the range; no worker may run");
    flags_.declare(app);
  }

  int run(Context& context) override {
    mode_ = mode_name_ == "re-emit" ? ReplayMode::reemit : ReplayMode::dedupe;
    check();
    check_range({.settings = context.loaded().settings}, asked_);
    std::vector<std::string> needs{"kafka.bootstrap_servers", "database.reader_url"};
    if (flags_.yes) needs.emplace_back("database.url");
    means_.emplace(means_of(context, needs));
    settings_ = &means_->settings;
    topic_ = topic_of(*means_, asked_);
    reader_ =
        must(kafka::Reader::create(means_->kafka("replay"), settings_->kafka.group_id, clock_));
    facts_ = scan_facts(*means_, clock_, mode_, topic_);
    extent_ = range();
    if (mode_ == ReplayMode::reemit) {
      if (flags_.yes) secret_ = forward_secret_of(*means_);
      unproven_ = look_for_copies(*means_, *reader_, extent_, secret_, facts_);
    }
    plan(context);
    context.print(rows_of(topic_, mode_, tallies_));
    const auto objections = what_speaks_against();
    if (!flags_.yes) return tell_plan(context, objections);
    if (!objections.lines.empty()) return refuse(context, objections);
    return mode_ == ReplayMode::dedupe ? move(context) : give_again(context);
  }

 private:
  struct Objections {
    std::vector<std::string> lines;
    int code = kNotMet;
  };

  [[nodiscard]] kafka::Milliseconds limit() const { return settings_->kafka.request_timeout; }

  void check() {
    flags_.check();
    if (move_ && mode_ != ReplayMode::dedupe)
      throw VerbError(kUsage, "--move-group is for --mode dedupe; re-emit moves no position");
    if (flags_.yes && mode_ == ReplayMode::dedupe && !move_) {
      throw VerbError(kUsage,
                      "--mode dedupe changes nothing unless the lanes read the range again: "
                      "--move-group puts the group's position back");
    }
  }

  kafka::Extent range() {
    const auto held = extent_of(*reader_, topic_, limit());
    for (const auto& [partition, ends] : held) log_starts_[partition] = ends.low;
    auto extent = extent_of(*means_, *reader_, asked_, held);
    // Where the group is to stand, unless somebody says: at what the database decides next.
    if (move_ && !asked_.from && asked_.since.empty()) {
      for (auto& [partition, ends] : extent)
        ends.low = std::clamp(next_offset(partition).value_or(ends.low), ends.low, ends.high);
    }
    return extent;
  }

  [[nodiscard]] std::optional<std::int64_t> next_offset(std::int32_t partition) const {
    const auto found = facts_.next_offsets.find(partition);
    if (found == facts_.next_offsets.end()) return std::nullopt;
    return found->second;
  }

  [[nodiscard]] std::int64_t records() const {
    std::int64_t out = 0;
    for (const auto& [partition, ends] : extent_) out += ends.high - ends.low;
    return out;
  }

  void plan(Context& context) {
    ProgressLine progress(context.err, clock_, "reading " + topic_, records());
    ReplayScan scan(*means_, *reader_, facts_, [&progress] { progress.step(); });
    const auto count = [this](const base::Record& record, base::TenantId tenant) {
      ++counts_[{tenant, record.position.partition}];
      return true;
    };
    if (!scan.run(pieces_of(extent_, ReplayScan::kPiece), tallies_, count))
      throw VerbError(kInterrupted, "interrupted, nothing was done");
  }

  Objections what_speaks_against() {
    Objections out;
    if (mode_ == ReplayMode::reemit) {
      out.lines = objections_to_reemit(*means_);
      return out;
    }
    if (!move_) return out;
    const auto admin = must(kafka::Admin::create(means_->kafka("replay")));
    MoveFacts facts{topic_, settings_->kafka.group_id, 0, {}};
    facts.members = must(admin->members(facts.group, limit()));
    if (facts.members > 0) out.code = kConflict;
    for (const auto& [partition, ends] : extent_)
      facts.moves.push_back(
          {partition, ends.low, next_offset(partition), log_starts_.at(partition)});
    out.lines = objections(facts, tallies_);
    return out;
  }

  int tell_plan(Context& context, const Objections& objections) const {
    context.err << fmt::format("admitone: nothing was done: {} records of {} were looked at\n",
                               looked_at(), topic_);
    for (const auto& line : objections.lines)
      context.err << "admitone: against it: " << line << '\n';
    if (unproven_ > 0) {
      context.err << fmt::format(
          "admitone: of what was given already {} are not decided yet: with --yes their signatures "
          "are looked at\n",
          unproven_);
    }
    if (mode_ == ReplayMode::dedupe && !move_) {
      context.err << "admitone: --move-group --yes --reason TEXT lets the lanes read it again\n";
    } else if (objections.lines.empty()) {
      context.err << "admitone: the same with --yes --reason TEXT does it\n";
    }
    return objections.lines.empty() ? kOk : objections.code;
  }

  [[nodiscard]] std::int64_t looked_at() const {
    std::int64_t out = 0;
    for (const auto& [partition, found] : tallies_)
      for (const auto& [expectation, tally] : found) out += tally.records;
    return out;
  }

  static int refuse(Context& context, const Objections& objections) {
    for (const auto& line : objections.lines) context.err << "admitone: " << line << '\n';
    context.err << "admitone: nothing was done\n";
    return objections.code;
  }

  // ---------------------------------------------------------------- dedupe

  // Written down, then moved: what is interrupted is done again by the same command.
  int move(Context& context) {
    ask_for_a_name(context);
    const auto admin = must(kafka::Admin::create(means_->kafka("replay")));
    const auto database = connection_settings(*settings_, settings_->database.url, "operator");
    for (const auto& [partition, ends] : extent_) {
      const auto where = fmt::format("{}/{}", topic_, partition);
      // Nobody's records in particular: the row is the nil tenant's.
      const auto begun = must(postgres::begin_action(
          database, {base::TenantId{}, partition, means_->who, "replay dedupe",
                     fmt::format("{} from {}", where, ends.low), flags_.reason}));
      const auto moved =
          admin->set_position(settings_->kafka.group_id, {topic_, partition}, ends.low, limit());
      must(postgres::end_action(
          database, base::TenantId{}, begun.id,
          moved ? postgres::ActionEnd::applied : postgres::ActionEnd::refused,
          moved ? fmt::format("the group stands at {}", ends.low) : moved.error().message));
      if (!moved) {
        throw VerbError(kFailed, where + ": " + moved.error().message +
                                     "; those before it are moved: the same command goes on");
      }
    }
    context.err << fmt::format(
        "admitone: the group '{}' stands at the beginning of the range in {} partitions; start the "
        "workers: they read from there to the end of the log\n",
        settings_->kafka.group_id, extent_.size());
    return kOk;
  }

  // ---------------------------------------------------------------- re-emit

  int give_again(Context& context) {
    if (counts_.empty()) {
      context.err << "admitone: there is nothing to give again\n";
      return kOk;
    }
    ask_for_a_name(context);
    Resending resending(*means_, clock_,
                        flags_.sending(context, "replay re-emit", "outcomes of " + topic_));
    resending.begin(counts_);
    ProgressLine progress(context.err, clock_, "giving again", records());
    ReplayScan scan(*means_, *reader_, facts_, [&progress] { progress.step(); });
    // Taken while a snapshot is held, sent when it is not: it keeps the database from cleaning up.
    std::vector<std::pair<base::TenantId, ports::OutgoingRecord>> taken;
    std::size_t bytes = 0;
    const auto most = static_cast<std::size_t>(flags_.rate * kSecondsTaken);
    const auto take = [&](const base::Record& record, base::TenantId tenant) {
      const auto lane = record.position.partition;
      const auto origin = contract::position_text(topic_, lane, record.position.offset);
      taken.emplace_back(tenant, signed_for(record, lane, origin, *secret_));
      bytes += record.bytes;
      return taken.size() < most && bytes < kBytesTaken;
    };
    std::int64_t given = 0;
    base::Status failed;
    const auto mark = [&](const base::Result<std::vector<Resending::Sent>>& sent) {
      if (!sent) failed = sent.error();
      if (sent) given += static_cast<std::int64_t>(sent->size());
      return sent.ok() && !context.interrupted();
    };
    const auto send = [&] {
      bytes = 0;
      for (auto& [tenant, record] : std::exchange(taken, {}))
        if (!mark(resending.add(tenant, std::move(record), 0))) return false;
      return true;
    };
    Tallies seen;
    const bool whole = scan.run(pieces_of(extent_, ReplayScan::kPiece), seen, take, send) &&
                       mark(resending.flush());
    if (!failed) {
      context.err << fmt::format("admitone: {}; run this again: nothing is given twice\n",
                                 failed.error().message);
    }
    resending.end();
    context.err << fmt::format("admitone: {} records sent to give their outcomes again\n", given);
    if (context.interrupted()) return kInterrupted;
    return whole ? kOk : kPartly;
  }

  // Of what is sent between two looks at the ledger: so long is a plan believed, which is well
  // below the hour for which an answer has to be kept; and so much memory it takes.
  static constexpr std::int64_t kSecondsTaken = 600;
  static constexpr std::size_t kBytesTaken = 16U << 20U;

  std::string mode_name_ = "dedupe";
  ReplayMode mode_ = ReplayMode::dedupe;
  ReplayRange asked_;
  bool move_ = false;
  ResendFlags flags_;

  SystemClock clock_;
  std::optional<Means> means_;
  const Settings* settings_ = nullptr;
  std::string topic_;
  std::unique_ptr<kafka::Reader> reader_;
  std::optional<std::string> secret_;  // of a run that does it
  ScanFacts facts_;
  kafka::Extent extent_;
  std::map<std::int32_t, std::int64_t> log_starts_;
  std::int64_t unproven_ = 0;
  Tallies tallies_;
  Resending::Counts counts_;
};

}  // namespace

std::unique_ptr<Verb> make_replay() {
  return std::make_unique<Replay>();
}

}  // namespace admitone::app
