#include "telemetry/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "base/assert.hpp"

namespace admitone::telemetry {
namespace {

using ports::Counter;
using ports::Gauge;
using ports::Histogram;

// What a label text means; `topic/partition` becomes two labels, and what follows the last slash
// that is needed is the last one's. Counters with these label values are there from the start, of
// two labels each value of the one with each of the other: a rate never begins late (the first
// sample of a series is no increase to Prometheus, so what an alert names has to be among them),
// and nothing is not the same as not measured. A histogram has this one label value.
struct Description {
  const char* name;
  const char* help;
  const char* label;
  std::string_view from_the_start = {};  // separated by spaces; of two labels by a slash
};

constexpr const char* kTopicPartition = "topic/partition";  // of Kafka

// In the order of the enumerations.
constexpr std::array kCounters{
    Description{"admitone_records_total", "Records consumed, by verdict", "verdict",
                "redelivered applied duplicate mismatch invalid expired parked forwarded dead"},
    Description{"admitone_outcomes_total", "Outcomes decided, by code", "code",
                "PROCESSING_FAILED VENUE_UNAVAILABLE CHAIN_UNAVAILABLE"},
    Description{"admitone_commands_total",
                "Commands that got an answer of their own, by type and how they ended; copies of "
                "those before them are duplicates",
                "type/status",
                "ticketing.event.create.v1 ticketing.event.update.v1 ticketing.event.cancel.v1 "
                "ticketing.reservation.create.v1 ticketing.reservation.confirm.v1 "
                "ticketing.reservation.extend.v1 ticketing.reservation.release.v1 "
                "ticketing.reservation.cancel.v1 ticketing.reservation.expire.v1 unknown/"
                "completed rejected failed"},
    Description{"admitone_units_of_work_total", "Units of work, by how they ended", "result",
                "committed fenced key_taken stale retried in_doubt"},
    Description{"admitone_kafka_transactions_total", "Kafka transactions, by how they ended",
                "result", "committed aborted refused recycled"},
    Description{"admitone_rebalances_total", "Partitions assigned, revoked and lost", "kind",
                "assigned revoked lost"},
    Description{"admitone_epoch_fences_total", "Units of work refused by a newer epoch", ""},
    Description{"admitone_dead_letters_total", "Records that became dead letters", "reason",
                "undecodable unknown_type limit no_identity bad_origin tenant_forbidden "
                "processing_failed"},
    Description{"admitone_forwards_total", "Records sent on to the lane of their event", ""},
    Description{"admitone_timers_total",
                "Timer commands sent, those that failed, holds released by them, and times that "
                "a lane's timer has had no success for three intervals",
                "result", "fired failed released stuck"},
    Description{"admitone_take_overs_total", "Lanes taken over for publishing, by how", "result",
                "clean republished fenced_publisher stopped"},
    Description{"admitone_database_retries_total",
                "Calls to the database that have to be repeated, by class of the SQLSTATE", "class",
                "connection 08 23 40 53 55 57"},
    Description{"admitone_ledger_rotations_total", "Parts of the ledger made and dropped", "result",
                "made dropped deferred"},
    Description{
        "admitone_idempotency_duplicates_total",
        "Commands that had come before, by the layer that told: an explicit key, source and "
        "id, or the content within its window; and those that timers had sent before",
        "layer", "explicit cloudevent content timer"},
    Description{
        "admitone_content_duplicates_total",
        "Commands whose content key was used before within its window, by what the mode makes of "
        "them",
        "mode", "on observe"},
    Description{"admitone_database_statements_total",
                "Statements sent to the database by units of work and the publisher", ""},
    Description{"admitone_database_round_trips_total",
                "Times that units of work and the publisher waited for the database's answer", ""},
    Description{"admitone_kafka_requests_total", "Requests sent to brokers, by kind", "kind",
                "produce fetch add_partitions_to_txn add_offsets_to_txn txn_offset_commit end_txn"},
    Description{"admitone_external_calls_total",
                "Calls of services outside, those that were not made included, by how they ended",
                "service/operation/result"},
    Description{"admitone_external_call_seconds_total",
                "Time that requests to services outside took, from sending to their answers",
                "service/operation"},
    Description{"admitone_breaker_transitions_total",
                "Times a breaker has come to a state; half_open counts its probes",
                "service/state/endpoint"},
    Description{"admitone_venue_cache_total",
                "Venues asked of the cache while the service could not be asked, by what it had",
                "result", "hit miss"},
    Description{"admitone_saga_retries_refused_total",
                "Attempts that were put off because the service's retry budget was used up",
                "service", "venue chain"},
    Description{"admitone_idempotency_redis_hits_total",
                "Keys that were in the ledger where Redis said", ""},
    Description{"admitone_idempotency_db_hits_total",
                "Keys that were in the ledger, and Redis did not say where", ""},
    Description{"admitone_idempotency_misses_total",
                "Keys that were not in the ledger, or were believed not to be", ""},
    Description{"admitone_idempotency_spared_total",
                "Of the misses, those that closed parts of the ledger were not searched for, "
                "because filters in memory tell that none has them",
                ""},
    Description{"admitone_idempotency_redis_errors_total",
                "Questions to Redis that failed, and entries that were none", ""},
    Description{"admitone_idempotency_db_errors_total",
                "Units of work whose keys could not be looked for", ""},
};
static_assert(kCounters.size() == static_cast<std::size_t>(Counter::idempotency_db_errors) + 1);

constexpr std::array kGauges{
    Description{"admitone_lanes_owned", "Lanes this process owns", ""},
    Description{"admitone_lanes_waiting",
                "Lanes that are assigned to this process and not taken yet", ""},
    Description{"admitone_lanes_stopped", "Lanes that an operator has to look at", ""},
    Description{"admitone_lag_records", "Records not yet decided, of lanes that are worked on",
                kTopicPartition},
    Description{"admitone_lag_seconds",
                "For how long the oldest record that is not decided has been in the log; of one "
                "that is not read yet, for how long that has been known",
                kTopicPartition},
    Description{"admitone_unpublished_outcomes",
                "Outcomes decided and not yet published, or not known to be: while a lane is taken "
                "over, those of its earlier owners too",
                "lane"},
    Description{"admitone_unpublished_outcomes_age_seconds",
                "Age of the oldest of them; of what an earlier owner has left, since the lane was "
                "taken",
                "lane"},
    Description{"admitone_outcome_sequence", "Last outcome number given", "lane"},
    Description{"admitone_published_sequence", "Last outcome number published", "lane"},
    Description{"admitone_publish_latency_seconds",
                "Of the last publication, from the commit of its unit of work to that of its Kafka "
                "transaction",
                "lane"},
    Description{"admitone_queue_records", "Records read and waiting", kTopicPartition},
    Description{"admitone_queue_bytes", "Bytes of the records that wait", ""},
    Description{"admitone_parked_commands", "Commands that wait for their event", "lane"},
    Description{"admitone_clock_drift_seconds", "Clock of the worker minus that of the database",
                ""},
    Description{"admitone_ledger_part_overdue_seconds",
                "For how long the oldest part of the ledger has been kept that should have gone by "
                "now, 0 when there is none; the same on every worker",
                ""},
    Description{"admitone_ledger_filters_bytes",
                "Memory of the filters of closed parts of the ledger", ""},
    Description{"admitone_ledger_parts_unfiltered",
                "Closed parts of the ledger without a filter: for lack of memory, or not yet", ""},
    Description{"admitone_memory_bytes",
                "What the allocator has given out, in pages in use, in memory, and kept as "
                "addresses only",
                "kind"},
    Description{"admitone_sagas", "Sagas in memory, by what they do and where they stand",
                "kind/status"},
    Description{"admitone_saga_age_seconds",
                "For how long the saga that is there for longest has been at its step", "step"},
    Description{"admitone_sagas_stuck",
                "Sagas beyond the objective of their step, or in need of an operator", ""},
    Description{"admitone_saga_calls", "Calls of sagas in flight", ""},
    Description{"admitone_breaker_state", "0 closed, 1 half-open, 2 open", "service/endpoint"},
    Description{"admitone_external_requests",
                "Requests to services outside, waiting for a connection or on one", "state"},
    Description{"admitone_redis_up", "1 while Redis answers, 0 while it does not", ""},
};
static_assert(kGauges.size() == static_cast<std::size_t>(Gauge::redis_up) + 1);

constexpr const char* kExternalCall = "From sending a request to a service outside to its answer";

constexpr std::array kHistograms{
    Description{"admitone_batch_records", "Records decided in one unit of work", ""},
    Description{"admitone_unit_of_work_duration_seconds", "From opening to commit", ""},
    Description{"admitone_idempotency_lookup_duration_seconds",
                "From asking the database for the keys of a batch, and what else it names, to its "
                "answer",
                ""},
    Description{"admitone_decision_latency_seconds", "From the record's timestamp to the commit",
                ""},
    Description{"admitone_end_to_end_latency_seconds",
                "From the record's timestamp to its published outcome", ""},
    Description{"admitone_kafka_transaction_duration_seconds", "From begin to commit", ""},
    Description{"admitone_timer_lateness_seconds",
                "From when a hold is due to the commit of its end", ""},
    Description{"admitone_external_call_duration_seconds", kExternalCall, "service", "venue"},
    Description{"admitone_external_call_duration_seconds", kExternalCall, "service", "chain"},
};
static_assert(kHistograms.size() == static_cast<std::size_t>(Histogram::chain_call_seconds) + 1);

prometheus::Histogram::BucketBoundaries buckets(Histogram histogram) {
  if (histogram == Histogram::batch_records) {
    return {1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};
  }
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

prometheus::Labels labels_of(const Description& description, std::string_view text) {
  std::string_view names = description.label;
  prometheus::Labels labels;
  while (!names.empty()) {
    const auto slash = names.find('/');
    const auto end = slash == std::string_view::npos ? text.size() : text.find('/');
    labels.emplace(names.substr(0, slash), text.substr(0, end));
    names.remove_prefix(slash == std::string_view::npos ? names.size() : slash + 1);
    text.remove_prefix(end == std::string_view::npos ? text.size()
                                                     : std::min(end + 1, text.size()));
  }
  return labels;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

// The label texts that are there from the start.
std::vector<std::string> first_labels(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return words_of(text);
  std::vector<std::string> pairs;
  for (const auto& first : words_of(text.substr(0, slash)))
    for (const auto& second : words_of(text.substr(slash + 1)))
      pairs.push_back(first + '/' + second);
  return pairs;
}

// Children of one family by label text; looked up on every call, made on the first.
template <class T>
struct Series {
  prometheus::Family<T>* family = nullptr;
  std::map<std::string, T*, std::less<>> children;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  std::mutex mutex;
  std::array<Series<prometheus::Counter>, kCounters.size()> counters;
  std::array<Series<prometheus::Gauge>, kGauges.size()> gauges;
  std::array<prometheus::Histogram*, kHistograms.size()> histograms{};

  template <class T>
  T& child(Series<T>& series, const Description& description, std::string_view label) {
    if (*description.label == '\0') label = {};
    if (const auto found = series.children.find(label); found != series.children.end()) {
      return *found->second;
    }
    if (series.children.size() >= kMaxLabels) label = "other";
    T& made = series.family->Add(labels_of(description, label));
    series.children.emplace(label, &made);
    return made;
  }
};

Metrics::Metrics(const std::string& version) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 0; i < kCounters.size(); ++i) {
    impl_->counters[i].family = &prometheus::BuildCounter()
                                     .Name(kCounters[i].name)
                                     .Help(kCounters[i].help)
                                     .Register(impl_->registry);
    if (*kCounters[i].label == '\0') add(static_cast<Counter>(i), {}, 0);
    for (const auto& label : first_labels(kCounters[i].from_the_start))
      add(static_cast<Counter>(i), label, 0);
  }
  for (std::size_t i = 0; i < kGauges.size(); ++i) {
    impl_->gauges[i].family = &prometheus::BuildGauge()
                                   .Name(kGauges[i].name)
                                   .Help(kGauges[i].help)
                                   .Register(impl_->registry);
  }
  for (std::size_t i = 0; i < kHistograms.size(); ++i) {
    auto& family = prometheus::BuildHistogram()
                       .Name(kHistograms[i].name)
                       .Help(kHistograms[i].help)
                       .Register(impl_->registry);
    impl_->histograms[i] = &family.Add(labels_of(kHistograms[i], kHistograms[i].from_the_start),
                                       buckets(static_cast<Histogram>(i)));
  }
  prometheus::BuildGauge()
      .Name("admitone_build_info")
      .Help("Constant 1, labelled with the version")
      .Register(impl_->registry)
      .Add({{"version", version}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::add(Counter counter, std::string_view label, double n) {
  const auto index = static_cast<std::size_t>(counter);
  const std::scoped_lock lock(impl_->mutex);
  impl_->child(impl_->counters.at(index), kCounters.at(index), label).Increment(n);
}

void Metrics::set(Gauge gauge, std::string_view label, double value) {
  const auto index = static_cast<std::size_t>(gauge);
  const std::scoped_lock lock(impl_->mutex);
  auto& series = impl_->gauges.at(index);
  if (!std::isnan(value)) return impl_->child(series, kGauges.at(index), label).Set(value);
  const auto found = series.children.find(label);
  if (found == series.children.end()) return;
  series.family->Remove(found->second);
  series.children.erase(found);
}

void Metrics::observe(Histogram histogram, double value) {
  impl_->histograms.at(static_cast<std::size_t>(histogram))->Observe(value);
}

std::string Metrics::text() const {
  std::ostringstream out;
  // The families are collected under the mutex that also guards their children's removal.
  const std::scoped_lock lock(impl_->mutex);
  prometheus::TextSerializer().Serialize(out, impl_->registry.Collect());
  return out.str();
}

}  // namespace admitone::telemetry
