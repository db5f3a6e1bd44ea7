#include "app/operate/lanes.hpp"

#include <algorithm>

#include "app/operate/lane_offsets.hpp"
#include "kafka/probe.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

Json position(const kafka::Probe::Position& position) {
  if (!position.ok()) return "unknown";
  if (position->pending) return "pending";
  return position->offset ? Json(*position->offset) : Json();
}

}  // namespace

Rows list_lanes(const Means& means) {
  const Settings& settings = means.settings;
  auto views = open_views(means);
  const auto table = ask(views, postgres::queries::lanes());
  const auto probe = must(kafka::Probe::create(means.kafka("lanes"), settings.kafka.group_id));

  std::vector<kafka::NamedPartition> partitions;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    partitions.push_back(
        {cell_text(cell(table, i, "topic")),
         static_cast<std::int32_t>(cell(table, i, "partition").get<std::int64_t>())});
  }
  const auto limit = settings.kafka.request_timeout;
  const auto offsets = must(offsets_of(
      partitions,
      {.ends = [&](const auto& one, auto patience) { return probe->watermarks(one, patience); },
       .positions = [&](const auto& all) { return probe->stable_positions(all, limit); },
       .between =
           [&] {
             if (means.interrupted()) throw VerbError(kInterrupted, "interrupted");
           }},
      limit));

  Rows rows({"lane", "owner", "epoch", "next", "acknowledged", "end", "lag", "out_seq", "published",
             "unpublished", "tries", "taken_at"});
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const Json next = cell(table, i, "next_offset");
    const auto& ends = offsets[i].ends;
    Json end;
    Json lag;
    if (ends) {
      end = ends->high;
      // Before the first decision the lane stands at the beginning of its log.
      const std::int64_t from = next.is_number() ? next.get<std::int64_t>() : ends->low;
      lag = std::max<std::int64_t>(0, ends->high - from);
    }
    rows.add({partitions[i].topic + "/" + std::to_string(partitions[i].partition),
              cell(table, i, "owner"), cell(table, i, "epoch"), next,
              position(offsets[i].acknowledged), end, lag, cell(table, i, "out_seq"),
              cell(table, i, "published_seq"), cell(table, i, "unpublished"),
              cell(table, i, "tries"), cell(table, i, "taken_at")});
  }
  return rows;
}

}  // namespace admitone::app
