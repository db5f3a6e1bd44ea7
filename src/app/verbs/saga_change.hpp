#pragma once
// How a verb changes a saga: written down, sent to the saga's lane as an internal command, its
// verdict waited for (decision 0044).
// Used by: `sagas retry | compensate | resolve`, `keys release`. Threads: the main thread.
// Blocking: the time-outs of brokers and database, and `--timeout` for the verdict. Errors:
// VerbError; an action that was begun and not ended stays pending in the view operator_log.

#include <chrono>
#include <functional>
#include <string>

#include "app/verb.hpp"
#include "app/verbs/look.hpp"
#include "contract/saga_change.hpp"

namespace admitone::app {

// What all of these verbs are told.
struct ChangeFlags {
  void declare(CLI::App& app);
  // VerbError(kUsage) when one cannot be used.
  void check();
  std::string reason;
  bool yes = false;
  std::string timeout = "30s";
  std::chrono::milliseconds patience{};  // `timeout`, after check()
};

struct AskedChange {
  contract::SagaChange::Action action{};
  std::string result = {};   // resolve as done
  std::string lane_refused;  // what it means that the lane did
};

// Text of the first row; empty where it has none.
std::string text_at(const postgres::CellTable& table, const char* column);

// `saga`: one row of queries::saga. `shown`: what is printed, with what became of it added; `now`
// adds how things stand afterwards. The verb's exit code.
int carry_out(Context& context, postgres::Views& views, const postgres::CellTable& saga,
              const AskedChange& asked, const ChangeFlags& flags, Json shown,
              const std::function<void(Json&)>& now);

}  // namespace admitone::app
