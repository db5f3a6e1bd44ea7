#include "solana/endpoints.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "http/rules.hpp"
#include "resilience/deadline.hpp"
#include "resilience/retry_after.hpp"

namespace admitone::solana {
namespace {

using resilience::CallEnd;

constexpr std::chrono::milliseconds kLeastTime{50};
constexpr std::chrono::seconds kLongestRest{30};
// Five slots: a node that answers twice within one slot has not stopped.
constexpr std::chrono::seconds kStoodStill{2};
constexpr std::int64_t kIdOfGenesis = 0;

// Trouble with the node: tried again, a call may meet a healthier one.
bool says_something_about_the_node(const RpcError& error) {
  return error.code == kNodeUnhealthy || error.code == kInternalError;
}

std::string origin_of(const std::string& url, std::size_t number) {
  const auto origin = http::origin_of(url, http::Schemes::https_and_http);
  return origin ? *origin : fmt::format("node {}", number);
}

}  // namespace

Endpoints::Endpoints(const Settings& settings, http::Client& http, const ports::Clock& clock,
                     http::Post post)
    : settings_(settings),
      http_(http),
      clock_(clock),
      post_(std::move(post)),
      genesis_(settings.genesis_hash) {
  for (const auto& url : settings.rpc_urls)
    endpoints_.push_back({url, resilience::Breaker(settings.breaker),
                          NodeState{.origin = origin_of(url, endpoints_.size() + 1)}});
}

void Endpoints::choose(const Errand& errand, Chosen then, Otherwise otherwise) {
  auto chosen = errand;
  std::unique_lock lock(mutex_);
  const auto node = next_usable(clock_.steady());
  if (!node) {
    lock.unlock();
    return hold_back(
        "all RPC nodes have failed lately, or are of another cluster, and are left alone",
        std::move(otherwise));
  }
  chosen.node = *node;
  auto& endpoint = endpoints_[*node];
  if (endpoint.seen.cluster == Cluster::ours) {
    lock.unlock();
    return then(chosen);
  }
  endpoint.waiting.push_back({errand, std::move(then), std::move(otherwise)});
  if (std::exchange(endpoint.asked_for_cluster, true)) return;
  lock.unlock();
  ask_for_cluster(chosen, *node);
}

std::optional<std::size_t> Endpoints::next_usable(base::Instant now) const {
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const auto node = (preferred_ + i) % endpoints_.size();
    const auto& endpoint = endpoints_[node];
    if (endpoint.seen.cluster == Cluster::another) continue;
    if (endpoint.asked_for_cluster || endpoint.breaker.would_admit(now)) return node;
  }
  return {};
}

bool Endpoints::another_could_be_asked(std::size_t node, base::Instant now) const {
  for (std::size_t other = 0; other < endpoints_.size(); ++other)
    if (other != node && endpoints_[other].seen.cluster != Cluster::another &&
        endpoints_[other].breaker.would_admit(now))
      return true;
  return false;
}

void Endpoints::pass_over(std::size_t node) {
  if (preferred_ == node) preferred_ = (node + 1) % endpoints_.size();
}

void Endpoints::ask_for_cluster(const Errand& errand, std::size_t node) {
  const auto genesis = std::make_shared<std::string>();
  make(
      errand, get_genesis_hash(), kIdOfGenesis,
      [genesis](const Json& result) {
        *genesis = parse_genesis_hash(result).value_or("");
        return !genesis->empty();
      },
      [this, node, genesis](const std::optional<Trouble>& trouble) {
        take_cluster(node, trouble, *genesis);
      });
}

void Endpoints::take_cluster(std::size_t node, const std::optional<Trouble>& trouble,
                             const std::string& genesis) {
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    endpoints_[node].asked_for_cluster = false;
    waiting.swap(endpoints_[node].waiting);
    if (!trouble) learn_cluster(node, genesis);
  }
  for (auto& one : waiting) {
    if (trouble)
      one.otherwise(*trouble);
    else
      choose(one.errand, std::move(one.then), std::move(one.otherwise));
  }
}

void Endpoints::learn_cluster(std::size_t node, const std::string& genesis) {
  if (genesis_.empty()) genesis_ = genesis;
  auto& seen = endpoints_[node].seen;
  seen.cluster = genesis == genesis_ ? Cluster::ours : Cluster::another;
  if (seen.cluster == Cluster::ours) return;
  pass_over(node);
  base::logger("solana")->error(
      "RPC node {} is of another cluster, with the genesis hash {} instead of {}, and is left out",
      name_of_node(node), genesis, base::field(genesis_));
}

std::string Endpoints::name_of_node(std::size_t node) const {
  return fmt::format("{} of {} ({})", node + 1, endpoints_.size(),
                     base::field(endpoints_[node].seen.origin));
}

void Endpoints::hold_back(std::string why, Otherwise otherwise) {
  {
    const std::lock_guard lock(mutex_);
    ++held_back_;
  }
  post_([otherwise = std::move(otherwise), why = std::move(why)] {
    otherwise(Trouble{false, why});
  });
}

void Endpoints::call(const Errand& errand, const RpcCall& call, Accept accept, Done done) {
  make(errand, call, next_id_++, std::move(accept), std::move(done));
}

void Endpoints::make(const Errand& errand, const RpcCall& call, std::int64_t id, Accept accept,
                     Done done) {
  const auto now = clock_.steady();
  // Twice: it may wait for a connection, but not until the breaker has changed its mind.
  const auto until =
      resilience::call_deadline(now, errand.deadline, 2 * settings_.call_timeout, kLeastTime);
  if (!until) return hold_back("no time is left for " + call.method, std::move(done));
  std::unique_lock lock(mutex_);
  const auto pass = endpoints_[errand.node].breaker.admit(now);
  lock.unlock();
  if (!pass)
    return hold_back(
        fmt::format("RPC node {} has failed lately and is left alone for a while", errand.node + 1),
        std::move(done));
  http_.send(request_of(errand.node, request_body(call, id), *until),
             [this, id, start = Start{errand.node, call.method, *pass, now}, errand,
              accept = std::move(accept), done = std::move(done)](const http::Ending& ending) {
               auto judgement = judge(ending, id, accept);
               settle(start, judgement);
               if (judgement.trouble) tell(errand, start.method, judgement);
               done(judgement.trouble);
             });
}

// The log, and whoever reads the answer.
void Endpoints::tell(const Errand& errand, const std::string& method, Judgement& judgement) const {
  auto& why = judgement.trouble->why;
  if (judgement.result != CallResult::not_sent)
    base::logger("solana")->warn("{}: {} at RPC node {} failed, key {}: {}{}", errand.operation,
                                 method, name_of_node(errand.node),
                                 errand.key.empty() ? "none" : base::field(errand.key), why,
                                 base::Fields{.tenant = errand.tenant});
  why = fmt::format("{} at RPC node {} of {}: {}", method, errand.node + 1, endpoints_.size(), why);
}

http::Request Endpoints::request_of(std::size_t node, std::string body,
                                    base::Instant deadline) const {
  http::Request request;
  request.method = "POST";
  request.url = endpoints_[node].url;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.body = std::move(body);
  request.deadline = deadline;
  request.limit = settings_.call_timeout;
  request.max_answer_bytes = settings_.max_answer_bytes;
  return request;
}

void Endpoints::saw(std::size_t node, std::int64_t slot) {
  const auto now = clock_.steady();
  const std::lock_guard lock(mutex_);
  auto& endpoint = endpoints_[node];
  const bool advanced = slot > endpoint.seen.slot;
  if (!advanced && now - endpoint.slot_since < kStoodStill) return;
  if (!advanced) pass_over(node);
  endpoint.seen.slot = std::max(endpoint.seen.slot, slot);
  endpoint.slot_since = now;
}

void Endpoints::settle(const Start& start, Judgement& judgement) {
  const auto now = clock_.steady();
  const std::lock_guard lock(mutex_);
  auto& endpoint = endpoints_[start.node];
  endpoint.breaker.end(start.pass, judgement.node, now);
  auto& method = methods_[start.method];
  const auto took = std::chrono::duration_cast<base::Duration>(now - start.at);
  const auto result = static_cast<std::size_t>(judgement.result);
  ++endpoint.seen.calls[result];
  ++method.calls[result];
  endpoint.seen.spent += took;
  method.spent += took;
  if (!judgement.trouble) return;
  // Whoever tries again meets another node: this one may lag, or not know us.
  if (judgement.node != CallEnd::neither) pass_over(start.node);
  if (another_could_be_asked(start.node, now)) judgement.trouble->retry_after.reset();
}

Endpoints::Judgement Endpoints::judge(const http::Ending& ending, std::int64_t id,
                                      const Accept& accept) const {
  if (!ending) {
    const auto& error = ending.error();
    // Closing, against a rule, or without a free connection.
    const bool ours = error.kind != base::ErrorKind::retry_call || ending.nobody_was_asked();
    return {ours ? CallEnd::neither : CallEnd::failure,
            ours ? CallResult::not_sent : CallResult::failed,
            Trouble{error.effect != base::Effect::not_applied, error.message}};
  }
  if (ending->status != 200)
    return {resilience::judge_status(ending->status), CallResult::failed,
            Trouble{true, fmt::format("HTTP status {}", ending->status),
                    resilience::retry_after(ending->header("Retry-After"), clock_.now(),
                                            kLongestRest)}};
  const auto reply = parse_reply(ending->body, id);
  if (const auto* error = reply ? std::get_if<RpcError>(&*reply) : nullptr) {
    const bool of_the_node = says_something_about_the_node(*error);
    auto why = fmt::format("error {}: {}", error->code, base::field(error->message));
    return {of_the_node ? CallEnd::failure : CallEnd::success, CallResult::error,
            Trouble{true, std::move(why), {}, error->code == kInvalidParams}};
  }
  if (reply && accept(std::get<Json>(*reply))) return {};
  return {CallEnd::failure, CallResult::failed, Trouble{true, "an answer that is none"}};
}

State Endpoints::state() const {
  const auto now = clock_.steady();
  const std::lock_guard lock(mutex_);
  State out;
  out.genesis = genesis_;
  out.methods = methods_;
  out.held_back = held_back_;
  for (const auto& endpoint : endpoints_) {
    out.nodes.push_back(endpoint.seen);
    out.nodes.back().breaker = endpoint.breaker.state(now);
    out.nodes.back().transitions = endpoint.breaker.transitions();
  }
  return out;
}

}  // namespace admitone::solana
