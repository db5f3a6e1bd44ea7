#include "app/upkeep.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <string_view>

#include "app/wiring.hpp"
#include "base/log.hpp"

namespace admitone::app {
namespace {

// A secret that is replaced is in use so soon, unless housekeeping waits for a database.
constexpr std::chrono::milliseconds kLookEvery{5'000};

// Of secret_files.
constexpr std::array<std::string_view, 4> kReadAgain{"database.url", "database.owner_url",
                                                     "database.reader_url", "kafka.sasl_password"};

}  // namespace

void watch_fixed_files(const Settings& settings, SecretWatch& secrets) {
  for (const auto& [key, path] : settings.secret_files) {
    if (std::ranges::find(kReadAgain, key) == kReadAgain.end()) secrets.add_fixed(path);
  }
  for (const auto& [option, path] : settings.kafka.option_files) secrets.add_fixed(path);
  for (const auto& path :
       {settings.kafka.ca_file, settings.kafka.client_certificate_file, settings.redis.ca_file,
        settings.saga.ca_file, settings.solana.wallet_file}) {
    secrets.add_fixed(path);
  }
}

Upkeep::Upkeep(const Settings& settings, const ports::Clock& clock, ports::Meters& meters,
               SecretWatch& secrets)
    : clock_(clock),
      housekeeper_(housekeeper_options(settings), clock, meters),
      rotate_every_(settings.ledger.housekeeping_interval),
      secrets_(secrets) {
  watch_fixed_files(settings, secrets);
}

void Upkeep::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any sleep;
  const auto look_every = std::min(kLookEvery, rotate_every_);
  auto next_rotation = clock_.steady();
  while (!stop.stop_requested()) {
    secrets_.look();
    if (clock_.steady() >= next_rotation) {
      rotate();
      next_rotation = clock_.steady() + rotate_every_;
    }
    std::unique_lock lock(mutex);
    sleep.wait_for(lock, stop, look_every, [] { return false; });
  }
}

void Upkeep::rotate() {
  if (const auto done = housekeeper_.step(); !done) {
    base::logger("app")->warn("ledger housekeeping: {}; tried again", done.error().message);
  }
}

}  // namespace admitone::app
