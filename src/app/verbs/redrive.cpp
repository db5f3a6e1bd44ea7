// `dead-letters redrive` (operate/redrive.hpp): one, many, or all of one reason, planned first,
// sent with --yes.

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

#include "app/duration.hpp"
#include "app/operate/look_again.hpp"
#include "app/operate/redrive.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/look.hpp"
#include "app/verbs/reading_line.hpp"
#include "app/verbs/resend_flags.hpp"

namespace admitone::app {
namespace {

std::string summary(const RedrivePlan& plan) {
  std::string out;
  for (const auto& [fate, count] : plan.counts())
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, name_of(fate));
  if (plan.left() > 0) out += fmt::format("; {} are left beyond --limit", plan.left());
  return out;
}

class DeadLettersRedrive : public Verb {
 public:
  VerbInfo info() const override {
    return {
        "dead-letters redrive",
        "Operate",
        "Send dead letters to their lanes again, each once: by position, or all of one reason",
        {"admitone dead-letters redrive ticketing.commands/3/120",
         "admitone dead-letters redrive --reason-code processing_failed --yes --reason 'fixed in "
         "1.4.2' -o jsonl"},
        {{kNotFound, "no dead letter is meant"},
         {kConflict, "more are meant than one plan holds; nothing was sent"},
         {kPartly, "some were not sent, are left beyond --limit, or not decided in time"},
         {kInterrupted, "interrupted; run again, nothing is sent twice"}}};
  }

  void options(CLI::App& app) override {
    app.add_option(
        "position", selection_.positions,
        "TOPIC/PARTITION/OFFSET of records, or of letters; none: all that the flags mean");
    app.add_option("--reason-code", selection_.reason,
                   "Letters with this reason or code, as `dead-letters list` shows them");
    app.add_option("--tenant", selection_.tenant, "Letters of this tenant");
    app.add_option("--limit", limit_, "Send at most so many; 10000 unless said")
        ->check(CLI::Range(1, 1'000'000));
    app.add_flag("--wait", wait_, "Wait for the verdicts and show them");
    app.add_option("--timeout", timeout_, "How long to wait for them, e.g. 30s");
    flags_.declare(app);
  }

  int run(Context& context) override {
    flags_.check();
    check_selection({.settings = context.loaded().settings}, selection_);
    const auto patience = parse_duration(timeout_);
    if (!patience) throw VerbError(kUsage, "--timeout wants a length like 30s, not " + timeout_);
    std::vector<std::string> needs{"kafka.bootstrap_servers", "database.reader_url"};
    if (flags_.yes) needs.emplace_back("database.url");
    const Means means = means_of(context, needs);
    ReadingLine progress(context);
    Redrive redrive(means, clock_, selection_, progress.told());
    std::optional<std::string> secret;
    if (flags_.yes) secret = forward_secret_of(means);
    redrive.look(RedrivePlan::kMaxPlanned, std::move(secret));
    redrive.plan().settle(limit_);
    redrive.check_found();
    if (!flags_.yes) return show_plan(context, redrive);
    const bool complete = carry_out(context, means, redrive);
    if (wait_ && complete) await(means, redrive, *patience);
    context.print(redrive.rows(RedrivePlan::kMaxPlanned));
    return tell(context, redrive.plan(), complete);
  }

 private:
  // False when not everything went that was to go.
  bool carry_out(Context& context, const Means& means, Redrive& redrive) {
    const auto counts = redrive.counts();
    if (counts.empty()) return true;
    ask_for_a_name(context);
    Resending resending(means, clock_,
                        flags_.sending(context, "dead-letters redrive", redrive.target()));
    resending.begin(counts);
    const auto sent = redrive.send(resending);
    if (!sent) {
      context.err << fmt::format(
          "admitone: {}; some of what is not shown as sent may be on its way: run this again, "
          "nothing is decided twice\n",
          sent.error().message);
    }
    resending.end();
    return sent.ok() && !context.interrupted();
  }

  // The verdicts of what was sent, as far as they come in time. Each look is a pass over the
  // ledger.
  void await(const Means& means, Redrive& redrive, std::chrono::milliseconds patience) {
    const auto until = clock_.steady() + patience;
    auto views = open_views(means);
    std::mutex mutex;
    std::condition_variable nobody;
    while (redrive.plan().counts().contains(Fate::sent) && clock_.steady() < until &&
           !means.interrupted()) {
      const auto began = clock_.steady();
      must(views.refresh());
      redrive.look_again(views);
      const auto now = clock_.steady();
      std::unique_lock lock(mutex);
      nobody.wait_for(lock, look_again_in(now - began, until - now));
    }
  }

  static int show_plan(Context& context, const Redrive& redrive) {
    context.print(redrive.rows(RedrivePlan::kMaxPlanned));
    context.err << "admitone: nothing was sent: " << summary(redrive.plan()) << '\n';
    if (redrive.plan().counts().contains(Fate::would_send))
      context.err << "admitone: the same with --yes --reason TEXT sends them\n";
    return kOk;
  }

  int tell(Context& context, const RedrivePlan& plan, bool complete) const {
    context.err << "admitone: " << summary(plan) << '\n';
    if (context.interrupted()) return kInterrupted;
    if (plan.left() > 0) context.err << "admitone: the same command sends the next ones\n";
    return complete && plan.is_carried_out(wait_ ? Wanted::decided : Wanted::sent) ? kOk : kPartly;
  }

  Selection selection_;
  ResendFlags flags_;
  std::int64_t limit_ = 10'000;
  bool wait_ = false;
  std::string timeout_ = "30s";
  SystemClock clock_;
};

}  // namespace

std::unique_ptr<Verb> make_dead_letters_redrive() {
  return std::make_unique<DeadLettersRedrive>();
}

}  // namespace admitone::app
