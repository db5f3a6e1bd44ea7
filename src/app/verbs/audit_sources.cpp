#include "app/verbs/audit_sources.hpp"

#include <fmt/format.h>

#include <utility>

#include "app/verbs/look.hpp"
#include "app/verbs/produce_core.hpp"
#include "contract/keys.hpp"
#include "postgres/queries.hpp"

namespace admitone::app::audit {

namespace {

using postgres::Cell;
using postgres::CellRow;
using postgres::integer;
using postgres::text;
using postgres::ViewQuery;

// The tenant of what has none.
constexpr const char* kNobody = "00000000-0000-0000-0000-000000000000";

std::string tenant_of(const Cell& cell) {
  auto tenant = text(cell);
  return tenant == kNobody ? std::string() : tenant;
}

// The text after the first `name`, which stands for a member of the rendered value; inside of a
// string its quotes would be escaped.
std::string member(std::string_view value, std::string_view name) {
  const auto begin = value.find(name);
  if (begin == std::string_view::npos) return {};
  const auto rest = value.substr(begin + name.size());
  return std::string(rest.substr(0, rest.find('"')));
}

template <class Row>
Source<Row> source(postgres::Views& views, const ViewQuery& query, Row (*make)(const CellRow&)) {
  auto stream = must(views.stream(query));
  return [stream, make]() mutable -> base::Result<std::optional<Row>> {
    auto next = stream.next();
    if (!next) return next.error();
    if (!next.value()) return std::optional<Row>{};
    return std::optional<Row>{make(*next.value())};
  };
}

// The columns of queries.hpp, "Keys".
KeyRow key_row(const CellRow& row) {
  KeyRow key;
  const std::string actor = text(row[1]);
  const std::string named = text(row[3]);
  key.scope = fmt::format("{}{}{} {} {}", text(row[0]), actor.empty() ? "" : " actor ", actor,
                          text(row[2]), named.empty() ? text(row[5]) + " " + text(row[6]) : named);
  key.command_type = text(row[2]);
  key.status = text(row[7]);
  key.outcome_id = postgres::optional_text(row[8]);
  key.outcome_type = text(row[9]);
  key.outcome_code = text(row[10]);
  key.topic = text(row[11]);
  key.partition = static_cast<std::int32_t>(integer(row[12]));
  key.offset = integer(row[13]);
  return key;
}

}  // namespace

Source<VerdictRow> verdict_rows(postgres::Views& views, const std::string& topic,
                                std::int64_t partition) {
  return source<VerdictRow>(
      views, postgres::queries::verdicts_of(topic, partition), [](const CellRow& row) {
        VerdictRow out{integer(row[0]), text(row[1]), tenant_of(row[2]), {}, {}, {}};
        out.answered = postgres::boolean(row[3]);
        out.running = postgres::boolean(row[4]);
        const bool repeat = out.verdict == "duplicate" && postgres::boolean(row[6]);
        out.silent = postgres::boolean(row[5]) || repeat;
        return out;
      });
}

Source<AppliedRow> applied_rows(postgres::Views& views, const std::string& topic,
                                std::int64_t partition) {
  return source<AppliedRow>(
      views, postgres::queries::executions_of(topic, partition), [](const CellRow& row) {
        auto answer = Answer::none;
        if (postgres::boolean(row[2])) answer = Answer::given;
        if (postgres::boolean(row[3])) answer = Answer::failed;
        return AppliedRow{integer(row[0]), text(row[1]), answer, postgres::boolean(row[4])};
      });
}

Source<KeyRow> keys_of_partition(postgres::Views& views, const std::string& topic,
                                 std::int64_t partition) {
  return source<KeyRow>(views, postgres::queries::keys_of_partition(topic, partition), key_row);
}

Source<KeyRow> keys_by_scope(postgres::Views& views) {
  return source<KeyRow>(views, postgres::queries::keys_by_scope(), key_row);
}

Source<KeyRow> keys_by_outcome(postgres::Views& views) {
  return source<KeyRow>(views, postgres::queries::keys_by_outcome(), key_row);
}

Source<OutcomeRow> outcome_rows(postgres::Views& views, std::int64_t lane) {
  return source<OutcomeRow>(views, postgres::queries::outcomes_of_lane(lane),
                            [](const CellRow& row) {
                              OutcomeRow out{integer(row[0]),
                                             text(row[1]),
                                             text(row[2]),
                                             postgres::boolean(row[3]),
                                             postgres::boolean(row[4]),
                                             {},
                                             {},
                                             {},
                                             {},
                                             {}};
                              out.tenant = text(row[5]);
                              out.code = text(row[6]);
                              out.event = text(row[7]);
                              out.command_id = text(row[8]);
                              out.origin = text(row[9]);
                              return out;
                            });
}

Source<LoggedAnswer> logged_answers(postgres::Views& views) {
  return source<LoggedAnswer>(views, postgres::queries::outcomes_by_id(), [](const CellRow& row) {
    return LoggedAnswer{text(row[0]),
                        postgres::boolean(row[1]),
                        text(row[2]),
                        text(row[3]),
                        static_cast<std::int32_t>(integer(row[4])),
                        integer(row[5])};
  });
}

Source<AnsweredRecord> answered_records(postgres::Views& views) {
  return source<AnsweredRecord>(
      views, postgres::queries::answered_records(), [](const CellRow& row) {
        return AnsweredRecord{
            text(row[0]), fmt::format("{}/{}/{}", text(row[1]), integer(row[2]), integer(row[3]))};
      });
}

Source<ForwardedRow> forwarded_rows(postgres::Views& views) {
  return source<ForwardedRow>(
      views, postgres::queries::forwarded_records(), [](const CellRow& row) {
        return ForwardedRow{text(row[0]), text(row[1]), base::from_unix_millis(integer(row[2]))};
      });
}

Source<HomeRow> home_rows(postgres::Views& views) {
  return source<HomeRow>(
      views, postgres::queries::records_from_elsewhere(), [](const CellRow& row) {
        HomeRow out{text(row[0]), text(row[1]), tenant_of(row[2]), true,
                    base::from_unix_millis(integer(row[6]))};
        out.decides =
            text(row[3]) != "duplicate" || postgres::boolean(row[4]) || postgres::boolean(row[5]);
        out.repeats = text(row[3]) == "duplicate";
        return out;
      });
}

Source<DeadRow> dead_rows(postgres::Views& views) {
  return source<DeadRow>(views, postgres::queries::dead_records(), [](const CellRow& row) {
    return DeadRow{text(row[0]), text(row[1])};
  });
}

Source<SectionRow> section_rows(postgres::Views& views) {
  return source<SectionRow>(views, postgres::queries::sections_by_event(), [](const CellRow& row) {
    return SectionRow{text(row[0]) + "/" + text(row[1]),
                      text(row[2]),
                      integer(row[3]),
                      integer(row[4]),
                      integer(row[5]),
                      integer(row[6])};
  });
}

Source<ReservationRow> reservation_rows(postgres::Views& views) {
  return source<ReservationRow>(views, postgres::queries::reserved_items(), [](const CellRow& row) {
    return ReservationRow{text(row[0]) + "/" + text(row[1]),
                          text(row[2]),
                          text(row[3]),
                          {{text(row[4]), integer(row[5])}}};
  });
}

PublishedOutcome published_outcome(const base::Record& record) {
  PublishedOutcome out;
  out.offset = record.position.offset;
  out.timestamp = record.timestamp;
  out.seq_text = header_of(record, "admitone-seq").value_or("");
  out.id = header_of(record, "ce_id").value_or("");
  out.type = header_of(record, "ce_type").value_or("");
  out.replayed = header_of(record, "ce_idempotencyreplayed").value_or("") == "true";
  out.tenant = header_of(record, "ce_tenantid").value_or("");
  out.event = header_of(record, "ce_subject").value_or("");
  out.key = record.key.value_or("");
  out.command_id = header_of(record, "ce_causationid").value_or("");
  out.origin = header_of(record, contract::kOriginHeader).value_or("");
  const auto value = record.value.value_or("");
  out.code = member(value, R"("code":")");
  if (out.type.starts_with("ticketing.reservation."))
    out.ended = member(value, R"("reservationId":")");
  return out;
}

DeadLetter dead_letter(const std::string& topic, const base::Record& record) {
  const auto header = [&record](const char* name) {
    return last_header_of(record, std::string("admitone-dlq-") + name);
  };
  DeadLetter out;
  out.where = fmt::format("{}/{}/{}", topic, record.position.partition, record.position.offset);
  out.position = header("topic").value_or("") + "/" + header("partition").value_or("") + "/" +
                 header("offset").value_or("");
  out.timestamp = record.timestamp;
  out.reason = header("reason").value_or("");
  out.code = header("code").value_or("");
  out.has_detail = header("detail").has_value();
  return out;
}

}  // namespace admitone::app::audit
