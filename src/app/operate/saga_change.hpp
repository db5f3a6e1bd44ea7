#pragma once
// How a saga is changed by hand: written down, sent to the saga's lane as an internal command, its
// verdict waited for (decision 0044).
// Used by: operate/sagas, operate/keys. Threads: one at a time. Blocking: the time-outs of brokers
// and database, and `patience` for the verdict. Errors: VerbError; an action that was begun and not
// ended stays pending in the view operator_log. Durable: the action, before anything is sent.
//
// Of a keyed request (Means::request) the change is noted in the transaction of its action. A later
// run of the request takes it up there: what was decided is told, and what was not is sent again
// under the same action, which its lane uses up once however often it is sent.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/operate/means.hpp"
#include "contract/saga_change.hpp"

namespace admitone::app {

struct AskedChange {
  contract::SagaChange::Action action{};
  std::string result = {};  // resolve as done
  std::string reason;
  std::chrono::milliseconds patience{};
};

struct ChangeEnd {
  enum class Kind {
    planned,    // nothing was done
    applied,    // by its lane
    refused,    // by its lane
    undecided,  // sent, and not decided in time
  };
  Kind kind = Kind::planned;
  Json document{};         // what is shown, with what became of it
  std::string position{};  // of the record that asked for it
  std::int32_t lane = 0;
};

// Adds to a document how things stand afterwards.
using AddNow = std::function<void(postgres::Views& views, Json& document)>;

// `saga`: one row of queries::saga. `shown`: what is to be shown of the change.
ChangeEnd carry_out(const Means& means, postgres::Views& views, const postgres::CellTable& saga,
                    const AskedChange& asked, Json shown, const AddNow& now);

// Nullopt: no earlier run of this request has begun anything.
std::optional<ChangeEnd> take_up(const Means& means, postgres::Views& views,
                                 std::chrono::milliseconds patience, const AddNow& now);

}  // namespace admitone::app
