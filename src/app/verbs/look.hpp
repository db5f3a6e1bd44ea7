#pragma once
// What verbs that look or operate share: their settings as what the operations (operate/) need.
// Used by: app/verbs. Threads: the main thread. Errors: VerbError.

#include <string>
#include <vector>

#include "app/operate/means.hpp"
#include "app/verb.hpp"
#include "kafka/settings.hpp"
#include "postgres/views.hpp"

namespace admitone::app {

// Connects with database.reader_url.
postgres::Views open_views(Context& context);
// For a client named after the verb. Library log lines go to stderr, warnings only unless log.level
// was set.
kafka::ClientSettings kafka_for(Context& context, const std::string& purpose);

// "ann (1000) on desk-3": the name is what the environment says (ADMITONE_OPERATOR, else USER), the
// number is the system's. Who is said to have done what is written down
// (postgres/operator_actions.hpp).
std::string operator_name(const Environment& environment);
// Of whoever is about to change something without one: a line on stderr.
void ask_for_a_name(Context& context);

// For operations; the settings named in `required` must be there. Lives as long as `context`.
Means means_of(Context& context, const std::vector<std::string>& required);

}  // namespace admitone::app
