#include "postgres/patience.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "base/log.hpp"

namespace admitone::postgres {

Patience::Watched::Watched(Patience* patience, int socket, std::chrono::milliseconds limit,
                           std::string name)
    : patience_(patience), limit_(limit), name_(std::move(name)) {
  if (patience_ == nullptr) return;
  socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
  const std::scoped_lock lock(patience_->mutex_);
  patience_->all_.push_back(this);
}

Patience::Watched::~Watched() {
  if (patience_ == nullptr) return;
  {
    const std::scoped_lock lock(patience_->mutex_);
    std::erase(patience_->all_, this);
  }
  if (socket_ >= 0) close(socket_);
}

Patience::Wait::Wait(Watched& watched) : watched_(watched) {
  if (watched_.patience_ == nullptr) return;
  const auto until = watched_.patience_->clock_.steady() + watched_.limit_;
  watched_.until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
}

Patience::Wait::~Wait() {
  watched_.until_.store(kNever, std::memory_order_relaxed);
}

void Patience::check() {
  const auto now = clock_.steady().time_since_epoch().count();
  const std::scoped_lock lock(mutex_);
  for (auto* const watched : all_) {
    auto until = watched->until_.load(std::memory_order_relaxed);
    if (until == kNever || until > now) continue;
    // Once for each wait.
    if (!watched->until_.compare_exchange_strong(until, kNever, std::memory_order_relaxed))
      continue;
    base::logger("postgres")
        ->warn(
            "{}: PostgreSQL has not answered for {} ms: the connection is "
            "given up",
            watched->name_, watched->limit_.count());
    if (watched->socket_ >= 0) shutdown(watched->socket_, SHUT_RDWR);
  }
}

}  // namespace admitone::postgres
