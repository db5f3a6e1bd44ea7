#include "redis/link.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.hpp"

namespace admitone::redis {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 3;
constexpr std::chrono::milliseconds kPause = 50ms;
constexpr std::chrono::milliseconds kLongestPause = 2s;
constexpr std::chrono::milliseconds kAskAgain = 1s;
constexpr std::chrono::milliseconds kTellAgain = 10s;

base::Error given_up(const std::string& why) {
  return {base::ErrorKind::retry_call, base::Effect::unknown, why};
}

}  // namespace

std::chrono::milliseconds pause_after(int failures) {
  return std::min(failures * kPause, kLongestPause);
}

Link::Link(LinkSettings settings, const ports::Clock& clock)
    : settings_(std::move(settings)), clock_(clock) {}

Link::~Link() {
  give_up();
}

bool Link::submit(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    if (ended_ || waiting_.size() >= settings_.most_waiting) return false;
    waiting_.push_back(std::move(job));
  }
  something_.notify_one();
  return true;
}

Link::State Link::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

void Link::run(const std::stop_token& stop) {
  // A server that goes while we write to it is an error like any other.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  while (!stop.stop_requested()) {
    if (auto job = next(stop)) {
      serve(*job, stop);
    } else if (!stop.stop_requested()) {
      look_after();
    }
  }
  give_up();
  connection_.reset();
}

void Link::give_up() {
  std::deque<Job> left;
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    left.swap(waiting_);
  }
  for (auto& job : left) job.done(given_up("the worker ends"));
}

// None: it is time to look after the connection.
std::optional<Job> Link::next(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto pause = std::max<base::Instant::duration>(0s, next_turn_ - clock_.steady());
  something_.wait_for(lock, stop, pause, [this] { return !waiting_.empty(); });
  if (waiting_.empty()) return std::nullopt;
  auto job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

void Link::serve(Job& job, const std::stop_token& stop) {
  const auto deadline = clock_.steady() + settings_.call_limit;
  std::vector<Command> commands;
  for (int tries = 0; tries < kTries && !stop.stop_requested();) {
    const auto now = clock_.steady();
    if (now >= job.wanted_until || now >= deadline) break;
    if (!connection_ && now < next_turn_) {
      if (next_turn_ >= std::min(job.wanted_until, deadline)) break;
      std::unique_lock lock(mutex_);
      something_.wait_for(lock, stop, next_turn_ - now, [] { return false; });
      continue;
    }
    ++tries;
    if (commands.empty()) commands = job.make();
    if (auto replies = attempt(commands, deadline)) return job.done(std::move(*replies));
  }
  job.done(given_up(connection_ ? "it came to its turn too late" : last_error_));
}

std::optional<std::vector<Reply>> Link::attempt(const std::vector<Command>& commands,
                                                base::Instant deadline) {
  if (!connection_ && !connect(deadline)) return std::nullopt;
  const auto since = clock_.steady();
  auto replies = connection_->ask(commands, deadline);
  if (!replies) {
    lost(replies.error().message);
    return std::nullopt;
  }
  const auto no = std::ranges::find(*replies, Reply::Kind::error, &Reply::kind);
  if (no != replies->end()) {
    lost("it says " + base::field(no->text.substr(0, no->text.find(' '))));
    return std::nullopt;
  }
  answered(since);
  return std::move(*replies);
}

// With nothing to do: whether it is there is known before somebody has to wait for it.
void Link::look_after() {
  attempt({{"PING"}}, clock_.steady() + settings_.call_limit);
}

bool Link::connect(base::Instant deadline) {
  auto made = Connection::open(settings_.address, settings_.tls, clock_, deadline);
  if (!made) {
    lost(made.error().message);
    return false;
  }
  connection_ = std::move(*made);
  return true;
}

void Link::lost(const std::string& why) {
  connection_.reset();
  ++failures_;
  next_turn_ = clock_.steady() + pause_after(failures_);
  last_error_ = why;
  bool news = false;
  {
    const std::scoped_lock lock(mutex_);
    news = std::exchange(state_.up, false) || state_.why.empty();
    state_.why = why;
  }
  if (!news || !may_tell()) return;
  base::logger("redis")->warn("{} at {}: {}; PostgreSQL alone is asked meanwhile",
                              settings_.purpose, settings_.address.name(), base::field(why));
}

void Link::answered(base::Instant since) {
  const auto now = clock_.steady();
  failures_ = 0;
  next_turn_ = now + kAskAgain;
  bool news = false;
  {
    const std::scoped_lock lock(mutex_);
    news = !std::exchange(state_.up, true);
    state_.answered_in = std::chrono::duration_cast<std::chrono::microseconds>(now - since);
  }
  if (news && may_tell())
    base::logger("redis")->info("{} at {}: it answers", settings_.purpose,
                                settings_.address.name());
}

// Who comes and goes all the time is told of now and then.
bool Link::may_tell() {
  const auto now = clock_.steady();
  if (now < tell_at_) return false;
  tell_at_ = now + kTellAgain;
  return true;
}

}  // namespace admitone::redis
