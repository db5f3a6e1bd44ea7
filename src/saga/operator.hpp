#pragma once
// What an operator may do to a saga (`sagas retry | compensate | resolve`, `keys release`). Each
// reaches the lane as an audited internal command, and its change is written like any other
// transition. Threads: pure functions, any. Blocking: never.
//
// | resolve       | going forward               | forward only    | going back          |
// |---------------|-----------------------------|-----------------|---------------------|
// | as done       | the step is done, goes on   | done, goes on   | refused             |
// | as undone     | nothing came of it: it goes back | refused    | undone, goes on back |
//
// Errors: kind permanent, effect not_applied: this saga cannot be treated so; the text says why.

#include <string>

#include "base/result.hpp"
#include "saga/limits.hpp"
#include "saga/model.hpp"

namespace admitone::saga {

enum class ResolveAs { done, undone };

struct Resolution {
  ResolveAs as{};
  std::string reason;
  std::string result;  // as done, of a venue hold: its id; of a chain step: the signature
};

// Once more, with a new deadline, where it stands. Of one that needs an operator.
base::Status retry(Saga& saga, base::Timestamp now, const Limits& limits);
// Go back as soon as what is unknown is known. Refused past the pivot.
base::Status compensate(Saga& saga, base::Timestamp now, const Limits& limits);
// End the attempt that holds a key: back, then failed, so that the key may be sent again. Refused
// past the pivot, where something may have been done of which nobody knows, and for what goes back
// already.
base::Status end_attempt(Saga& saga, base::Timestamp now, const Limits& limits);
// Ends the doubt of one that needs an operator.
base::Status resolve(Saga& saga, const Resolution& resolution, base::Timestamp now,
                     const Limits& limits);

}  // namespace admitone::saga
