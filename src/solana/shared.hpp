#pragma once
// One answer for all operations that want to know the same of a node at about the same time. While
// it is being asked for, who else wants it waits for the same answer, and for a moment afterwards
// it is given without asking. So what is the same for all transactions of a moment costs a node a
// few requests a second, not some for each transaction.
// For facts that stay good for that moment only: nothing that an operation has to ask after
// something else has happened.
// Used by: the operations. Lifetime: the client's. Threads: any; `then` may be called from within
// `ask`. Blocking: never.
// Errors: the Trouble of a question is that of who asked it. Those who waited for it ask once more,
//   together; who has waited for two in vain gets the second's.
// Limits: a question that takes longer than a second is not waited for by who comes then, and at
//   most four are under way at each node.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
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
  void ask(const Errand& errand, Fetch fetch, Then then, Otherwise otherwise) {
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
    const auto self =
        std::make_shared<Asker>(std::move(fetch), std::move(then), std::move(otherwise));
    node.waiting.push_back(self);
    const bool wait =
        node.running > 0 && (now - node.asked_at < kPatience || node.running >= kMostQuestions);
    if (wait) return;
    ++node.running;
    node.asked_at = now;
    lock.unlock();
    put(errand.node, self, now);
  }

 private:
  static constexpr std::chrono::seconds kPatience{1};
  static constexpr int kMostQuestions = 4;
  static constexpr int kMostInVain = 2;

  struct Asker {
    Asker(Fetch how, Then good, Otherwise bad)
        : fetch(std::move(how)), then(std::move(good)), otherwise(std::move(bad)) {}
    const Fetch fetch;
    const Then then;
    const Otherwise otherwise;
    int in_vain = 0;
  };
  using Askers = std::vector<std::shared_ptr<Asker>>;
  struct Node {
    std::optional<T> value;
    base::Instant since{};     // when it was asked for
    base::Instant asked_at{};  // the question that was put last
    int running = 0;
    Askers waiting;  // those whose question is under way among them
  };

  void put(std::size_t number, const std::shared_ptr<Asker>& asker, base::Instant now) {
    asker->fetch([this, number, now](const T& value) { take(number, value, now); },
                 [this, number, asker](const Trouble& trouble) { fail(number, asker, trouble); });
  }

  void take(std::size_t number, const T& value, base::Instant since) {
    Askers answered;
    {
      const std::lock_guard lock(mutex_);
      auto& node = nodes_[number];
      --node.running;
      if (!node.value || since > node.since) {
        node.value = value;
        node.since = since;
      }
      answered = std::exchange(node.waiting, {});
    }
    for (const auto& each : answered) each->then(value);
  }

  void fail(std::size_t number, const std::shared_ptr<Asker>& asker, const Trouble& trouble) {
    const auto now = clock_.steady();
    Askers failed;
    std::shared_ptr<Asker> next;
    {
      const std::lock_guard lock(mutex_);
      auto& node = nodes_[number];
      --node.running;
      const auto is_over = [&](const std::shared_ptr<Asker>& each) {
        return ++each->in_vain >= kMostInVain || each == asker;
      };
      const auto stay = std::stable_partition(node.waiting.begin(), node.waiting.end(),
                                              [&](const auto& each) { return !is_over(each); });
      failed.assign(stay, node.waiting.end());
      node.waiting.erase(stay, node.waiting.end());
      if (node.running == 0 && !node.waiting.empty()) {
        next = node.waiting.front();
        ++node.running;
        node.asked_at = now;
      }
    }
    for (const auto& each : failed) each->otherwise(trouble);
    if (next) put(number, next, now);
  }

  const ports::Clock& clock_;
  const base::Duration fresh_;
  const base::Duration little_time_;
  std::mutex mutex_;
  std::vector<Node> nodes_;
};

}  // namespace admitone::solana
