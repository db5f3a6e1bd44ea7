#pragma once
// Searches of the history by many operations, in few requests: one request takes 256 signatures.
// While some are on their way to a node, who else wants to search there waits, and all who wait go
// together with the next one; in quiet times everybody goes alone and at once. So the load on a
// node grows with its answers, not with the sagas in flight.
//
// It proves what a search of one's own would: the request is made after it was asked for, at the
// operation's own node, and its slot is that of the answer. What is wrong with one signature's
// status spoils the others' no more than it would alone: each operation's part is read for itself,
// and when a node refuses what it was asked, everybody asks once more, alone.
// Used by: the look-ups. Lifetime: the client's. Threads: any. Blocking: never. Errors: Trouble.

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "solana/endpoints.hpp"

namespace admitone::solana {

class Searches {
 public:
  static constexpr std::size_t kMaxSignatures = 256;  // of one getSignatureStatuses
  // Requests to a node at once: with more than one, an answer that is lost does not stop the rest.
  static constexpr std::size_t kAtOnce = 4;

  using Then = std::function<void(const Search&)>;
  using Otherwise = Endpoints::Otherwise;

  Searches(const Settings& settings, Endpoints& endpoints, const ports::Clock& clock);
  // At most kMaxSignatures. `errand` has chosen its node.
  void ask(const Errand& errand, std::vector<std::string> signatures, Then then,
           Otherwise otherwise);

 private:
  struct Wanted {
    Errand errand;
    std::vector<std::string> signatures;
    Then then;
    Otherwise otherwise;
    bool alone = false;
    std::optional<Search> found = {};
  };
  using Batch = std::vector<Wanted>;
  struct Node {
    std::size_t running = 0;
    std::deque<Wanted> waiting;
  };

  void go_on(std::size_t node);
  Batch take(std::deque<Wanted>& waiting) const;
  void send(Batch batch);
  void end(std::size_t node, Batch& batch, const std::optional<Trouble>& trouble);

  Endpoints& endpoints_;
  const ports::Clock& clock_;
  const base::Duration little_time_;
  std::mutex mutex_;
  std::vector<Node> nodes_;
};

}  // namespace admitone::solana
