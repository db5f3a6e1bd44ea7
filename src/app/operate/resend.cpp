#include "app/operate/resend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "app/header_of.hpp"
#include "app/operate/call_time.hpp"
#include "app/wiring.hpp"
#include "base/failpoint.hpp"
#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kMaxBatch = 500;
constexpr std::int64_t kBatchesASecond = 5;
constexpr std::chrono::milliseconds kLookAgain{100};

postgres::ConnectionSettings worker_database(const Settings& settings) {
  return connection_settings(settings, settings.database.url, "operator");
}

contract::Partitioner rule_of(const Settings& settings) {
  return settings.kafka.partitioner == Partitioner::consistent ? contract::Partitioner::consistent
                                                               : contract::Partitioner::murmur2;
}

}  // namespace

Trace trace_of(const postgres::CellRow& row) {
  return {postgres::text(row[0]), postgres::text(row[1]), postgres::text(row[2]),
          base::from_unix_millis(postgres::integer(row[3])), true};
}

std::string forward_secret_of(const Means& means) {
  return must(postgres::forward_secret(worker_database(means.settings)));
}

// As pipeline/item.cpp looks at it: two claims are none, and a copy in another lane is refused.
bool is_proven(const base::Record& record, const std::string& origin, const std::string& secret,
               const contract::Limits& limits, contract::Partitioner partitioner,
               std::int32_t partitions) {
  const auto count = [&record](std::string_view name) {
    return std::ranges::count_if(record.headers,
                                 [name](const auto& header) { return header.name == name; });
  };
  if (count(contract::kOriginHeader) != 1 || count(contract::kOriginSignatureHeader) != 1)
    return false;
  const auto signature = header_of(record, contract::kOriginSignatureHeader).value_or("");
  if (!contract::verify_origin(secret, origin, signature, record)) return false;
  const auto decoded = contract::decode(record, limits);
  std::optional<base::EventId> event;
  if (const auto* command = std::get_if<contract::DecodedCommand>(&decoded.body))
    event = command->event;
  if (const auto* refusal = std::get_if<contract::Refusal>(&decoded.body)) event = refusal->event;
  return !event ||
         contract::partition_of(partitioner, event->str(), partitions) == record.position.partition;
}

void each_trace(const Means& means, const kafka::Reader& reader, postgres::Views& views,
                const std::string& origin_topic, const std::optional<std::string>& forward_secret,
                const std::function<void(const Trace&)>& each) {
  const Settings& settings = means.settings;
  const auto limit = step_of(means, settings.kafka.request_timeout);
  const auto& home = settings.kafka.command_topics.front();
  auto rows = must(views.stream(postgres::queries::records_from_topic(origin_topic)));
  for (auto row = must(rows.next()); row; row = must(rows.next())) each(trace_of(*row));
  // What the snapshot does not know is at or above the positions that the same snapshot shows.
  auto extent = extent_of(reader, home, limit);
  const auto partitions = static_cast<std::int32_t>(extent.size());
  for (const auto& row : ask(views, postgres::queries::partitions()).rows) {
    const auto found = extent.find(static_cast<std::int32_t>(postgres::integer(row[1])));
    if (postgres::text(row[0]) != home || found == extent.end()) continue;
    auto& [low, high] = found->second;
    low = std::clamp(postgres::integer(row[2]), low, high);
  }
  must(reader.read(home, extent, limit, [&](base::Record&& record) {
    const auto origin = header_of(record, contract::kOriginHeader);
    if (origin && place_in(origin_topic, *origin) &&
        (!forward_secret || is_proven(record, *origin, *forward_secret, settings.limits,
                                      rule_of(settings), partitions))) {
      each({*origin,
            contract::position_text(home, record.position.partition, record.position.offset), "",
            record.timestamp, forward_secret.has_value()});
    }
    return !means.interrupted();
  }));
  if (means.interrupted()) throw VerbError(kInterrupted, "interrupted, nothing was sent");
}

std::size_t Pace::batch() const {
  return std::clamp<std::size_t>(static_cast<std::size_t>(rate / kBatchesASecond), 1, kMaxBatch);
}

std::chrono::milliseconds Pace::due(std::int64_t sent) const {
  return std::chrono::milliseconds{sent * 1000 / rate};
}

Resending::Resending(const Means& means, const ports::Clock& clock, Sending sending)
    : means_(means),
      clock_(clock),
      sending_(std::move(sending)),
      pace_{sending_.rate},
      home_(means.settings.kafka.command_topics.front()),
      sender_(means.kafka("operator"), output_topics(means.settings),
              step_of(means, means.settings.kafka.delivery_timeout), clock),
      audit_(worker_database(means.settings)),
      began_(clock.steady()) {
  must(sender_.open());
}

// Who gives up on the way has sent what was sent.
Resending::~Resending() {
  try {
    end();
  } catch (const std::exception& error) {
    sending_.say(std::string("actions stay pending in operator_log: ") + error.what());
  }
}

base::Result<Resending::Row*> Resending::row_of(const Of& of) {
  const auto known = rows_.find(of);
  if (known != rows_.end()) return &known->second;
  const auto expected = planned_.find(of);
  const auto planned = expected == planned_.end() ? 0 : expected->second;
  postgres::OperatorAction action{of.first,
                                  of.second,
                                  means_.who,
                                  sending_.verb,
                                  planned > 0
                                      ? fmt::format("{} of {}", planned, sending_.target)
                                      : sending_.target + ", decided since the plan was made",
                                  sending_.reason};
  if (means_.request) {
    action.request = {means_.request->id, means_.request->run, sending_.note};
  }
  auto begun = audit_.begin(action);
  if (!begun) return begun.error();
  return &rows_.emplace(of, Row{.id = begun->id, .planned = planned}).first->second;
}

void Resending::begin(const Counts& counts) {
  expect(counts);
  for (const auto& [of, count] : counts) must(row_of(of));
  audit_.close();
  base::failpoint::hit("resend.planned");
}

base::Result<std::vector<Resending::Sent>> Resending::add(base::TenantId tenant,
                                                          ports::OutgoingRecord record,
                                                          std::size_t item) {
  if (base::failpoint::hit("resend.taken")) throw VerbError(kFailed, "failpoint");
  const auto row = row_of({tenant, record.partition});
  if (!row) return row.error();
  // A call is over before a server cuts a session that is idle; a verb may send for hours.
  if (!means_.request) audit_.close();
  ++(*row)->taken;
  batch_.push_back(std::move(record));
  waiting_.push_back({tenant, item});
  if (batch_.size() < pace_.batch()) return std::vector<Sent>{};
  return flush();
}

base::Result<std::vector<Resending::Sent>> Resending::flush() {
  std::vector<Sent> out;
  if (batch_.empty()) return out;
  wait_for_turn();
  const auto records = std::exchange(batch_, {});
  const auto waiting = std::exchange(waiting_, {});
  auto offsets = sender_.deliver(records);
  if (base::failpoint::hit("resend.delivered"))
    offsets = base::Error{base::ErrorKind::retry_call, base::Effect::unknown, "failpoint"};
  const bool unknown = !offsets && offsets.error().effect != base::Effect::not_applied;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto lane = records[i].partition;
    auto& row = rows_.at({waiting[i].tenant, lane});
    if (unknown) ++row.in_doubt;
    if (!offsets) continue;
    ++row.sent;
    out.push_back({waiting[i].item, contract::position_text(home_, lane, (*offsets)[i])});
  }
  if (!offsets) return offsets.error();
  sent_ += static_cast<std::int64_t>(records.size());
  return out;
}

base::Result<std::vector<Resending::Sent>> Resending::finish() {
  const bool stopped = sending_.stopped ? sending_.stopped() : means_.interrupted();
  if (stopped) return std::vector<Sent>{};
  return flush();
}

void Resending::wait_for_turn() {
  std::mutex mutex;
  std::condition_variable nobody;
  const auto turn = began_ + pace_.due(sent_);
  while (clock_.steady() < turn && !means_.interrupted()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(turn - clock_.steady());
    std::unique_lock lock(mutex);
    nobody.wait_for(lock, std::min(left, kLookAgain));
  }
}

void Resending::end() {
  if (std::exchange(ended_, true)) return;
  audit_.close();
  std::string away;  // why rows cannot be ended, which a call does not try with each of them
  for (const auto& [of, row] : rows_) {
    if (row.in_doubt > 0) {
      sending_.say(fmt::format(
          "action {} stays pending in operator_log: {} were sent, of {} more it is not known",
          row.id.str(), row.sent, row.in_doubt));
      continue;
    }
    if (away.empty()) away = end_row(of.first, row);
    if (!away.empty())
      sending_.say(fmt::format("action {} stays pending in operator_log: {}", row.id.str(), away));
    if (!means_.request) away.clear();
  }
  audit_.close();
}

// Why it could not be ended; empty: it is.
std::string Resending::end_row(base::TenantId tenant, const Row& row) {
  const auto how = row.sent > 0 ? postgres::ActionEnd::applied : postgres::ActionEnd::refused;
  const auto ended =
      audit_.end(tenant, row.id, how,
                 fmt::format("{} of {} sent", row.sent, std::max(row.planned, row.taken)));
  return ended ? std::string{} : ended.error().message;
}

}  // namespace admitone::app
