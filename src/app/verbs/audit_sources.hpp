#pragma once
// The rows of the public views as the auditor's checks want them. Used by: the verb `audit`.
// Lifetime: each source reads from the Views it was made with. Threads: one. Blocking: as Views.

#include <cstdint>
#include <string>

#include "app/verbs/audit_core.hpp"
#include "app/verbs/audit_traces.hpp"
#include "base/record.hpp"
#include "postgres/views.hpp"

namespace admitone::app::audit {

// VerbError(kFailed) when the query is refused; later failures come out of the source.
Source<VerdictRow> verdict_rows(postgres::Views& views, const std::string& topic,
                                std::int64_t partition);
Source<AppliedRow> applied_rows(postgres::Views& views, const std::string& topic,
                                std::int64_t partition);
Source<KeyRow> keys_of_partition(postgres::Views& views, const std::string& topic,
                                 std::int64_t partition);
Source<KeyRow> keys_by_scope(postgres::Views& views);
Source<KeyRow> keys_by_outcome(postgres::Views& views);
Source<OutcomeRow> outcome_rows(postgres::Views& views, std::int64_t lane);
Source<LoggedAnswer> logged_answers(postgres::Views& views);
Source<AnsweredRecord> answered_records(postgres::Views& views);
Source<ForwardedRow> forwarded_rows(postgres::Views& views);
Source<HomeRow> home_rows(postgres::Views& views);
Source<DeadRow> dead_rows(postgres::Views& views);
Source<SectionRow> section_rows(postgres::Views& views);
Source<ReservationRow> reservation_rows(postgres::Views& views);

PublishedOutcome published_outcome(const base::Record& record);
// `topic` is the dead-letter topic.
DeadLetter dead_letter(const std::string& topic, const base::Record& record);

}  // namespace admitone::app::audit
