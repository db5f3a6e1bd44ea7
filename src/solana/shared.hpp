#pragma once
// One answer for all operations that want to know the same of a node at about the same time. While
// it is being asked for, who else wants it waits for the same answer, and for a moment afterwards
// it is given without asking. So what is the same for all transactions of a moment costs a node a
// few requests a second, not some for each transaction.
// For facts that stay good for that moment only: nothing that an operation has to ask after
// something else has happened.
// Used by: the operations. Lifetime: the client's. Threads: any; `then` may be called from within
// `ask`. Blocking: never. Errors: the Trouble of who asked is that of all who waited.

#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "solana/endpoints.hpp"

namespace admitone::solana {

template <class T>
class Shared {
 public:
  using Then = std::function<void(const T&)>;
  using Otherwise = Endpoints::Otherwise;
  using Fetch = std::function<void(Then, Otherwise)>;

  Shared(const Settings& settings, const ports::Clock& clock)
      : clock_(clock),
        fresh_(settings.fresh),
        little_time_(settings.call_timeout / 2),
        nodes_(settings.rpc_urls.size()) {}

  // `errand` has chosen its node; `fetch` asks it.
  void ask(const Errand& errand, const Fetch& fetch, Then then, Otherwise otherwise) {
    const auto now = clock_.steady();
    std::unique_lock lock(mutex_);
    auto& node = nodes_[errand.node];
    if (node.value && now - node.since < fresh_) {
      const T value = *node.value;
      lock.unlock();
      return then(value);
    }
    // Who has little time left must not take the others'.
    if (errand.deadline - now < little_time_) {
      lock.unlock();
      return fetch(std::move(then), std::move(otherwise));
    }
    node.waiting.emplace_back(std::move(then), std::move(otherwise));
    if (std::exchange(node.running, true)) return;
    lock.unlock();
    fetch([this, number = errand.node, now](const T& value) { take(number, value, now); },
          [this, number = errand.node](const Trouble& trouble) {
            for (const auto& waiting : end(number)) waiting.second(trouble);
          });
  }

 private:
  using Waiting = std::vector<std::pair<Then, Otherwise>>;
  struct Node {
    std::optional<T> value;
    base::Instant since{};  // when it was asked for
    bool running = false;
    Waiting waiting;
  };

  void take(std::size_t number, const T& value, base::Instant since) {
    {
      const std::lock_guard lock(mutex_);
      nodes_[number].value = value;
      nodes_[number].since = since;
    }
    for (const auto& waiting : end(number)) waiting.first(value);
  }

  Waiting end(std::size_t number) {
    const std::lock_guard lock(mutex_);
    nodes_[number].running = false;
    return std::exchange(nodes_[number].waiting, {});
  }

  const ports::Clock& clock_;
  const base::Duration fresh_;
  const base::Duration little_time_;
  std::mutex mutex_;
  std::vector<Node> nodes_;
};

}  // namespace admitone::solana
