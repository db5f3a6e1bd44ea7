#pragma once
// An HTTP client that tells how long its calls take. Used by: Outside. Lifetime, threads, blocking,
// errors: those of the client it passes to, which may answer `cancelled` also after our end. What
// was answered without anybody having been asked is not measured.

#include "http/client.hpp"
#include "ports/clock.hpp"
#include "ports/meters.hpp"

namespace admitone::app {

class MeasuredHttp final : public http::Client {
 public:
  MeasuredHttp(http::Client& to, ports::Histogram histogram, ports::Meters& meters,
               const ports::Clock& clock)
      : to_(to), histogram_(histogram), meters_(meters), clock_(clock) {}

  void send(http::Request request, http::Done done) override {
    const auto begun = clock_.steady();
    to_.send(std::move(request), [this, begun, done = std::move(done)](http::Ending ending) {
      const bool asked = ending.ok() || (ending.error().kind == base::ErrorKind::retry_call &&
                                         !ending.nobody_was_asked());
      if (asked) {
        const std::chrono::duration<double> took = clock_.steady() - begun;
        meters_.observe(histogram_, took.count());
      }
      done(std::move(ending));
    });
  }

 private:
  http::Client& to_;
  ports::Histogram histogram_;
  ports::Meters& meters_;
  const ports::Clock& clock_;
};

}  // namespace admitone::app
