// Workers that go and come while commands are sent at a fixed rate (w11).
#include "app/verbs/bench_recovery_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "app/verbs/bench_run.hpp"
#include "app/verbs/bench_sender.hpp"
#include "app/verbs/bench_suite.hpp"
#include "app/verbs/look.hpp"

namespace admitone::app::bench {

namespace {

constexpr std::int64_t kRate = 10'000;
// There are commands for so long after the steady part, whatever the workers need.
constexpr std::chrono::minutes kEnough{5};
constexpr std::chrono::milliseconds kGlance{20};
constexpr std::chrono::milliseconds kExitGlance{2};
constexpr std::chrono::milliseconds kReadGlance{100};
// Workers tell their lanes once a second.
constexpr std::chrono::milliseconds kOwnersGlance{250};
constexpr std::chrono::seconds kStepLimit{90};
constexpr std::chrono::seconds kKillLimit{10};
constexpr std::chrono::seconds kCatchUpLimit{30};
constexpr std::chrono::seconds kAfter{5};
// What waits may be so much of a second's commands more than before, and the workers have caught
// up: it is never quite the same.
constexpr std::int64_t kCaughtUpShare = 10;

double seconds_between(base::Instant from, base::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

double seconds_of(std::chrono::milliseconds length) {
  return std::chrono::duration<double>(length).count();
}

}  // namespace

class Run::Recovery {
 public:
  Recovery(Run& run, const RatePlan& plan, Input& input);
  Figures play(Disturbance what);

 private:
  // Ends with VerbError when something fails, or takes longer than `limit`.
  template <class Condition>
  void await(const char* what, const Condition& done, std::chrono::milliseconds every = kGlance,
             std::chrono::milliseconds limit = kStepLimit);
  void stay(std::chrono::milliseconds length);
  void look();
  [[nodiscard]] base::Instant now() const { return run_.clock_.steady(); }
  [[nodiscard]] std::int64_t due() const;
  [[nodiscard]] std::int64_t waiting() const;

  [[nodiscard]] std::vector<LaneSet> owners() const;
  // All lanes are with those who run; of each there has been an outcome since.
  std::vector<LaneSet> await_lanes();
  void start_another();
  Worker take_out(std::size_t index);

  void begin();
  void be_steady();
  void kill_one();
  void catch_up();
  void restart_all();
  std::int64_t end();
  void tell(Figures& figures);
  void tell_kill(const std::vector<Mark>& marks);

  Run& run_;
  const RatePlan& plan_;
  Input& input_;
  const std::int64_t events_;
  Answers answers_;
  OutcomeMarks marks_;
  std::optional<OutcomeWatch> watch_;
  std::unique_ptr<kafka::Feed> feed_;
  base::Instant start_{};
  LaneSet lanes_;  // that there are commands for
  LaneSet lost_;   // of these, those of a worker that was killed
  Window steady_;
  Window disturbed_;
  Window return_;
  std::vector<Waiting> looks_;
  std::optional<double> percent_of_machine_;
  RecoveryFigures figures_;
  std::optional<Sender> sender_;
};

Run::Recovery::Recovery(Run& run, const RatePlan& plan, Input& input)
    : run_(run),
      plan_(plan),
      input_(input),
      events_(input.event_creations()),
      answers_(
          plan, due_times(plan.per_second, input.total() - events_),
          [](std::int64_t) { return Fault::none; }, [](std::int64_t) { return false; }) {
  watch_.emplace(run.stage_.settings(), run.clock_, OutcomeWatch::Plan{input.total(), 0},
                 [this](const base::Record& outcome, base::Instant at) {
                   answers_.take(outcome, at);
                   marks_.take(outcome, at);
                 });
}

// ---------------------------------------------------------------- waiting

template <class Condition>
void Run::Recovery::await(const char* what, const Condition& done, std::chrono::milliseconds every,
                          std::chrono::milliseconds limit) {
  const auto until = now() + limit;
  while (!done()) {
    look();
    if (now() > until) {
      throw VerbError(kFailed, fmt::format("{} within {:.0f} s; the logs are in {}", what,
                                           seconds_of(limit), run_.stage_.folder()));
    }
    run_.pause(every);
  }
}

void Run::Recovery::stay(std::chrono::milliseconds length) {
  for (const auto until = now() + length; now() < until; run_.pause(kGlance)) look();
}

void Run::Recovery::look() {
  watch_->wait(std::chrono::milliseconds{0});  // throws when outcomes cannot be read
  if (sender_) {
    sender_->look_after();
    looks_.push_back({now(), waiting()});
  }
  run_.look_after(marks_.answered(), events_ + due(), "outcomes");
}

std::int64_t Run::Recovery::due() const {
  if (!sender_) return 0;
  const auto& all = answers_.due();
  return std::upper_bound(all.begin(), all.end(), now() - start_) - all.begin();
}

// A command that is due and was not even sent waits, too.
std::int64_t Run::Recovery::waiting() const {
  return std::max<std::int64_t>(0, due() + events_ - marks_.answered());
}

// ---------------------------------------------------------------- workers

std::vector<LaneSet> Run::Recovery::owners() const {
  std::vector<LaneSet> all;
  for (const auto& worker : run_.workers_) all.push_back(lanes_of(scrape(worker.port)));
  return all;
}

std::vector<LaneSet> Run::Recovery::await_lanes() {
  std::vector<LaneSet> found;
  await(
      "not every lane has a worker",
      [&] {
        found = owners();
        return shared_out(found, run_.plan_.partitions);
      },
      kOwnersGlance);
  const auto then = now();
  if (sender_) await("a lane has no outcome", [&] { return marks_.each_since(lanes_, then); });
  return found;
}

void Run::Recovery::start_another() {
  run_.start_worker();
  const auto log = run_.workers_.back().log;
  await("a worker did not get ready", [&] { return run_.stage_.said_ready(log); });
}

// Its end is no failure from now on.
Run::Worker Run::Recovery::take_out(std::size_t index) {
  const auto place = run_.workers_.begin() + static_cast<std::ptrdiff_t>(index);
  Worker worker = std::move(*place);
  run_.workers_.erase(place);
  return worker;
}

// ---------------------------------------------------------------- what happens

void Run::Recovery::begin() {
  run_.start_and_wait(*watch_, events_);
  feed_ = run_.open_feed();
  run_.send_events(*feed_, *watch_, input_);
  lanes_ = marks_.lanes();
  await_lanes();
  start_ = now();
  answers_.begin(start_);
  sender_.emplace(*feed_, input_, answers_.due(), start_, run_.clock_);
}

void Run::Recovery::be_steady() {
  stay(plan_.lead_in);
  const auto used = run_.usage();
  const auto waited = waiting();
  const auto had_come = due();
  steady_.from = now();
  stay(plan_.length);
  steady_.to = now();
  figures_.waited_before = waiting();
  figures_.kept_up = kept_up(waited, figures_.waited_before, due() - had_come);
  percent_of_machine_ = share_of_machine(used.all(nullptr), run_.usage().all(nullptr),
                                         seconds_between(steady_.from, steady_.to));
  if (figures_.kept_up) return;
  run_.context_.err << fmt::format(
      "  the workers do not keep up even before: {} commands waited at first, {} in the end\n",
      waited, figures_.waited_before);
}

void Run::Recovery::kill_one() {
  const auto owned = await_lanes();
  const auto victim = owner_of_most(owned);
  std::set_intersection(owned[victim].begin(), owned[victim].end(), lanes_.begin(), lanes_.end(),
                        std::inserter(lost_, lost_.end()));
  run_.context_.err << fmt::format("  kill -9 of a worker with {} lanes\n", lost_.size());
  Worker dead = take_out(victim);
  disturbed_.from = now();
  dead.process.signal(SIGKILL);
  if (!dead.process.wait(kKillLimit)) throw VerbError(kFailed, "a worker cannot be killed");
  await_lanes();
  catch_up();
  disturbed_.to = return_.from = now();
  run_.context_.err << "  another one in its place\n";
  start_another();
  await_lanes();
  stay(kAfter);
  return_.to = now();
}

// What comes next is to meet workers like those before; if they need too long, the figures say so.
void Run::Recovery::catch_up() {
  const auto level = figures_.waited_before + plan_.per_second / kCaughtUpShare;
  for (const auto until = now() + kCatchUpLimit; waiting() > level && now() < until;) {
    look();
    run_.pause(kGlance);
  }
}

void Run::Recovery::restart_all() {
  const auto grace = run_.stage_.settings().shutdown.grace;
  disturbed_.from = now();
  for (std::int64_t i = 0; i < run_.plan_.workers; ++i) {
    run_.context_.err << fmt::format("  SIGTERM to worker {} of {}\n", i + 1, run_.plan_.workers);
    Worker leaving = take_out(0);  // the new ones are behind the old ones
    RecoveryFigures::Restart restart;
    const auto told = now();
    leaving.process.signal(SIGTERM);
    std::optional<int> code;
    await(
        "a worker did not end", [&] { return (code = leaving.process.poll()).has_value(); },
        kExitGlance, grace + kStepLimit);
    restart.exit_code = *code;
    restart.exit_seconds = seconds_between(told, now());
    const auto started = now();
    start_another();
    restart.ready_seconds = seconds_between(started, now());
    figures_.restarts.push_back(restart);
  }
  await_lanes();
  stay(kAfter);
  disturbed_.to = now();
}

// So many commands were sent; all of them are answered now.
std::int64_t Run::Recovery::end() {
  figures_.waited_at_end = waiting();
  const auto sent = sender_->stop();
  while (marks_.answered() < events_ + sent) {
    run_.look_after(marks_.answered(), events_ + sent, "outcomes");
    watch_->wait(kReadGlance);
  }
  return sent;
}

Figures Run::Recovery::play(Disturbance what) {
  const auto server_before = run_.server_load();
  begin();
  const Usage before = run_.usage();
  be_steady();
  if (what == Disturbance::kill) {
    kill_one();
  } else {
    restart_all();
  }
  const auto sent = end();
  const Usage after = run_.usage();
  Figures figures = run_.finish({sent, sent, 0, 0}, before, after, server_before);
  watch_.reset();  // nothing is noted any more
  tell(figures);
  return figures;
}

// ---------------------------------------------------------------- what is told

void Run::Recovery::tell(Figures& figures) {
  const auto marks = marks_.marks();
  figures.workload = fmt::format("{}@{}/s", run_.plan_.workload, plan_.per_second);
  figures.seconds = seconds_between(start_, marks.back().at);
  figures.steady_per_second = answers_.steady_per_second();
  figures.latency = answers_.latency();
  figures.percent_of_machine = percent_of_machine_;
  // What workers that have gone had counted went with them.
  figures.cpu.workers.reset();
  figures.units.reset();
  figures.mean_batch.reset();
  figures.kafka_transactions.reset();
  figures.statements.reset();
  figures.round_trips.reset();
  figures.kafka_requests.clear();

  const auto level = figures_.waited_before + plan_.per_second / kCaughtUpShare;
  figures_.grace = seconds_of(run_.stage_.settings().shutdown.grace);
  figures_.gap = longest_gap(marks, disturbed_);
  figures_.lane_gap = longest_lane_gap(marks, disturbed_);
  figures_.steady_lane_gap = longest_lane_gap(marks, steady_);
  figures_.waited_most = most_waiting(looks_, disturbed_);
  figures_.caught_up = caught_up_after(looks_, disturbed_, level);
  figures_.repeated = marks_.repeated();
  if (figures_.restarts.empty()) tell_kill(marks);
  figures.recovery = std::move(figures_);
}

void Run::Recovery::tell_kill(const std::vector<Mark>& marks) {
  auto& kill = figures_.kill.emplace();
  kill.session_timeout = seconds_of(run_.stage_.settings().kafka.session_timeout);
  kill.first_outcomes = first_outcomes(marks, lost_, disturbed_);
  kill.return_gap = longest_gap(marks, return_);
  kill.return_lane_gap = longest_lane_gap(marks, return_);
}

Figures Run::recovery(const RatePlan& plan, Input& input, Disturbance what) {
  return Recovery(*this, plan, input).play(what);
}

// ---------------------------------------------------------------- the suite

void Suite::measure_recovery(const RunPlan& plan) {
  auto rates = options_.rates;
  if (rates.empty()) rates.push_back(kRate);
  const bool kill = plan.workers == kTeamForKill;
  for (const auto rate : rates) {
    context_.err << fmt::format("  {} at {} commands a second\n",
                                kill ? "one is killed" : "each in turn is restarted", rate);
    report_.add(recovery(plan, rate, kill ? Disturbance::kill : Disturbance::rolling_restart));
  }
}

Figures Suite::recovery(const RunPlan& wanted, std::int64_t per_second, Disturbance what) {
  RunPlan plan = wanted;
  plan.workload += what == Disturbance::kill ? "/kill" : "/rolling";
  plan.stage = fmt::format("{}_{}", name_, ++stages_);
  const auto rate = rate_plan(per_second);
  const auto seconds = (rate.length + rate.lead_in + std::chrono::seconds{kEnough}).count();
  Input input(input_of(plan, Shape::unique, per_second * seconds));
  Run run(context_, plan);
  return guarded(run, [&] {
    run.set_up();
    Figures figures = run.recovery(rate, input, what);
    run.audit(figures, input.records());
    return figures;
  });
}

}  // namespace admitone::app::bench
