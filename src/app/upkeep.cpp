#include "app/upkeep.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>

#include "app/wiring.hpp"
#include "base/log.hpp"

namespace admitone::app {
namespace {

// A secret that is replaced is in use so soon.
constexpr std::chrono::milliseconds kLookEvery{5'000};

// Units of work ask for other filters as soon as a part is closed or dropped; a worker without any
// looks so often by itself.
constexpr std::chrono::minutes kLookAtParts{1};
// Units that began before the parts changed go on asking for filters that nobody needs any more.
constexpr std::chrono::milliseconds kPartsChange{200};
constexpr std::chrono::seconds kTryFiltersAgain{10};

// Of secret_files.
constexpr std::array<std::string_view, 4> kReadAgain{"database.url", "database.owner_url",
                                                     "database.reader_url", "kafka.sasl_password"};

void rest(const std::stop_token& stop, base::Duration length) {
  std::mutex mutex;
  std::condition_variable_any sleep;
  std::unique_lock lock(mutex);
  sleep.wait_for(lock, stop, length, [] { return false; });
}

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
               SecretWatch& secrets, postgres::Patience& patience, postgres::FilterShelf& filters)
    : housekeeper_(housekeeper_options(settings, &patience), clock, meters),
      filters_(filters),
      filter_keeper_(filter_keeper_options(settings, patience), filters, clock, meters),
      rotate_every_(settings.ledger.housekeeping_interval),
      secrets_(secrets) {
  watch_fixed_files(settings, secrets);
}

void Upkeep::run(const std::stop_token& stop) {
  const std::jthread secrets([this](const std::stop_token& end) { look_at_secrets(end); });
  const std::jthread filters([this](const std::stop_token& end) { keep_filters(end); });
  while (!stop.stop_requested()) {
    rotate();
    rest(stop, rotate_every_);
  }
}

void Upkeep::look_at_secrets(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    secrets_.look();
    rest(stop, kLookEvery);
  }
}

void Upkeep::keep_filters(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto more = filter_keeper_.step();
    if (!more) {
      base::logger("app")->warn("filters of the ledger: {}; tried again", more.error().message);
      rest(stop, kTryFiltersAgain);
    } else if (*more) {
      rest(stop, **more);
    } else {
      filters_.wait(stop, kLookAtParts);
      rest(stop, kPartsChange);
    }
  }
}

void Upkeep::rotate() {
  if (const auto done = housekeeper_.step(); !done) {
    base::logger("app")->warn("ledger housekeeping: {}; tried again", done.error().message);
  }
}

}  // namespace admitone::app
