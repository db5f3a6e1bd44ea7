#pragma once
// The API as the worker has it: over its settings, its database and its brokers. Used by:
// worker.cpp. Lifetime: the worker's, longer than the listener's run. Threads: as api/api.hpp says.
// Limits: a call has at most three clients of the brokers (it reads, it asks, it sends) and three
// connections (its claim, the views, its audit row), all of its own and gone with it; so many calls
// run at once as HttpOptions::api_calls.

#include <string>

#include "app/api/api.hpp"
#include "app/settings.hpp"
#include "postgres/admin_answers.hpp"

namespace admitone::app {

class ApiService {
 public:
  // `admin_token`: keeps the idempotency keys of different tokens apart.
  ApiService(const Settings& settings, const std::string& admin_token, const ports::Clock& clock);

  Api& api() { return api_; }

 private:
  postgres::AdminAnswers answers_;
  Api api_;
};

}  // namespace admitone::app
