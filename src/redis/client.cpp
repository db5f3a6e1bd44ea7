#include "redis/client.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <utility>

#include "redis/entries.hpp"

namespace admitone::redis {
namespace {

constexpr std::size_t kHintsAtOnce = 2'000;

LinkSettings link_settings(const Settings& settings, const std::string& purpose) {
  return {settings.address, settings.tls, purpose, settings.call_limit, settings.most_waiting};
}

// Of one look-up: what came, for as long as somebody waits for it.
struct Awaited {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<base::Result<std::vector<Reply>>> replies;
};

}  // namespace

Client::Client(Settings settings, const ports::Clock& clock)
    : settings_(std::move(settings)),
      clock_(clock),
      may_look_up_(settings_.breaker, clock),
      may_write_(settings_.breaker, clock),
      look_ups_(link_settings(settings_, "look-ups"), clock),
      writes_(link_settings(settings_, "writes"), clock) {}

base::Result<std::chrono::microseconds> probe(const Settings& settings, const ports::Clock& clock) {
  const auto since = clock.steady();
  const auto made =
      Connection::open(settings.address, settings.tls, clock, since + settings.call_limit);
  if (!made) return made.error();
  return std::chrono::duration_cast<std::chrono::microseconds>(clock.steady() - since);
}

std::optional<resilience::Breaker::Pass> Client::Gate::admit() {
  const std::scoped_lock lock(mutex_);
  return breaker_.admit(clock_.steady());
}

void Client::Gate::end(const resilience::Breaker::Pass& pass, bool good) {
  const std::scoped_lock lock(mutex_);
  breaker_.end(pass, good ? resilience::CallEnd::success : resilience::CallEnd::failure,
               clock_.steady());
}

resilience::BreakerState Client::Gate::state() const {
  const std::scoped_lock lock(mutex_);
  return breaker_.state(clock_.steady());
}

resilience::BreakerTransitions Client::Gate::transitions() const {
  const std::scoped_lock lock(mutex_);
  return breaker_.transitions();
}

void Client::end(Gate& gate, const resilience::Breaker::Pass& pass, bool good) {
  if (!good) ++errors_;
  gate.end(pass, good);
}

std::optional<Client::Replies> Client::look_up(std::function<std::vector<Command>()> make) {
  const auto awaited = std::make_shared<Awaited>();
  const auto taken = look_ups_.submit({.make = std::move(make),
                                       .wanted_until = clock_.steady() + settings_.batch_wait,
                                       .done = [awaited](Replies replies) {
                                         {
                                           const std::scoped_lock lock(awaited->mutex);
                                           awaited->replies.emplace(std::move(replies));
                                         }
                                         awaited->came.notify_one();
                                       }});
  if (!taken) return std::nullopt;
  std::unique_lock lock(awaited->mutex);
  awaited->came.wait_for(lock, settings_.batch_wait, [&] { return awaited->replies.has_value(); });
  return std::move(awaited->replies);
}

std::vector<ports::KeyHint> Client::recall(const std::vector<ports::LedgerKey>& keys) {
  std::vector<ports::KeyHint> hints;
  if (keys.empty()) return hints;
  const auto pass = may_look_up_.admit();
  if (!pass) return hints;
  const auto replies = look_up([this, keys] {
    Command command{"MGET"};
    command.reserve(1 + keys.size());
    for (const auto& key : keys) command.push_back(hint_name(settings_.prefix, key));
    return std::vector<Command>{std::move(command)};
  });
  const bool good = replies && *replies && (**replies).size() == 1 &&
                    (**replies).front().list.size() == keys.size();
  end(may_look_up_, *pass, good);
  if (!good) return hints;
  const auto& list = (**replies).front().list;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (list[i].kind == Reply::Kind::nothing) continue;
    if (auto hint = read_hint(keys[i], list[i].text)) {
      hints.push_back(*hint);
    } else {
      ++errors_;
    }
  }
  return hints;
}

// In pieces, each of which has the time of a call.
void Client::remember(std::vector<ports::KeyHint> hints) {
  const auto all = std::make_shared<const std::vector<ports::KeyHint>>(std::move(hints));
  for (std::size_t from = 0; from < all->size(); from += kHintsAtOnce) {
    tell([this, all, from] {
      const auto ttl = std::to_string(settings_.key_ttl.count());
      const auto to = std::min(all->size(), from + kHintsAtOnce);
      std::vector<Command> commands;
      commands.reserve(to - from);
      for (std::size_t i = from; i < to; ++i) {
        const auto& hint = (*all)[i];
        commands.push_back(
            {"SET", hint_name(settings_.prefix, hint.key), hint_value(hint), "PX", ttl});
      }
      return commands;
    });
  }
}

void Client::tell(Make make) {
  const auto pass = may_write_.admit();
  if (!pass) return;
  const auto taken = writes_.submit({.make = std::move(make),
                                     .wanted_until = clock_.steady() + settings_.call_limit,
                                     .done = [this, pass = *pass](const Replies& replies) {
                                       end(may_write_, pass, replies.ok());
                                     }});
  if (!taken) end(may_write_, *pass, false);
}

void Client::ask(Make make, std::chrono::milliseconds wait,
                 std::function<void(const Replies&)> told) {
  const base::Error nobody{base::ErrorKind::retry_call, base::Effect::not_applied, "not asked"};
  const auto pass = may_look_up_.admit();
  if (!pass) return told(nobody);
  const auto taken = look_ups_.submit({.make = std::move(make),
                                       .wanted_until = clock_.steady() + wait,
                                       .done = [this, pass = *pass, told](const Replies& replies) {
                                         end(may_look_up_, pass, replies.ok());
                                         told(replies);
                                       }});
  if (taken) return;
  end(may_look_up_, *pass, false);
  told(nobody);
}

State Client::state() const {
  const auto link = look_ups_.state();
  const auto writes = writes_.state();
  return {.up = link.up && writes.up,
          .why = link.up ? writes.why : link.why,
          .answered_in = std::max(link.answered_in, writes.answered_in),
          .look_ups = may_look_up_.state(),
          .writes = may_write_.state(),
          .look_ups_changed = may_look_up_.transitions(),
          .writes_changed = may_write_.transitions(),
          .errors = errors_.load()};
}

}  // namespace admitone::redis
