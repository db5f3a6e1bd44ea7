#include "simulate/solana_service.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "simulate/control.hpp"

namespace admitone::simulate {
namespace {

constexpr Slot kFirstSlot = 1'000;
constexpr Slot kMaxStep = 100'000;
constexpr std::uint64_t kMaxAirdrop = 1'000'000'000'000'000;

std::string fresh_genesis() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, 33> text{};
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  return text.data();
}

// The run of the simulator that wrote last.
const Json* last_run(const std::vector<Json>& entries) {
  const auto found = std::find_if(entries.rbegin(), entries.rend(),
                                  [](const Json& entry) { return text_at(entry, "t") == "run"; });
  return found == entries.rend() ? nullptr : &*found;
}

// Where the chain is by now, as if somebody had kept it going.
Slot resumed(const std::vector<Json>& entries, base::Timestamp now) {
  const Json* run = last_run(entries);
  if (run == nullptr) return kFirstSlot;
  Slot slot = run->value("slot", kFirstSlot);
  const std::int64_t slot_ms = run->value("slotMs", std::int64_t{0});
  if (slot_ms > 0) {
    const std::int64_t began = run->value("atMs", std::int64_t{0});
    slot += std::max<std::int64_t>(base::to_unix_millis(now) - began, 0) / slot_ms;
  }
  for (const Json* entry = run; entry <= &entries.back(); ++entry) {
    if (text_at(*entry, "t") == "step") slot += entry->value("slots", Slot{0});
  }
  // Also when the wall clock was set back.
  return std::max(slot, entries.back().value("slot", kFirstSlot));
}

}  // namespace

SolanaService::SolanaService(const Options& options, const ports::Clock& clock, std::string genesis,
                             Slot first)
    : options_(options),
      clock_(clock),
      genesis_(std::move(genesis)),
      chain_(options.programs, genesis_, kFirstSlot),
      slots_(options.slot_time, first, clock.steady()) {
  faults_.set(options.faults);
}

base::Result<std::unique_ptr<SolanaService>> SolanaService::open(const Options& options,
                                                                 const ports::Clock& clock) {
  ADMITONE_ASSERT(sodium_init() >= 0);
  auto opened = Journal::open(options.state, options.keep);
  if (!opened) return opened.error();
  const Json* run = last_run(opened->entries);
  std::string genesis = run == nullptr ? fresh_genesis() : text_at(*run, "genesis");
  std::unique_ptr<SolanaService> service(
      new SolanaService(options, clock, std::move(genesis), resumed(opened->entries, clock.now())));
  service->journal_ = std::move(opened->journal);
  service->go_on(opened->entries);
  if (const auto written = service->journal_->sync(); !written) return written.error();
  return service;
}

void SolanaService::go_on(const std::vector<Json>& entries) {
  for (const Json& entry : entries) chain_.replay(entry);
  chain_.advance(slots_.at(clock_.steady()));
  journal_->append({{"t", "run"},
                    {"slot", chain_.slot()},
                    {"atMs", base::to_unix_millis(clock_.now())},
                    {"slotMs", options_.slot_time.count()},
                    {"genesis", genesis_}});
}

Answer SolanaService::kept(Answer answer) {
  // Also when nothing was added: what others added may be in this answer.
  if (const auto written = journal_->sync(); !written) {
    return error_answer(500, "JOURNAL", written.error().message);
  }
  return answer;
}

Answer SolanaService::handle(int member, const Request& request) {
  if (request.path.starts_with("/control/")) {
    if (auto answer = control(request, World::solana, faults_, now())) return std::move(*answer);
    return kept(control_answer(request));
  }
  const base::Instant began = clock_.steady();
  Answer answer = rpc(member, request);
  delay(answer, options_.latency, std::chrono::floor<base::Duration>(clock_.steady() - began));
  return answer;
}

Json SolanaService::now() {
  const std::lock_guard lock(mutex_);
  chain_.advance(slots_.at(clock_.steady()));
  return {{"status", "ok"},
          {"world", "solana"},
          {"slot", chain_.slot()},
          {"blockHeight", Chain::height_at(chain_.slot())}};
}

Answer SolanaService::control_answer(const Request& request) {
  if (request.path == "/control/records" && request.method == "GET") {
    now();
    const std::lock_guard lock(mutex_);
    return json_answer(200, chain_.records());
  }
  if (request.method == "POST") {
    const Json body = Json::parse(request.body, nullptr, false);
    if (request.path == "/control/airdrop") return airdrop(body);
    if (request.path == "/control/step") return step(body);
  }
  return error_answer(404, "NOT_FOUND", "there is nothing here");
}

Answer SolanaService::airdrop(const Json& body) {
  const auto address = parse_key(text_at(body, "address"));
  if (!address) return error_answer(400, "INVALID", "/address: " + address.error().message);
  const auto lamports = body.find("lamports");
  if (lamports == body.end() || !lamports->is_number_unsigned() ||
      lamports->get<std::uint64_t>() > kMaxAirdrop) {
    return error_answer(400, "INVALID",
                        "/lamports: must be a whole number up to " + std::to_string(kMaxAirdrop));
  }
  now();
  const std::lock_guard lock(mutex_);
  journal_->append(chain_.airdrop(*address, lamports->get<std::uint64_t>()));
  return json_answer(200, {{"slot", chain_.slot()},
                           {"lamports", chain_.account(*address, chain_.slot()).lamports}});
}

Answer SolanaService::step(const Json& body) {
  const auto slots = body.is_object() ? body.find("slots") : body.end();
  if (slots == body.end() || !slots->is_number_integer() || slots->get<Slot>() < 1 ||
      slots->get<Slot>() > kMaxStep) {
    return error_answer(400, "INVALID",
                        "/slots: must be a whole number from 1 to " + std::to_string(kMaxStep));
  }
  {
    const std::lock_guard lock(mutex_);
    slots_.step(slots->get<Slot>());
    chain_.advance(slots_.at(clock_.steady()));
    journal_->append({{"t", "step"}, {"slot", chain_.slot()}, {"slots", slots->get<Slot>()}});
  }
  return json_answer(200, now());
}

Call SolanaService::call_of(int member, const Ask& ask) const {
  Call call{ask.method, {}, {}, {}, member};
  if (ask.method == "sendTransaction") {
    if (ask.submission.refusal) return call;
    const Transaction& transaction = ask.submission.transaction;
    call.keys = {text_of(transaction.signatures.front())};
    call.events = {memo_of(transaction.message, options_.programs)};
  } else if (!ask.params.empty() && ask.params[0].is_string()) {
    call.keys = {ask.params[0].get<std::string>()};
  } else if (!ask.params.empty() && ask.params[0].is_array()) {
    const std::lock_guard lock(mutex_);
    for (const Json& signature : ask.params[0]) {
      if (!signature.is_string()) continue;
      call.keys.push_back(signature.get<std::string>());
      call.events.push_back(chain_.memo(call.keys.back()));
    }
  }
  return call;
}

Answer SolanaService::rpc(int member, const Request& request) {
  const auto refused = [](const Json& id, int code, const char* message) {
    Answer answer;
    answer.body = rpc_text(id, rpc_error(code, message));
    return answer;
  };
  if (request.method != "POST") return error_answer(405, "METHOD_NOT_ALLOWED", "POST JSON-RPC");
  const Json body = Json::parse(request.body, nullptr, false);
  if (body.is_discarded()) return refused(nullptr, -32700, "Parse error");
  Ask ask;
  ask.method = text_at(body, "method");
  if (ask.method.empty()) return refused(nullptr, -32600, "Invalid request");
  ask.id = body.value("id", Json());
  if (ask.id.is_structured()) return refused(nullptr, -32600, "Invalid request");
  ask.params = body.value("params", Json::array());
  if (!ask.params.is_array()) return refused(ask.id, -32602, "Invalid params: wants a list");
  if (ask.method == "sendTransaction") ask.submission = read_submission(ask.params);
  if (!faults_.watch(ask.method)) return apply(member, ask, {});
  const Call call = call_of(member, ask);
  auto fault = faults_.next(call);
  if (!fault) return apply(member, ask, {});
  // An answer of the script's own is of this request.
  if (fault->body && fault->body->is_object() && fault->body->contains("jsonrpc")) {
    fault->body->emplace("id", ask.id);
  }
  return carry_out(member, ask, *fault, call);
}

Answer SolanaService::carry_out(int member, const Ask& ask, const Action& action,
                                const Call& call) {
  Twist twist;
  switch (action.kind) {
    case FaultKind::drop:
      twist.plan.drop = true;
      return apply(member, ask, twist);
    case FaultKind::land_late:
      twist.plan.late = action.slots;
      return apply(member, ask, twist);
    case FaultKind::land_with_error:
      twist.plan.error = action.error.is_null()
                             ? Json{{"InstructionError", Json::array({0, {{"Custom", 1}}})}}
                             : action.error;
      return apply(member, ask, twist);
    case FaultKind::expire_blockhash:
      twist.plan.expire_blockhash = true;
      return apply(member, ask, twist);
    case FaultKind::lag:
      twist.lag = action.slots;
      return apply(member, ask, twist);
    case FaultKind::not_found_for:
      hide(call, action.time);
      return apply(member, ask, twist);
    case FaultKind::nonsense: {
      Answer answer = apply(member, ask, twist);
      answer.body = rpc_text(ask.id, {action.body.value_or("nonsense"), nullptr});
      return answer;
    }
    default:
      return spoil(action, [this, member, ask] { return apply(member, ask, {}); });
  }
}

void SolanaService::hide(const Call& call, std::chrono::milliseconds time) {
  const std::lock_guard lock(mutex_);
  // From the first time on, or the rule would hide it for ever.
  for (const auto& key : call.keys) {
    hidden_.try_emplace({call.member, key}, clock_.steady() + time);
  }
}

Answer SolanaService::apply(int member, const Ask& ask, const Twist& twist) {
  Answer answer;
  {
    const std::lock_guard lock(mutex_);
    const base::Instant now = clock_.steady();
    chain_.advance(slots_.at(now));
    const Slot lag = options_.lags.at(static_cast<std::size_t>(member)) + twist.lag;
    const View view{chain_.slot() - lag, options_.finality};
    RpcReply reply;
    if (ask.method == "sendTransaction") {
      std::optional<Json> entry;
      reply = submit(chain_, view, ask.submission, options_.land_after, twist.plan, entry);
      if (entry) journal_->append(*entry);
    } else {
      reply = read(chain_, view, ask.method, ask.params,
                   [this, member, now](const std::string& signature) {
                     const auto found = hidden_.find({member, signature});
                     return found != hidden_.end() && now < found->second;
                   });
    }
    answer.body = rpc_text(ask.id, reply);
  }
  return kept(std::move(answer));
}

}  // namespace admitone::simulate
