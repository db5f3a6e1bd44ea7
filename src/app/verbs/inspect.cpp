#include <fmt/format.h>

#include <algorithm>

#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/inspect_core.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/produce_core.hpp"
#include "app/verbs/saga_story.hpp"
#include "app/wiring.hpp"
#include "base/log.hpp"
#include "kafka/reader.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using postgres::CellTable;

constexpr std::int64_t kOutcomesOfAnEvent = 15;
constexpr std::int64_t kSagasOfAnEvent = 5;

class Inspection {
 public:
  explicit Inspection(Context& context)
      : context_(context),
        settings_(context.settings({"database.reader_url"})),
        views_(open_views(context)) {}

  Screen screen(const ParsedId& id) {
    if (id.kind == IdKind::position) by_position(id);
    if (id.kind == IdKind::uuid) by_uuid(id.text);
    // Whatever it looks like, producers may have used it as a key or an id.
    if (screen_.empty()) by_name(id.text);
    if (screen_.empty()) on_chain(id.text);
    return std::move(screen_);
  }

 private:
  CellTable find(const postgres::ViewQuery& query) { return ask(views_, query); }

  void by_position(const ParsedId& id) {
    CellTable records = find(queries::record_at(id.topic, id.partition, id.offset));
    merge(records, find(queries::records_with_origin(id.text)), kPosition);
    const bool is_log = is_command_topic(id.topic);
    if (records.rows.empty() && !is_log) return;
    const auto received = record_in_log(id);
    if (records.rows.empty() && !received) return;
    if (received) screen_.document("record", *received);
    if (records.rows.empty()) {
      screen_.document(
          "state",
          {{"decided", false}, {"meaning", "in the log and not decided yet: see admitone lanes"}});
      return;
    }
    std::string dead;
    for (std::size_t i = 0; i < records.rows.size(); ++i) {
      if (cell_text(cell(records, i, "verdict")) != "dead") continue;
      dead = cell_text(cell(records, i, "topic")) + "/" + cell_text(cell(records, i, "partition")) +
             "/" + cell_text(cell(records, i, "offset"));
    }
    CellTable keys = find(queries::key_at(id.topic, id.partition, id.offset));
    story(std::move(keys), std::move(records), true);
    if (dead.empty()) return;
    screen_.document("dead letter", {{"reason", "shown by admitone dead-letters show " + dead}});
  }

  void by_uuid(const std::string& id) {
    const CellTable event = find(queries::event(id));
    for (std::size_t i = 0; i < event.rows.size(); ++i) {
      screen_.document("event", to_document(event, i));
      screen_.table("sections", find(queries::sections_of_event(id)));
      screen_.table("reservations", find(queries::reservations_of_event(id)));
      screen_.table("sagas", find(queries::sagas_of_event(id, kSagasOfAnEvent)));
      screen_.table("latest outcomes", find(queries::outcomes_of_event(id, kOutcomesOfAnEvent)));
    }
    tell_sagas(screen_, views_, find(queries::saga(id)));
    const CellTable reservation = find(queries::reservation(id));
    for (std::size_t i = 0; i < reservation.rows.size(); ++i) {
      screen_.document("reservation", to_document(reservation, i));
      of_reservation(cell_text(cell(reservation, i, "event_id")), id);
    }
    const CellTable outcomes = find(queries::outcomes_with_id(id));
    if (!outcomes.rows.empty()) {
      story(find(queries::keys_of_outcome(id)), find(queries::records_of_outcome(id)), false);
    }
  }

  void by_name(const std::string& name) {
    CellTable keys = find(queries::keys_named(name));
    CellTable records = find(queries::records_of_command(name));
    if (keys.rows.empty() && records.rows.empty()) return;
    story(std::move(keys), std::move(records), true);
  }

  // A signature or an address. Of an event whose saga is forgotten the event still knows.
  void on_chain(const std::string& name) {
    const CellTable event = find(queries::event_of_signature(name));
    for (std::size_t i = 0; i < event.rows.size(); ++i)
      by_uuid(cell_text(cell(event, i, "event_id")));
    tell_sagas(screen_, views_, find(queries::saga_of_signature(name)));
  }

  // What these keys and records have to do with each other: all that carry the same outcomes.
  void story(CellTable keys, CellTable records, bool widen) {
    std::vector<std::string> outcome_ids;
    const auto remember = [&](const CellTable& table) {
      for (std::size_t i = 0; i < table.rows.size(); ++i) {
        const Json id = cell(table, i, "outcome_id");
        if (id.is_null() || outcome_ids.size() >= 20) continue;
        const auto text = id.get<std::string>();
        if (std::find(outcome_ids.begin(), outcome_ids.end(), text) == outcome_ids.end()) {
          outcome_ids.push_back(text);
        }
      }
    };
    remember(keys);
    remember(records);
    CellTable outcomes;
    for (const auto& id : outcome_ids) {
      merge(outcomes, find(queries::outcomes_with_id(id)), {"lane", "seq"});
      if (!widen) continue;
      merge(records, find(queries::records_of_outcome(id)), kPosition);
      merge(keys, find(queries::keys_of_outcome(id)), kPosition);
    }
    for (std::size_t i = 0; i < keys.rows.size(); ++i) {
      merge(records,
            find(queries::record_at(cell_text(cell(keys, i, "topic")),
                                    number(cell(keys, i, "partition")),
                                    number(cell(keys, i, "offset")))),
            kPosition);
    }
    if (keys.rows.size() == 1) {
      screen_.document("key", to_document(keys, 0));
    } else {
      screen_.table("keys", keys);
    }
    screen_.timeline(tell(records, outcomes));
    screen_.details("records", records);
    screen_.details("outcomes", outcomes);
  }

  // The views know outcomes by event; which of them are about this reservation, the topic knows.
  void of_reservation(const std::string& event, const std::string& reservation) {
    const CellTable any = find(queries::outcomes_of_event(event, 1));
    if (settings_.kafka.bootstrap_servers.empty() || any.rows.empty()) return;
    const auto lane = static_cast<std::int32_t>(number(cell(any, 0, "lane")));
    const auto reader = open_reader();
    const auto extent = extent_of(*reader, settings_.kafka.outcome_topic, limit());
    const auto found = extent.find(lane);
    if (found == extent.end()) return;
    CellTable records;
    CellTable outcomes;
    must(reader->read(settings_.kafka.outcome_topic, {*found}, limit(), [&](base::Record&& r) {
      if (!r.key || *r.key != event || !r.value || !names(*r.value, reservation)) return true;
      const std::string id = header_of(r, "ce_id").value_or("");
      merge(outcomes, find(queries::outcomes_with_id(id)), {"lane", "seq"});
      merge(records, find(queries::records_of_outcome(id)), kPosition);
      return outcomes.rows.size() < 50;
    }));
    screen_.timeline(tell(records, outcomes));
  }

  static bool names(std::string_view value, const std::string& reservation) {
    if (value.find(reservation) == std::string_view::npos) return false;
    const Json data = Json::parse(value, nullptr, false);
    const auto result = data.find("result");
    return result != data.end() && result->is_object() &&
           result->value("reservationId", "") == reservation;
  }

  std::optional<Json> record_in_log(const ParsedId& id) {
    if (settings_.kafka.bootstrap_servers.empty()) return std::nullopt;
    const auto found = open_reader()->find({id.topic, static_cast<std::int32_t>(id.partition)},
                                           id.offset, limit());
    if (!found || !found.value()) return std::nullopt;
    const base::Record& record = **found;
    Json shown = {{"position", id.text},
                  {"timestamp_ms", base::to_unix_millis(record.timestamp)},
                  {"key", record.key ? Json(base::field(*record.key)) : Json()},
                  {"bytes", record.bytes}};
    for (const char* name : {"ce_id", "ce_type", "ce_source", "content-type", "admitone-origin"}) {
      if (const auto value = header_of(record, name)) shown[name] = base::field(*value);
    }
    return shown;
  }

  bool is_command_topic(const std::string& topic) const {
    const auto& topics = settings_.kafka.command_topics;
    return std::find(topics.begin(), topics.end(), topic) != topics.end();
  }
  std::unique_ptr<kafka::Reader> open_reader() {
    return must(
        kafka::Reader::create(kafka_for(context_, "inspect"), settings_.kafka.group_id, clock_));
  }
  [[nodiscard]] kafka::Milliseconds limit() const { return settings_.kafka.request_timeout; }
  static std::int64_t number(const Json& value) {
    return value.is_number() ? value.get<std::int64_t>() : 0;
  }

  static inline const std::vector<std::string> kPosition{"topic", "partition", "offset"};

  Context& context_;
  const Settings& settings_;
  SystemClock clock_;
  postgres::Views views_;
  Screen screen_;
};

class Inspect : public Verb {
 public:
  VerbInfo info() const override {
    return {
        "inspect",
        "Look",
        "Tell the whole story of a command, key, event, reservation, saga, outcome, signature or "
        "position",
        {"admitone inspect hold-7d9b7d4c", "admitone inspect ticketing.commands/3/120",
         "admitone inspect 332a5401-25af-4407-934e-3a54f61dc441 -o json"},
        {{kNotFound, "nothing is known by that name"}}};
  }

  void options(CLI::App& app) override {
    app.add_option("id", id_, "UUID, key, command id, chain signature or TOPIC/PARTITION/OFFSET")
        ->required();
  }

  int run(Context& context) override {
    const Screen screen = Inspection(context).screen(parse_id(id_));
    if (screen.empty()) {
      throw VerbError(kNotFound,
                      "nothing is known by '" + id_ +
                          "': no event, reservation, saga, outcome, key, command, signature or "
                          "position");
    }
    screen.print(context.out, context.format);
    return kOk;
  }

 private:
  std::string id_;
};

}  // namespace

std::unique_ptr<Verb> make_inspect() {
  return std::make_unique<Inspect>();
}

}  // namespace admitone::app
