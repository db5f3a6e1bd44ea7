#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "solana/client_core.hpp"
#include "solana/evidence.hpp"

namespace admitone::solana {
namespace {

using Found = ports::Answer<ports::ChainState>;

// One call of `look_up`: gathers what `consider` asks for until it decides. Between the steps the
// object is held by the call that runs.
class LookUp : public std::enable_shared_from_this<LookUp> {
 public:
  LookUp(std::shared_ptr<Client::Core> core,
         const std::vector<ports::SignedTransaction>& transactions, base::Instant deadline,
         ports::Answered<ports::ChainState> answered)
      : core_(std::move(core)), answered_(std::move(answered)) {
    errand_.operation = "look_up";
    errand_.deadline = deadline;
    if (!transactions.empty()) errand_.key = transactions.front().signature;
    evidence_.transactions = transactions;
    for (const auto& one : transactions) addresses_.insert(one.address);
  }

  void start() {
    if (evidence_.transactions.size() > Searches::kMaxSignatures)
      return later([](LookUp& self) { self.say_too_many(); });
    if (evidence_.transactions.empty()) return later([](LookUp& self) { self.go_on(); });
    const auto self = shared_from_this();
    core_->endpoints.choose(
        errand_,
        [self](const Errand& errand) {
          self->errand_ = errand;
          self->search();
        },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }

 private:
  void say_too_many() {
    const auto why = fmt::format(
        "{} transactions were prepared for one record, the first is {}; at most {} can be looked "
        "up together: this stays unanswered until an operator settles it",
        evidence_.transactions.size(), base::field(errand_.key), Searches::kMaxSignatures);
    core_->note_too_many(why);
    answered_(Found::retry(why));
  }

  void go_on() {
    const auto finding = consider(evidence_, core_->settings.commitment);
    switch (finding.ask) {
      case Question::none:
        return answered_(Found::done(finding.state));
      case Question::height:
        return ask_height();
      case Question::sightings:
        return search();
      case Question::guard:
        min_slot_ = finding.min_slot;
        next_address_ = addresses_.begin();
        return ask_guard();
    }
  }

  void search() {
    std::vector<std::string> signatures;
    for (const auto& one : evidence_.transactions) signatures.push_back(one.signature);
    const auto self = shared_from_this();
    core_->searches.ask(
        errand_, std::move(signatures), [self](const Search& found) { self->take_search(found); },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }
  void take_search(const Search& search) {
    core_->endpoints.saw(errand_.node, search.slot);
    evidence_.sightings = search.sightings;
    evidence_.sightings_slot = search.slot;
    evidence_.searched_after_height = evidence_.height.has_value();
    go_on();
  }
  void ask_height() {
    const auto self = shared_from_this();
    core_->heights.ask(
        errand_,
        [self](Shared<FinalizedHeight>::Then then, Shared<FinalizedHeight>::Otherwise otherwise) {
          self->core_->ask(self->errand_, get_finalized_height(), parse_height, std::move(then),
                           std::move(otherwise));
        },
        [self](const FinalizedHeight& height) { self->take_height(height); },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }
  void take_height(const FinalizedHeight& height) {
    evidence_.height = height;
    go_on();
  }

  // All transactions of a record share one address, unless the wallet or the registry was changed
  // between them.
  void ask_guard() {
    ask(get_finalized_account(*next_address_, min_slot_), parse_guard, &LookUp::take_guard);
  }
  void take_guard(const GuardSeen& seen) {
    if (!evidence_.guard) evidence_.guard = seen;
    evidence_.guard->guard = std::max(evidence_.guard->guard, seen.guard);
    evidence_.guard->slot = std::min(evidence_.guard->slot, seen.slot);
    if (++next_address_ != addresses_.end()) return ask_guard();
    go_on();
  }

  template <class Parse, class T>
  void ask(const RpcCall& call, Parse parse, void (LookUp::*then)(const T&)) {
    const auto self = shared_from_this();
    core_->ask(
        errand_, call, parse, [self, then](const T& value) { ((*self).*then)(value); },
        [self](const Trouble& trouble) { self->retry(trouble); });
  }
  void retry(const Trouble& trouble) { answered_(Found::retry(trouble.why, trouble.retry_after)); }
  void later(void (*step)(LookUp&)) {
    core_->post([self = shared_from_this(), step] { step(*self); });
  }

  const std::shared_ptr<Client::Core> core_;
  Errand errand_;
  const ports::Answered<ports::ChainState> answered_;
  Evidence evidence_;
  std::set<std::string> addresses_;
  std::set<std::string>::const_iterator next_address_;
  std::int64_t min_slot_ = 0;
};

}  // namespace

void run_look_up(std::shared_ptr<Client::Core> core,
                 const std::vector<ports::SignedTransaction>& transactions, base::Instant deadline,
                 ports::Answered<ports::ChainState> answered) {
  std::make_shared<LookUp>(std::move(core), transactions, deadline, std::move(answered))->start();
}

}  // namespace admitone::solana
