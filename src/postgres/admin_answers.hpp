#pragma once
// The port over the table `admin_answers`. A claim holds a session's advisory lock on a connection
// of its own: it ends with the process, so that a repeat after a death need not wait for a time.
// Each claim is a run with a number of its own, which fences what a run writes that has lost its
// lock. Used by: app. Threads, blocking, errors, durable: as the port says
// (ports/admin_answers.hpp). Limits: a connection for each claim; an answer older than `keep` is
// none, and goes with the housekeeping.

#include <chrono>

#include "ports/admin_answers.hpp"
#include "postgres/settings.hpp"

namespace admitone::postgres {

class AdminAnswers final : public ports::AdminAnswers {
 public:
  AdminAnswers(ConnectionSettings settings, std::chrono::seconds keep)
      : settings_(std::move(settings)), keep_(keep) {}

  base::Result<ports::Claimed> claim(const ports::AdminRequest& request) override;

 private:
  const ConnectionSettings settings_;
  const std::chrono::seconds keep_;
};

}  // namespace admitone::postgres
