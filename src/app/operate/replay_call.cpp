#include "app/operate/replay_call.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "app/operate/call_time.hpp"
#include "app/operate/redrive_call.hpp"
#include "app/operate/resend.hpp"
#include "app/system_clock.hpp"
#include "app/wiring.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "postgres/operator_actions.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kBytesOfACall = 8U << 20U;

// `next` names its own.
std::string topic_meant(const Means& means, const ReplayCallAsked& asked) {
  const auto next = Next::parse(asked.next);
  return topic_of(means, next ? ReplayRange{.topic = next->topic} : asked.range);
}

// One call: what is left of the range goes forward as it is looked at.
class ReplayCall {
 public:
  ReplayCall(CallTime& time, const ports::Clock& clock, const ReplayCallAsked& asked)
      : time_(time),
        means_(time.means()),
        clock_(clock),
        asked_(asked),
        topic_(topic_meant(means_, asked)),
        reader_(must(kafka::Reader::create(means_.kafka("replay"), means_.settings.kafka.group_id,
                                           clock))) {}

  ReplayCallEnd run() {
    settle_range();
    facts_ = scan_facts(means_, clock_, asked_.mode, topic_);
    std::vector<std::string> against;
    if (asked_.mode == ReplayMode::reemit) {
      secret_ = forward_secret_of(means_);
      look_for_copies(means_, *reader_, left_.whole(), secret_, facts_);
      against = objections_to_reemit(means_);
      if (!asked_.plan && !against.empty()) throw VerbError(kConflict, against.front());
    }
    look();
    ReplayCallEnd out;
    time_.send();
    if (!asked_.plan) {
      const bool all = send();
      out.is_whole = all && is_at_its_end();
      if (all && !out.is_whole) note_progress();
    }
    out.document = document(against, out.is_whole);
    return out;
  }

 private:
  // What an earlier run of this call has settled, what an earlier call has left, or what is asked
  // for.
  void settle_range() {
    const auto held = extent_of(*reader_, topic_, step());
    const bool is_begun = means_.request && means_.request->begun;
    if (is_begun && !base::failpoint::mutant("slice_settled_anew")) {
      auto slice = slice_in(*means_.request->begun);
      left_ = slice.from;
      end_ = std::move(slice.to);
    } else if (!asked_.next.empty()) {
      left_ = Next::parse(asked_.next).value().left;
    } else {
      left_ = RangeLeft(extent_of(means_, *reader_, asked_.range, held));
    }
    begin_ = left_;
    const auto fault = fault_of(left_, topic_, held);
    if (!fault.empty()) throw VerbError(kConflict, fault);
    if (left_.offsets() > RangeLeft::kMostOffsets) {
      throw VerbError(kConflict, "a range has at most " + std::to_string(RangeLeft::kMostOffsets) +
                                     " offsets here: name a partition, or a shorter time");
    }
    if (!Next{topic_, left_}.fits()) {
      throw VerbError(kConflict,
                      "the range is of more partitions than `next` can name: name one at a time");
    }
  }

  // Piece by piece until enough is taken, or the time is half over. Of a piece that its time did
  // not suffice for nothing counts.
  void look() {
    ReplayScan scan(means_, *reader_, facts_);
    bool any = false;
    for (auto& [partition, part] : left_.parts) {
      const auto end = end_of(partition, part);
      while (part.at < end && !is_full()) {
        if (any && time_.is_half_over()) return;
        const auto kept = taken_.size();
        Tallies found;
        const Piece piece{partition, part.at, std::min(part.at + ReplayScan::kPiece, end)};
        const auto next = look_at(scan, piece, found);
        if (!next) {
          taken_.resize(kept);
          if (any) return;
          throw VerbError(kInterrupted,
                          "there was no time for one piece of the range: the verb takes its time");
        }
        part.at = *next;
        any = true;
        for (const auto& [expectation, tally] : found[partition])
          add(tallies_[partition][expectation], tally);
      }
    }
  }

  std::optional<std::int64_t> look_at(ReplayScan& scan, const Piece& piece, Tallies& found) {
    const auto take = [this](const base::Record& record, base::TenantId tenant) {
      if (asked_.plan) return true;
      const auto lane = record.position.partition;
      const auto origin = contract::position_text(topic_, lane, record.position.offset);
      taken_.push_back({tenant, signed_for(record, lane, origin, *secret_)});
      bytes_ += record.bytes;
      lanes_.insert({tenant, lane});
      return !is_full();
    };
    try {
      return scan.piece(piece, found, take);
    } catch (const VerbError& error) {
      if (error.code() != kInterrupted) throw;
      return std::nullopt;
    }
  }

  static void add(Tally& all, const Tally& more) {
    if (all.records == 0) all.first = more.first;
    all.records += more.records;
    all.last = more.last;
  }

  [[nodiscard]] bool is_full() const {
    return taken_.size() >= static_cast<std::size_t>(most_of_a_call(asked_.limit, asked_.rate)) ||
           bytes_ >= kBytesOfACall || lanes_.size() >= kLanesOfACall;
  }

  [[nodiscard]] std::int64_t end_of(std::int32_t partition, const PartLeft& part) const {
    if (!end_) return part.high;
    const auto found = end_->parts.find(partition);
    return found == end_->parts.end() ? part.at : found->second.at;
  }

  // False when its time was over before all had gone.
  bool send() {
    if (taken_.empty()) return true;
    Resending::Counts counts;
    for (const auto& [tenant, record] : taken_) ++counts[{tenant, record.partition}];
    Resending resending(
        means_, clock_,
        {.verb = "replay re-emit",
         .target = "outcomes of " + topic_,
         .reason = asked_.reason,
         .rate = asked_.rate,
         .note = note_of(Slice{begin_, end_.value_or(left_)}).dump(),
         .stopped = time_.stopped(),
         .say = [](const std::string& line) { base::logger("app")->warn("{}", line); }});
    resending.expect(std::move(counts));
    const auto sent = send_all(resending);
    resending.end();
    must(sent);
    return sent_ == taken_.size();
  }

  // Of what this run has looked at all is given, and of the slice that an earlier one has settled
  // more is left: the next run begins there. However slow it is, it comes further than this one.
  void note_progress() {
    must(postgres::note_progress(
        connection_settings(means_.settings, means_.settings.database.url, "operator"),
        {means_.request->id, means_.request->run, note_of(Slice{left_, *end_}).dump()}));
  }

  base::Status send_all(Resending& resending) {
    const auto count = [this](const base::Result<std::vector<Resending::Sent>>& sent) {
      if (sent) sent_ += sent->size();
      return sent.ok() ? base::Status{} : base::Status{sent.error()};
    };
    for (auto& [tenant, record] : taken_) {
      if (auto added = count(resending.add(tenant, std::move(record), 0)); !added) return added;
      if (means_.interrupted()) break;
    }
    return count(resending.finish());
  }

  // Of the slice that an earlier run has settled; else the slice is what was looked at.
  [[nodiscard]] bool is_at_its_end() const {
    return std::ranges::all_of(left_.parts, [this](const auto& one) {
      return !end_ || one.second.at >= end_of(one.first, one.second);
    });
  }

  [[nodiscard]] Json document(const std::vector<std::string>& against, bool is_whole) const {
    const bool more = !is_whole || !left_.is_done();
    return {{"verdicts", rows_of(topic_, asked_.mode, tallies_).json()},
            {"sent", sent_},
            {"against", against},
            {"more", more},
            {"next", is_whole && more ? Json(Next{topic_, left_}.text()) : Json()}};
  }

  [[nodiscard]] kafka::Milliseconds step() const {
    return step_of(means_, means_.settings.kafka.request_timeout);
  }

  CallTime& time_;
  const Means& means_;
  const ports::Clock& clock_;
  const ReplayCallAsked& asked_;
  std::string topic_;
  std::unique_ptr<kafka::Reader> reader_;
  ScanFacts facts_;
  std::optional<std::string> secret_;
  RangeLeft begin_;
  RangeLeft left_;
  std::optional<RangeLeft> end_;  // of a slice that was settled before
  struct Taken {
    base::TenantId tenant;
    ports::OutgoingRecord record;
  };
  std::vector<Taken> taken_;
  std::size_t bytes_ = 0;
  std::set<std::pair<base::TenantId, std::int32_t>> lanes_;
  std::size_t sent_ = 0;
  Tallies tallies_;
};

bool names_a_range(const ReplayRange& range) {
  return range.partition || range.from || range.to || !range.since.empty() || !range.until.empty();
}

}  // namespace

void check_replay(const Means& means, const ReplayCallAsked& asked) {
  check_reason(means, asked.reason);
  check_range(means, asked.range);
  (void)topic_meant(means, asked);
  if (!asked.next.empty()) {
    const auto next = Next::parse(asked.next);
    if (!next) throw VerbError(kUsage, "next is what an earlier answer has told, and nothing else");
    if (!asked.range.topic.empty() && asked.range.topic != next->topic) {
      throw VerbError(kUsage, "next goes on with '" + next->topic + "': leave topic out");
    }
    if (names_a_range(asked.range)) {
      throw VerbError(kUsage,
                      "next stands for the range: leave partition, from, to, since and until out");
    }
  }
  if (asked.mode == ReplayMode::dedupe && !asked.plan) {
    throw VerbError(kConflict,
                    "the lanes read a range again when the group's position is put back, and for "
                    "that every worker has to be stopped, this one, too: `admitone replay --mode "
                    "dedupe --move-group`; here dedupe is a plan only");
  }
}

Json note_of(const Slice& slice) {
  return {{"from", slice.from.text()}, {"to", slice.to.text()}};
}

Slice slice_in(const Json& note) {
  const auto read = [&note](const char* name) {
    const auto found = note.find(name);
    auto out = found != note.end() && found->is_string()
                   ? RangeLeft::parse(found->get<std::string>())
                   : std::nullopt;
    if (out) return *out;
    throw VerbError(kFailed, "what was begun is noted as this release does not know it");
  };
  return {read("from"), read("to")};
}

ReplayCallEnd replay_by_call(const Means& given, const ReplayCallAsked& asked) {
  check_replay(given, asked);
  const SystemClock clock;
  CallTime time(given, clock);
  return ReplayCall(time, clock, asked).run();
}

}  // namespace admitone::app
