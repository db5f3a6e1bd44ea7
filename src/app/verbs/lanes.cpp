#include <algorithm>
#include <map>

#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"
#include "kafka/probe.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

class Lanes : public Verb {
 public:
  VerbInfo info() const override {
    return {"lanes",
            "Look",
            "Show every partition of the command topics: owner, epoch, positions, lag, sequence",
            {"admitone lanes", "admitone lanes -o json | jq '.[] | select(.unpublished > 0)'"}};
  }

  int run(Context& context) override {
    const Settings& settings = context.settings({"kafka.bootstrap_servers", "database.reader_url"});
    auto views = open_views(context);
    const auto table = ask(views, postgres::queries::lanes());
    const auto probe =
        must(kafka::Probe::create(kafka_for(context, "lanes"), settings.kafka.group_id));

    std::vector<kafka::NamedPartition> partitions;
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      partitions.push_back(
          {cell_text(cell(table, i, "topic")),
           static_cast<std::int32_t>(cell(table, i, "partition").get<std::int64_t>())});
    }
    const auto limit = settings.kafka.request_timeout;
    std::vector<kafka::Probe::Position> acknowledged;
    if (!partitions.empty()) acknowledged = must(probe->stable_positions(partitions, limit));

    Rows rows({"lane", "owner", "epoch", "next", "acknowledged", "end", "lag", "out_seq",
               "published", "unpublished", "tries", "taken_at"});
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const Json next = cell(table, i, "next_offset");
      const auto ends = probe->watermarks(partitions[i], limit);
      Json end;
      Json lag;
      if (ends) {
        end = ends->high;
        // Before the first decision the lane stands at the beginning of its log.
        const std::int64_t from = next.is_number() ? next.get<std::int64_t>() : ends->low;
        lag = std::max<std::int64_t>(0, ends->high - from);
      }
      rows.add({partitions[i].topic + "/" + std::to_string(partitions[i].partition),
                cell(table, i, "owner"), cell(table, i, "epoch"), next, position(acknowledged[i]),
                end, lag, cell(table, i, "out_seq"), cell(table, i, "published_seq"),
                cell(table, i, "unpublished"), cell(table, i, "tries"),
                cell(table, i, "taken_at")});
    }
    context.print(rows);
    if (partitions.empty()) context.err << "admitone: no worker has taken a lane yet\n";
    if (!partitions.empty()) say_who_lives(context, settings);
    return kOk;
  }

 private:
  static void say_who_lives(Context& context, const Settings& settings) {
    const auto admin = must(kafka::Admin::create(kafka_for(context, "lanes")));
    const auto members = admin->members(settings.kafka.group_id, settings.kafka.request_timeout);
    // A remark beside the rows: without the right to ask they are as good.
    if (!members || *members > 0) return;
    context.err << "admitone: no worker runs in the group '" << settings.kafka.group_id
                << "'; OWNER is who was it last\n";
  }

  static Json position(const kafka::Probe::Position& position) {
    if (!position.ok()) return "pending";
    return position.value() ? Json(*position.value()) : Json();
  }
};

}  // namespace

std::unique_ptr<Verb> make_lanes() {
  return std::make_unique<Lanes>();
}

}  // namespace admitone::app
