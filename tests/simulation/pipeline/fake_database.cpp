#include "simulation/pipeline/fake_database.hpp"

#include <algorithm>

#include "contract/keys.hpp"

namespace admitone::simulation {
namespace {

using base::Effect;
using base::Error;
using base::ErrorKind;
using ports::UnitEnd;

// Up to part `last` the row that owns the key, else the newest.
const ports::LedgerRow* newest(const FakeDatabase& db, const ports::LedgerKey& key,
                               std::int32_t last, std::int32_t& part) {
  const ports::LedgerRow* found = nullptr;
  for (auto it = db.ledger.lower_bound({key, 0});
       it != db.ledger.end() && std::get<0>(it->first) == key && std::get<1>(it->first) <= last;
       ++it) {
    if (found != nullptr && found->owns_key && !it->second.owns_key) continue;
    found = &it->second;
    part = std::get<1>(it->first);
  }
  return found;
}

// Of an outcome; null: it is gone, with the row that kept it.
const std::string* value_of(const FakeDatabase& db, const ports::LedgerRow& row) {
  if (!row.stored_at) return &row.outcome_value;
  const auto kept = db.ledger.find({*row.stored_at, row.stored_part});
  return kept == db.ledger.end() ? nullptr : &kept->second.outcome_value;
}

std::int64_t size_of(const std::string& text) {
  return static_cast<std::int64_t>(text.size());
}

std::int64_t sum_of(const std::vector<ports::UnpublishedOutcome>& rows) {
  std::int64_t sum = 0;
  for (const auto& row : rows) sum += size_of(row.outcome.value);
  return sum;
}

// Of stored values and of records.
std::int64_t sum_of(const ports::UnitReads& reads) {
  std::int64_t sum = 0;
  for (const auto& key : reads.keys)
    if (key.outcome) sum += size_of(key.outcome->value);
  for (const auto& stored : reads.values) sum += size_of(stored.value);
  for (const auto& row : reads.parked) sum += size_of(row.packed);
  for (const auto& row : reads.copies) sum += size_of(row.packed);
  return sum;
}

contract::OutcomeRecord outcome_of(const ports::LedgerRow& row, const std::string& value) {
  contract::OutcomeRecord outcome;
  outcome.id = *row.outcome_id;
  outcome.type = *row.outcome_type;
  outcome.code = *row.code;
  outcome.tenant = row.key.tenant;
  outcome.event = row.event;
  outcome.time = row.outcome_time;
  outcome.replayed = row.replayed;
  outcome.command_id = row.command_id;
  outcome.origin = row.origin.value_or("");
  outcome.value = value;
  return outcome;
}

}  // namespace

std::vector<const ports::LedgerRow*> FakeDatabase::outcomes(std::int32_t lane) const {
  std::vector<const ports::LedgerRow*> rows;
  for (const auto& [key, row] : ledger)
    if (row.lane == lane && row.out_seq) rows.push_back(&row);
  std::sort(rows.begin(), rows.end(),
            [](const auto* a, const auto* b) { return *a->out_seq < *b->out_seq; });
  return rows;
}

const ports::LedgerRow* FakeDatabase::at(const base::Position& position) const {
  for (const auto& [key, row] : ledger)
    if (row.position == position) return &row;
  return nullptr;
}

base::Result<std::vector<ports::TakenLane>> FakeStore::take(
    std::span<const base::TopicPartition> lanes, const std::string& publisher) {
  if (down) return unreachable();
  std::vector<ports::TakenLane> taken;
  for (const auto& tp : lanes) {
    if (takes == 0) break;
    --takes;
    auto& row = db_.progress[tp];
    row.at.tp = tp;
    row.at.epoch += 1;
    const auto head = row.consumed ? std::optional(row.at.next_offset) : std::nullopt;
    row.tries = row.head_offset == head ? row.tries + 1 : 1;
    row.head_offset = head;
    ports::TakenLane lane;
    lane.tp = tp;
    lane.epoch = row.at.epoch;
    lane.unit = row.at.unit;
    if (row.consumed) lane.next_offset = row.at.next_offset;
    lane.out_seq = row.at.out_seq;
    lane.published_seq = row.at.published_seq;
    lane.published_offset = row.at.published_offset;
    for (const auto& id : row.publishers)
      if (id != publisher) lane.publishers.push_back(id);
    if (std::find(row.publishers.begin(), row.publishers.end(), publisher) == row.publishers.end())
      row.publishers.push_back(publisher);
    row.owner = publisher;
    lane.lane_time = row.at.lane_time;
    lane.tries = row.tries;
    lane.alone_attempts = row.alone_attempts;
    taken.push_back(std::move(lane));
  }
  during_take();
  if (taken.empty()) return unreachable();
  return taken;
}

base::Result<ports::LaneWork> FakeStore::load_work(base::TopicPartition tp) {
  if (down || no_work) return unreachable();
  ports::LaneWork work;
  for (const auto& [key, event] : db_.events)
    if (event.lane == tp.partition && event.status == domain::EventStatus::cancelling)
      work.draining.push_back(key);
  std::map<ports::EventKey, std::int64_t> counts;
  for (const auto& [key, row] : db_.parked) {
    if (key.first != tp.partition) continue;
    work.max_park_order = std::max(work.max_park_order, row.order % ports::kWithOtherKeys);
    if (!row.copy) counts[row.event] += 1;
  }
  work.parked.assign(counts.begin(), counts.end());
  return work;
}

base::Result<std::vector<ports::UnpublishedOutcome>> FakeStore::load_unpublished(
    base::TopicPartition tp, std::int64_t after, std::int32_t limit, std::int64_t bytes) {
  if (down) return unreachable();
  if (lost_values)
    return Error{ErrorKind::permanent, Effect::not_applied, "an outcome has lost its value"};
  std::vector<ports::UnpublishedOutcome> rows;
  for (const auto* row : db_.outcomes(tp.partition)) {
    if (*row->out_seq <= after || rows.size() >= static_cast<std::size_t>(limit) || bytes <= 0)
      continue;
    const auto* value = value_of(db_, *row);
    if (value == nullptr)
      return Error{ErrorKind::permanent, Effect::not_applied, "an outcome has lost its value"};
    rows.push_back({*row->out_seq, outcome_of(*row, *value)});
    bytes -= size_of(rows.back().outcome.value);
  }
  most_read = std::max(most_read, sum_of(rows));
  return rows;
}

base::Result<std::vector<ports::PendingDeadLetter>> FakeStore::load_dead_letters(
    base::TopicPartition tp) {
  if (down) return unreachable();
  std::vector<ports::PendingDeadLetter> letters;
  for (const auto& [position, letter] : db_.dead_letters)
    if (position.topic == tp.topic && position.partition == tp.partition) letters.push_back(letter);
  return letters;
}

base::Result<base::Timestamp> FakeStore::database_now() {
  ++asked;
  if (down || no_time) return unreachable();
  return db_.now;
}

base::Result<std::optional<ports::AuditedAction>> FakeStore::pending_action(base::TopicPartition tp,
                                                                            base::TenantId tenant,
                                                                            base::Uuid id) {
  ++actions_asked;
  if (down || no_actions) return unreachable();
  const auto found = db_.actions.find({tenant, id});
  if (found == db_.actions.end() || found->second.state != "pending" ||
      found->second.lane != tp.partition)
    return std::optional<ports::AuditedAction>{};
  return std::optional(found->second.what);
}

base::Result<std::int64_t> FakeStore::lane_epoch(base::TopicPartition tp) {
  if (down) return unreachable();
  return db_.progress.at(tp).at.epoch;
}

ports::UnitReads FakeStore::read(const ports::UnitQuery& query) {
  ports::UnitReads reads;
  reads.part = db_.part;
  reads.database_now = db_.now;
  // The row that a hint is right about.
  const auto hinted = [&](const auto& key, std::int32_t& part) -> const ports::LedgerRow* {
    const auto hint = std::ranges::find(query.hints, key, &ports::KeyHint::key);
    if (hint == query.hints.end()) return nullptr;
    const auto row = db_.ledger.find({key, part = hint->part});
    const bool there = row != db_.ledger.end() && row->second.owns_key;
    return there && row->second.payload == hint->payload ? &row->second : nullptr;
  };
  const auto look_for = [&](const ports::LedgerKey& key, std::int32_t last) {
    std::int32_t part = 0;
    const auto* row = hinted(key, part);
    reads.hinted += row != nullptr ? 1 : 0;
    if (row == nullptr) row = newest(db_, key, last, part);
    if (row == nullptr) return;
    ports::FoundKey found;
    found.key = key;
    found.part = part;
    found.payload = row->payload;
    found.verdict = row->verdict;
    found.status = row->status;
    found.attempts = row->attempts;
    found.expires_at = row->expires_at;
    found.event = row->event;
    const auto* value = row->outcome_id ? value_of(db_, *row) : nullptr;
    if (row->outcome_id && value == nullptr) found.expires_at = base::Timestamp{};
    if (value != nullptr) {
      found.outcome = outcome_of(*row, *value);
      const auto bytes = size_of(found.outcome->value);
      if (bytes > query.value_limit) {
        found.value_left_out = bytes;
        found.outcome->value.clear();
      }
    }
    found.stored_at = row->stored_at.value_or(key);
    found.stored_part = row->stored_at ? row->stored_part : part;
    reads.keys.push_back(std::move(found));
  };
  for (const auto& key : query.keys) look_for(key, db_.part);
  for (const auto& key : query.new_keys) look_for(key, db_.part - 1);
  for (const auto& key : query.origins)
    if (db_.origins.contains(key)) reads.origins.push_back(key);
  for (const auto& key : query.content_keys)
    if (const auto row = db_.content_keys.find(key); row != db_.content_keys.end())
      reads.content_keys.push_back({key, row->second.first_at, row->second.owner});
  for (const auto& key : query.events)
    if (const auto row = db_.events.find(key); row != db_.events.end())
      reads.events.push_back(row->second);
  for (const auto& key : query.reservations)
    if (const auto row = db_.reservations.find(key); row != db_.reservations.end())
      reads.reservations.push_back(row->second);
  for (const auto& wanted : query.drains) {
    drained_from.push_back(wanted.held_from);
    std::map<std::tuple<bool, base::Timestamp, base::ReservationId>, const domain::Reservation*>
        found;
    for (const auto& [key, one] : db_.reservations) {
      if (key.tenant != wanted.event.tenant || one.event != wanted.event.event) continue;
      const bool confirmed = one.status == domain::ReservationStatus::confirmed;
      const bool held = one.status == domain::ReservationStatus::held &&
                        one.lane == db_.events.at(wanted.event).lane && wanted.held_from &&
                        one.expires_at >= *wanted.held_from;
      if (held || confirmed)
        found.emplace(std::tuple(confirmed, confirmed ? base::Timestamp{} : one.expires_at, one.id),
                      &one);
    }
    std::int32_t left = wanted.limit;
    for (const auto& [order, one] : found)
      if (left-- > 0) reads.drains.push_back(*one);
  }
  for (const auto& wanted : query.parked) {
    std::int32_t left = wanted.limit;
    auto bytes = query.record_bytes;
    for (const auto& [key, row] : db_.parked) {
      if (row.copy || row.event != wanted.event || bytes <= 0 || left-- <= 0) continue;
      bytes -= size_of(row.packed);
      reads.parked.push_back(row);
    }
  }
  auto bytes = query.record_bytes;
  for (const auto& wanted : query.copies_of)
    for (const auto& [key, row] : db_.parked) {
      if (!row.copy || row.waits_for != wanted ||
          reads.copies.size() >= static_cast<std::size_t>(query.copies))
        continue;
      reads.copies_left_out = bytes <= 0;
      if (bytes <= 0) break;
      bytes -= size_of(row.packed);
      reads.copies.push_back(row);
    }
  for (auto wanted : query.values) {
    wanted.value = db_.ledger.at({wanted.stored_at, wanted.stored_part}).outcome_value;
    reads.values.push_back(std::move(wanted));
  }
  most_read = std::max(most_read, sum_of(reads));
  most_events = std::max(most_events, reads.events.size());
  return reads;
}

base::Result<ports::UnitReads> FakeStore::open(const ports::UnitQuery& query) {
  before_open();
  if (down) return unreachable();
  ADMITONE_ASSERT(!open_);
  open_ = true;
  return read(query);
}

base::Result<ports::UnitReads> FakeStore::more(const ports::UnitQuery& query) {
  if (down) return unreachable();
  ADMITONE_ASSERT(open_);
  return read(query);
}

base::Result<std::vector<ports::ClaimAnswer>> FakeStore::claims(
    const std::vector<ports::ClaimQuery>& queries) {
  std::vector<ports::ClaimAnswer> answers;
  for (const auto& query : queries) {
    ports::ClaimAnswer answer;
    for (const auto& [key, event] : db_.events) {
      if (key.tenant != query.tenant || event.id == query.self) continue;
      if (event.status == domain::EventStatus::withdrawn) continue;
      const bool venue = event.venue_id == query.venue_id;
      if (venue && event.name_folded == query.name_folded && event.starts_at == query.starts_at)
        answer.same_name_and_start = event.id;
      if (venue && event.slug == query.slug) answer.same_slug = event.id;
      if (query.external_id && event.external_id == query.external_id)
        answer.same_external_id = event.id;
    }
    answers.push_back(answer);
  }
  return answers;
}

base::Result<ports::UnitReport> FakeStore::commit(const ports::UnitWrites& writes,
                                                  const Meanwhile& meanwhile) {
  ADMITONE_ASSERT(open_);
  open_ = false;
  if (meanwhile) meanwhile();
  if (down) return unreachable();
  std::int64_t written = 0;
  for (const auto& row : writes.rows) written += size_of(row.outcome_value);
  for (const auto& finish : writes.finishes) written += size_of(finish.row.outcome_value);
  for (const auto& row : writes.park) written += size_of(row.packed);
  most_written = std::max(most_written, written);
  if (writes.rows.size() > rows_refused_above) return unreachable();
  writing = &writes;
  const auto fault = before_commit();
  if (fault == Fault::lost_before) return unreachable();
  if (fault == Fault::refused)
    return Error{ErrorKind::permanent, Effect::not_applied, "a row was refused"};
  ports::UnitReport report;
  for (const auto& lane : writes.lanes) {
    const auto& row = db_.progress.at(lane.tp);
    if (row.at.epoch != lane.epoch || row.at.unit != lane.unit) report.fenced.push_back(lane.tp);
  }
  if (!report.fenced.empty()) {
    report.end = UnitEnd::fenced;
    return report;
  }
  FakeDatabase copy = db_;
  report.end = apply(copy, writes);
  if (report.end != UnitEnd::committed) return report;
  for (const auto& lane : writes.lanes) {
    auto& row = copy.progress.at(lane.tp);
    if (!row.consumed || row.at.next_offset != lane.next_offset || row.at.out_seq != lane.out_seq) {
      row.tries = row.alone_attempts = 0;
      row.alone_offset = -1;
    }
    if (lane.only_my_publisher) row.publishers = {row.owner};
    row.at = lane;
    row.at.unit += 1;
    row.consumed = true;
  }
  copy.units += 1;
  db_ = std::move(copy);
  report.was_in_doubt = fault == Fault::lost_after;
  return report;
}

}  // namespace admitone::simulation
