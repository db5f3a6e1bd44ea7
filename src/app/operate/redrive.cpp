#include "app/operate/redrive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "app/operate/call_time.hpp"
#include "app/operate/inspect_core.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

bool is_of_this_run(Fate fate) {
  return fate == Fate::would_send || fate == Fate::sent;
}

}  // namespace

void check_selection(const Means& means, const Selection& selection) {
  for (const auto& position : selection.positions) check_position(position);
  if (selection.positions.empty() && selection.reason.empty() && selection.tenant.empty()) {
    throw VerbError(kUsage, fmt::format("which ones? give positions, {} or {}; `admitone "
                                        "dead-letters list` shows what there is",
                                        named(means, "reason-code"), named(means, "tenant")));
  }
  (void)tenant_or_none(means, selection.tenant);
}

Redrive::Redrive(const Means& means, const ports::Clock& clock, Selection selection,
                 ReadingProgress progress)
    : means_(means),
      selection_(std::move(selection)),
      progress_(std::move(progress)),
      step_(step_of(means, means.settings.kafka.request_timeout)),
      reader_(must(kafka::Reader::create(means.kafka("dead-letters"), means.settings.kafka.group_id,
                                         clock))),
      rules_(rules()),
      plan_(rules_.letter_topic) {
  rules_.now = clock.now();
}

RedriveRules Redrive::rules() const {
  const auto& kafka = means_.settings.kafka;
  RedriveRules out;
  out.letter_topic = kafka.dead_letter_topic;
  out.home_topic = kafka.command_topics.front();
  out.command_topics = kafka.command_topics;
  out.partitions = static_cast<std::int32_t>(extent_of(*reader_, out.home_topic, step_).size());
  if (kafka.partitioner == Partitioner::none) out.partitioner.reset();
  if (kafka.partitioner == Partitioner::consistent)
    out.partitioner = contract::Partitioner::consistent;
  out.limits = means_.settings.limits;
  out.topic_tenants = kafka.topic_tenants;
  out.max_age = means_.settings.dead_letter.max_age;
  out.horizon = dedupe_horizon(means_.settings);
  return out;
}

// Who names a letter means the record it is of: there may be another letter of it.
void Redrive::find_records_of_letters() {
  for (const auto& position : selection_.positions) {
    if (means_.interrupted()) throw VerbError(kInterrupted, "interrupted, nothing was sent");
    const auto place = place_in(rules_.letter_topic, position);
    if (!place) continue;
    const auto letter =
        must(reader_->find({rules_.letter_topic, place->partition}, place->offset, step_));
    const auto planned = letter ? examine(*letter, rules_) : std::nullopt;
    if (planned) selection_.records.push_back(planned->origin);
  }
}

void Redrive::read(const std::string& what, const kafka::Extent& extent,
                   const kafka::Reader::Each& each) {
  std::int64_t total = 0;
  for (const auto& [partition, ends] : extent) total += ends.high - ends.low;
  progress_.begins(what, total);
  must(reader_->read(rules_.letter_topic, extent, step_, [&](base::Record&& letter) {
    progress_.read();
    return each(std::move(letter)) && !means_.interrupted();
  }));
}

void Redrive::look(std::size_t most, std::optional<std::string> secret) {
  secret_ = std::move(secret);
  plan_ = RedrivePlan(rules_.letter_topic, most);
  find_records_of_letters();
  bool room = true;
  read("reading " + rules_.letter_topic, extent_of(*reader_, rules_.letter_topic, step_),
       [&](base::Record&& letter) {
         auto planned = examine(letter, rules_);
         if (planned && selection_.takes(*planned, rules_.letter_topic))
           room = plan_.add(std::move(*planned));
         return room;
       });
  if (means_.interrupted()) throw VerbError(kInterrupted, "interrupted, nothing was sent");
  if (!room) {
    throw VerbError(kConflict,
                    fmt::format("more than {} dead letters are meant: narrow it down "
                                "with {}, {} or positions",
                                most, named(means_, "reason-code"), named(means_, "tenant")));
  }
  // The snapshot ends with it: sending may take hours, and holds no database up.
  auto views = open_views(means_);
  each_trace(means_, *reader_, views, rules_.letter_topic, secret_,
             [this](const Trace& trace) { plan_.note(trace); });
}

void Redrive::check_found() const {
  if (!plan_.letters().empty()) return;
  throw VerbError(kNotFound,
                  "no dead letter is meant; `admitone dead-letters list` shows which there are");
}

Resending::Counts Redrive::counts() const {
  Resending::Counts out;
  for (const auto& [at, letter] : plan_.letters())
    if (letter.fate == Fate::would_send) ++out[{*letter.tenant, letter.lane}];
  return out;
}

std::string Redrive::target() const {
  std::string out = "dead letters";
  if (!selection_.reason.empty()) out += " of " + selection_.reason;
  if (!selection_.tenant.empty()) out += " of tenant " + selection_.tenant;
  if (!selection_.positions.empty()) out += " at " + selection_.positions.front();
  if (selection_.positions.size() > 1)
    out += fmt::format(" and {} more", selection_.positions.size() - 1);
  return out;
}

kafka::Extent Redrive::extent_of_what_goes() const {
  kafka::Extent out;
  for (const auto& [at, letter] : plan_.letters()) {
    if (letter.fate != Fate::would_send) continue;
    const auto known = out.try_emplace(at.partition, kafka::Watermarks{at.offset, at.offset});
    known.first->second.high = at.offset + 1;
  }
  return out;
}

base::Status Redrive::send(Resending& resending) {
  std::vector<TopicPlace> places;
  base::Status failed;
  const auto mark = [&](const base::Result<std::vector<Resending::Sent>>& sent) {
    if (!sent) {
      failed = sent.error();
      return false;
    }
    for (const auto& [item, position] : *sent) {
      auto* letter = plan_.find(places[item]);
      letter->fate = Fate::sent;
      letter->detail = position;
    }
    return true;
  };
  read("redriving", extent_of_what_goes(), [&](base::Record&& record) {
    const auto* letter = plan_.find({record.position.partition, record.position.offset});
    if (letter == nullptr || letter->fate != Fate::would_send) return true;
    places.push_back(letter->at);
    return mark(resending.add(*letter->tenant, redriven(record, *letter, rules_, *secret_),
                              places.size() - 1));
  });
  if (failed.ok()) mark(resending.finish());
  return failed;
}

void Redrive::look_again(postgres::Views& views) {
  auto rows = must(views.stream(postgres::queries::records_from_topic(rules_.letter_topic)));
  for (auto row = must(rows.next()); row; row = must(rows.next())) plan_.note(trace_of(*row));
}

Rows Redrive::rows(std::size_t most) const {
  Rows rows({"position", "result", "reason", "tenant", "command", "dead_letter", "detail"});
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  // Beyond `most` those that are not of this run are left out.
  const auto all = plan_.counts();
  std::size_t others = most;
  for (const auto& [fate, count] : all)
    if (is_of_this_run(fate)) others -= std::min(others, static_cast<std::size_t>(count));
  for (const auto& [at, letter] : plan_.letters()) {
    if (!is_of_this_run(letter.fate) && others == 0) continue;
    if (!is_of_this_run(letter.fate)) --others;
    rows.add({letter.origin, std::string(name_of(letter.fate)), letter.reason,
              letter.tenant ? Json(letter.tenant->str()) : Json(), or_null(letter.command_id),
              contract::position_text(rules_.letter_topic, at.partition, at.offset),
              or_null(letter.detail)});
  }
  return rows;
}

}  // namespace admitone::app
