#include "solana/searches.hpp"

#include <algorithm>
#include <iterator>
#include <memory>

namespace admitone::solana {
namespace {

// Each operation's part of the answer. False: nobody's is of the right shape.
template <class Batch>
bool read(const Json& result, std::size_t count, Batch& batch) {
  auto parts = split_statuses(result, count);
  if (!parts) return false;
  bool any = false;
  auto at = parts->statuses.begin();
  for (auto& one : batch) {
    const auto end = std::next(at, static_cast<std::ptrdiff_t>(one.signatures.size()));
    one.found = parse_statuses(std::vector<Json>(at, end), parts->slot);
    any = any || one.found.has_value();
    at = end;
  }
  return any;
}

}  // namespace

Searches::Searches(const Settings& settings, Endpoints& endpoints, const ports::Clock& clock)
    : endpoints_(endpoints),
      clock_(clock),
      little_time_(settings.call_timeout / 2),
      nodes_(settings.rpc_urls.size()) {}

void Searches::ask(const Errand& errand, std::vector<std::string> signatures, Then then,
                   Otherwise otherwise) {
  {
    const std::lock_guard lock(mutex_);
    nodes_[errand.node].waiting.push_back(
        {errand, std::move(signatures), std::move(then), std::move(otherwise)});
  }
  go_on(errand.node);
}

void Searches::go_on(std::size_t node) {
  while (true) {
    Batch batch;
    {
      const std::lock_guard lock(mutex_);
      auto& its = nodes_[node];
      if (its.waiting.empty() || its.running >= kAtOnce) return;
      ++its.running;
      batch = take(its.waiting);
    }
    send(std::move(batch));
  }
}

// By age, as many as fit. Together all have the earliest deadline: who has little time left must
// not take the others'.
Searches::Batch Searches::take(std::deque<Wanted>& waiting) const {
  const auto now = clock_.steady();
  const auto alone = [&](const Wanted& one) {
    return one.alone || one.errand.deadline - now < little_time_;
  };
  Batch batch;
  std::size_t count = 0;
  do {
    count += waiting.front().signatures.size();
    batch.push_back(std::move(waiting.front()));
    waiting.pop_front();
  } while (!alone(batch.front()) && !waiting.empty() && !alone(waiting.front()) &&
           count + waiting.front().signatures.size() <= kMaxSignatures);
  return batch;
}

void Searches::send(Batch given) {
  const auto batch = std::make_shared<Batch>(std::move(given));
  auto errand = batch->front().errand;
  std::vector<std::string> signatures;
  for (const auto& one : *batch) {
    errand.deadline = std::min(errand.deadline, one.errand.deadline);
    signatures.insert(signatures.end(), one.signatures.begin(), one.signatures.end());
  }
  endpoints_.call(
      errand, get_signature_statuses(signatures),
      [batch, count = signatures.size()](const Json& result) {
        return read(result, count, *batch);
      },
      [this, node = errand.node, batch](const std::optional<Trouble>& trouble) {
        end(node, *batch, trouble);
      });
}

void Searches::end(std::size_t node, Batch& batch, const std::optional<Trouble>& trouble) {
  const bool once_more = trouble && trouble->bad_parameters && batch.size() > 1;
  {
    const std::lock_guard lock(mutex_);
    --nodes_[node].running;
    for (auto& one : batch) {
      if (!once_more) break;
      one.alone = true;
      nodes_[node].waiting.push_back(std::move(one));
    }
  }
  go_on(node);
  if (once_more) return;
  for (auto& one : batch) {
    if (one.found)
      one.then(*one.found);
    else
      one.otherwise(trouble ? *trouble : Trouble{true, "a status in the answer is none"});
  }
}

}  // namespace admitone::solana
