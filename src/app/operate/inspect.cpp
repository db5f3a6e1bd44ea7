#include "app/operate/inspect.hpp"

#include <algorithm>

#include "app/header_of.hpp"
#include "app/operate/saga_story.hpp"
#include "app/system_clock.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "contract/text.hpp"
#include "kafka/reader.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using postgres::CellTable;

constexpr std::int64_t kOutcomesOfAnEvent = 15;
constexpr std::int64_t kSagasOfAnEvent = 5;
// Of the database, which says since when there is an event, and of whoever stamps its outcomes.
constexpr std::chrono::hours kClocks{1};

class Inspection {
 public:
  explicit Inspection(const Means& means)
      : means_(means), settings_(means.settings), views_(open_views(means)) {}

  Screen screen(const ParsedId& id) {
    if (id.kind == IdKind::position) by_position(id);
    if (id.kind == IdKind::uuid && !by_uuid(id.text)) return std::move(screen_);
    by_name_as_well(id.text);
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
    const auto found = records.rows.size();
    for (std::size_t i = 0; i < found; ++i) {
      if (cell_text(cell(records, i, "verdict")) != "dead") continue;
      merge_redriven(records, cell(records, i, "command_id"));
      dead = cell_text(cell(records, i, "topic")) + "/" + cell_text(cell(records, i, "partition")) +
             "/" + cell_text(cell(records, i, "offset"));
    }
    CellTable keys = find(queries::key_at(id.topic, id.partition, id.offset));
    story(About::same, std::move(keys), std::move(records), true);
    if (dead.empty()) return;
    screen_.document("dead letter", {{"reason", "shown by admitone dead-letters show " + dead}});
  }

  // A dead letter that was sent again is another record, with the letter's place as its origin.
  void merge_redriven(CellTable& records, const Json& command) {
    if (command.is_null() || cell_text(command).empty()) return;
    auto of_command = find(queries::records_of_command(cell_text(command)));
    const auto& letters = settings_.kafka.dead_letter_topic;
    CellTable redriven{of_command.columns, {}};
    for (std::size_t i = 0; i < of_command.rows.size(); ++i) {
      const Json origin = cell(of_command, i, "origin");
      if (!origin.is_null() && cell_text(origin).starts_with(letters + "/"))
        redriven.rows.push_back(of_command.rows[i]);
    }
    merge(records, redriven, kPosition);
  }

  // False: it was interrupted, and there is nothing more to be asked.
  bool by_uuid(const std::string& id) {
    const CellTable event = find(queries::event(id));
    for (std::size_t i = 0; i < event.rows.size(); ++i) {
      // Two tenants may have events with the same id.
      const std::string tenant = cell_text(cell(event, i, "tenant_id"));
      screen_.another();
      screen_.document("event", to_document(event, i));
      screen_.table("sections", find(queries::sections_of_event(tenant, id)));
      screen_.table("reservations", find(queries::reservations_of_event(tenant, id)));
      const CellTable sagas = find(queries::sagas_of_event(id, kSagasOfAnEvent, tenant));
      screen_.table("sagas", sagas);
      const CellTable outcomes = find(queries::outcomes_of_event(tenant, id, kOutcomesOfAnEvent));
      const CellTable records = find(queries::records_of_event(tenant, id, kOutcomesOfAnEvent));
      screen_.timeline(with_steps(tell(records, outcomes), sagas));
      screen_.details("latest outcomes", outcomes);
    }
    of_sagas(find(queries::saga(id)));
    const CellTable reservation = find(queries::reservation(id));
    for (std::size_t i = 0; i < reservation.rows.size(); ++i) {
      screen_.another();
      screen_.document("reservation", to_document(reservation, i));
      if (!of_reservation(reservation, i)) return false;
    }
    const CellTable outcomes = find(queries::outcomes_with_id(id));
    if (!outcomes.rows.empty()) {
      story(About::another, find(queries::keys_of_outcome(id)),
            find(queries::records_of_outcome(id)), false);
    }
    return true;
  }

  // Whatever it looks like, and is, producers may have used it as a key or an id. In a large ledger
  // that can take too long: what was found by then is told all the same.
  void by_name_as_well(const std::string& name) {
    try {
      by_name(name);
    } catch (const VerbError& error) {
      const bool later =
          error.code() == kInterrupted || dynamic_cast<const Unavailable*>(&error) != nullptr;
      if (screen_.empty() || !later) throw;
      screen_.document("note", {{"keys", "incomplete"},
                                {"meaning", std::string("whether a producer used this as a key or "
                                                        "as the id of a command is not known: ") +
                                                error.what()}});
    }
  }

  void by_name(const std::string& name) {
    if (base::failpoint::hit("inspect.by_name")) throw Unavailable("failpoint inspect.by_name");
    CellTable keys = find(queries::keys_named(name));
    CellTable records = find(queries::records_of_command(name));
    if (keys.rows.empty() && records.rows.empty()) return;
    story(About::another, std::move(keys), std::move(records), true);
  }

  // A signature or an address. Of an event whose saga is forgotten the event still knows.
  void on_chain(const std::string& name) {
    const CellTable event = find(queries::event_of_signature(name));
    for (std::size_t i = 0; i < event.rows.size(); ++i)
      by_uuid(cell_text(cell(event, i, "event_id")));
    const CellTable sagas = find(queries::saga_of_signature(name));
    if (event.rows.empty()) {
      of_sagas(sagas);
    } else {
      tell_sagas(screen_, views_, sagas);  // the event's time line has its steps
    }
  }

  std::vector<Moment> with_steps(std::vector<Moment> moments, const CellTable& sagas) {
    for (std::size_t i = 0; i < sagas.rows.size(); ++i) {
      const std::string id = cell_text(cell(sagas, i, "saga_id"));
      moments = together(std::move(moments), tell_steps(find(queries::saga_steps(id)), id));
    }
    return moments;
  }

  // Where they stand, and their steps between the record that began them and its outcome.
  void of_sagas(const CellTable& sagas) {
    for (const auto& row : sagas.rows) {
      const CellTable saga{sagas.columns, {row}};
      screen_.another();
      tell_sagas(screen_, views_, saga);
      CellTable records;
      CellTable outcomes;
      if (const Json origin = cell(saga, 0, "origin"); !origin.is_null()) {
        const auto at = parse_id(cell_text(origin));
        records = find(queries::record_at(at.topic, at.partition, at.offset));
        merge(records, find(queries::records_with_origin(at.text)), kPosition);
        outcomes = find(queries::outcomes_of_origin(at.text));
      }
      screen_.timeline(with_steps(tell(records, outcomes), saga));
    }
  }

  // What these keys and records have to do with each other: all that carry the same outcomes.
  enum class About { same, another };  // than what is on the screen
  void story(About about, CellTable keys, CellTable records, bool widen) {
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
    if (about == About::another) screen_.another();
    screen_.keys(keys);
    screen_.timeline(tell(records, outcomes));
    screen_.details("records", records);
    screen_.details("outcomes", outcomes);
  }

  // The views know outcomes by event; which of them are about this reservation, the topic knows.
  // False: as above.
  bool of_reservation(const CellTable& reservations, std::size_t row) {
    const auto tenant = cell_text(cell(reservations, row, "tenant_id"));
    const auto event = cell_text(cell(reservations, row, "event_id"));
    const auto reservation = cell_text(cell(reservations, row, "reservation_id"));
    const auto lane = cell(reservations, row, "lane");
    if (settings_.kafka.bootstrap_servers.empty() || !lane.is_number()) return true;
    CellTable records;
    CellTable outcomes;
    bool is_whole = true;
    try {
      const auto reader = open_reader();
      const auto extent =
          since_its_event(*reader, static_cast<std::int32_t>(number(lane)), tenant, event);
      if (extent.empty()) return true;
      must(reader->read(settings_.kafka.outcome_topic, extent, limit(), [&](base::Record&& r) {
        is_whole = !means_.interrupted();
        if (!is_whole) return false;
        if (!r.key || *r.key != event || !r.value || !names(*r.value, reservation)) return true;
        const std::string id = header_of(r, "ce_id").value_or("");
        merge(outcomes, find(queries::outcomes_with_id(id)), {"lane", "seq"});
        merge(records, find(queries::records_of_outcome(id)), kPosition);
        return outcomes.rows.size() < 50;
      }));
    } catch (const VerbError& error) {
      if (error.code() != kInterrupted) throw;
      is_whole = false;
    }
    screen_.timeline(tell(records, outcomes));
    if (!is_whole) {
      screen_.document("note", {{"timeline", "incomplete"},
                                {"meaning", "there was no time to read all outcomes of its lane"}});
    }
    return is_whole;
  }

  // What the lane has published since there is the event: nothing before is about its reservations.
  kafka::Extent since_its_event(const kafka::Reader& reader, std::int32_t lane,
                                const std::string& tenant, const std::string& event) {
    const auto& topic = settings_.kafka.outcome_topic;
    const auto all = extent_of(reader, topic, limit());
    const auto found = all.find(lane);
    if (found == all.end()) return {};
    kafka::Extent extent{*found};
    const CellTable events = find(queries::event(event));
    for (std::size_t i = 0; i < events.rows.size(); ++i) {
      if (cell_text(cell(events, i, "tenant_id")) != tenant) continue;
      const auto created = contract::parse_time(cell_text(cell(events, i, "created_at")));
      if (!created) break;
      const auto at = must(reader.offsets_at(topic, extent, *created - kClocks, limit()));
      extent.at(lane).low = std::max(extent.at(lane).low, at.at(lane));
    }
    return extent;
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
    return must(kafka::Reader::create(means_.kafka("inspect"), settings_.kafka.group_id, clock_));
  }
  [[nodiscard]] kafka::Milliseconds limit() const { return settings_.kafka.request_timeout; }
  static std::int64_t number(const Json& value) {
    return value.is_number() ? value.get<std::int64_t>() : 0;
  }

  static inline const std::vector<std::string> kPosition{"topic", "partition", "offset"};

  const Means& means_;
  const Settings& settings_;
  SystemClock clock_;
  postgres::Views views_;
  Screen screen_;
};

}  // namespace

Screen inspect(const Means& means, const std::string& id) {
  Screen screen = Inspection(means).screen(parse_id(id));
  if (screen.empty()) {
    throw VerbError(kNotFound,
                    "nothing is known by '" + id +
                        "': no event, reservation, saga, outcome, key, command, signature or "
                        "position");
  }
  return screen;
}

}  // namespace admitone::app
