#include "telemetry/http_door.hpp"

#include <httplib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/assert.hpp"

namespace admitone::telemetry {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kDrained = std::size_t{256} * 1024;
constexpr int kAtOnce = 64;
constexpr milliseconds kOutOfDescriptors{50};
// Times are looked at so often, however long the next one is away.
constexpr milliseconds kLook{250};

bool would_block() {
  return errno == EAGAIN || errno == EINTR;  // (EWOULDBLOCK is EAGAIN)
}

}  // namespace

struct HttpDoor::Calls {
  explicit Calls(int threads) : pool(static_cast<std::size_t>(threads)) {}
  ~Calls() { pool.shutdown(); }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  httplib::ThreadPool pool;
};

HttpDoor::Connection::~Connection() {
  ::close(socket);
}

HttpDoor::HttpDoor(DoorOptions options, const ports::Clock& clock)
    : options_(std::move(options)), clock_(clock), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ADMITONE_ASSERT(wake_ >= 0);
}

HttpDoor::~HttpDoor() {
  ::close(wake_);
}

void HttpDoor::run(int listening) {
  listening_ = listening;
  Calls threads(options_.calls);
  threads_ = &threads;
  for (;;) {
    if (stopping_) let_nobody_in();
    if (stopping_ && connections_.empty()) break;
    wait();
    take_answers();
    serve_ready();
    let_in();
  }
  threads_ = nullptr;
}

void HttpDoor::stop() {
  stopping_ = true;
  wake();
}

void HttpDoor::wake() const {
  const std::uint64_t one = 1;
  // Full: it is awake already.
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void HttpDoor::wait() {
  const auto now = clock_.steady();
  std::vector<pollfd> watched{{wake_, POLLIN, 0}, {-1, POLLIN, 0}};
  if (now >= let_in_again_) watched[1].fd = listening_;
  std::vector<Connection*> whose;
  auto next = now + kLook;
  for (auto& [id, one] : connections_) {
    one.ready = false;
    if (one.state == Connection::State::calling) continue;
    const bool writes = one.state == Connection::State::writing;
    watched.push_back({one.socket, static_cast<short>(writes ? POLLOUT : POLLIN), 0});
    whose.push_back(&one);
    next = std::min(next, one.until);
  }
  // With nobody to time out it sleeps until somebody comes.
  const bool idle = whose.empty() && watched[1].fd >= 0;
  const auto limit =
      std::chrono::ceil<milliseconds>(std::max(next - now, base::Instant::duration{}));
  poll(watched.data(), watched.size(), idle ? -1 : static_cast<int>(limit.count()));
  for (std::size_t i = 0; i < whose.size(); ++i) whose[i]->ready = watched[i + 2].revents != 0;
  std::uint64_t woken = 0;
  [[maybe_unused]] const auto taken = ::read(wake_, &woken, sizeof woken);
}

// Also who came while others were served, but not so many that those wait.
void HttpDoor::let_in() {
  for (int i = 0; i < kAtOnce && listening_ >= 0 && clock_.steady() >= let_in_again_; ++i) {
    const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      if (!make_room()) {
        ::close(socket);
        continue;
      }
      auto& one = connections_.try_emplace(next_id_++, socket).first->second;
      one.until = clock_.steady() + options_.reading;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      let_in_again_ = clock_.steady() + kOutOfDescriptors;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

bool HttpDoor::make_room() {
  if (connections_.size() < options_.connections) return true;
  using State = Connection::State;
  for (const auto state : {State::ending, State::reading, State::writing}) {
    const auto found = std::ranges::find_if(connections_, [state](const auto& entry) {
      // A call was let in as one of few, and what it did is done.
      return entry.second.state == state && !entry.second.is_call;
    });
    if (found == connections_.end()) continue;
    drop(found);
    return true;
  }
  return false;
}

void HttpDoor::let_nobody_in() {
  if (listening_ >= 0) ::close(std::exchange(listening_, -1));
  std::erase_if(connections_, [](const auto& entry) {
    return entry.second.state == Connection::State::reading ||
           entry.second.state == Connection::State::ending;
  });
}

void HttpDoor::take_answers() {
  std::vector<std::pair<std::uint64_t, std::string>> taken;
  {
    const std::scoped_lock lock(mutex_);
    taken.swap(answers_);
  }
  for (auto& [id, answer] : taken) {
    const auto found = connections_.find(id);
    ADMITONE_ASSERT(found != connections_.end());  // who calls is not dropped
    if (!give(found->second, std::move(answer))) drop(found);
  }
}

void HttpDoor::serve_ready() {
  const auto now = clock_.steady();
  for (auto at = connections_.begin(); at != connections_.end();) {
    auto& [id, one] = *at;
    bool stays = true;
    if (one.ready) stays = serve(id, one);
    if (stays && one.state != Connection::State::calling) stays = now < one.until;
    at = stays ? std::next(at) : drop(at);
  }
}

HttpDoor::Connections::iterator HttpDoor::drop(Connections::iterator at) {
  if (at->second.is_call) --calls_;
  return connections_.erase(at);
}

bool HttpDoor::serve(std::uint64_t id, Connection& one) {
  one.ready = false;
  switch (one.state) {
    case Connection::State::reading:
      return read(id, one);
    case Connection::State::writing:
      return write(one);
    case Connection::State::ending:
      return drain(one);
    case Connection::State::calling:
      break;
  }
  return true;
}

bool HttpDoor::read(std::uint64_t id, Connection& one) {
  std::array<char, 8192> bytes;
  const auto got = ::recv(one.socket, bytes.data(), bytes.size(), 0);
  if (got < 0 && would_block()) return true;
  if (got <= 0) return false;
  const auto seen = one.in.size();
  one.in.append(bytes.data(), static_cast<std::size_t>(got));
  if (!one.frame) one.frame = read_frame(one.in, seen);
  if (!one.frame) return true;
  const auto& frame = *one.frame;
  if (frame.refused == 0 && one.in.size() < frame.head + frame.body) return true;
  return ask(id, one);
}

bool HttpDoor::ask(std::uint64_t id, Connection& one) {
  DoorRequest asked;
  asked.frame = std::move(*one.frame);
  if (asked.frame.refused == 0) asked.body = one.in.substr(asked.frame.head, asked.frame.body);
  one.in = {};
  asked.is_call = asked.frame.refused == 0 && options_.is_call(asked.frame);
  if (asked.is_call && calls_ >= options_.calls) {
    asked.is_call = false;
    asked.frame.refused = 503;
  }
  if (!asked.is_call) return give(one, options_.answer(asked));
  ++calls_;
  one.is_call = true;
  one.state = Connection::State::calling;
  threads_->pool.enqueue(
      [this, id, asked = std::move(asked)] { answered(id, options_.answer(asked)); });
  return true;
}

void HttpDoor::answered(std::uint64_t id, std::string answer) {
  {
    const std::scoped_lock lock(mutex_);
    answers_.emplace_back(id, std::move(answer));
  }
  wake();
}

bool HttpDoor::give(Connection& one, std::string answer) {
  one.out = std::move(answer);
  one.state = Connection::State::writing;
  one.until = clock_.steady() + options_.writing;
  return write(one);
}

bool HttpDoor::write(Connection& one) {
  while (one.written < one.out.size()) {
    const auto rest = std::string_view(one.out).substr(one.written);
    const auto sent = ::send(one.socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && would_block()) return true;
    if (sent <= 0) return false;
    one.written += static_cast<std::size_t>(sent);
  }
  one.out = {};
  if (std::exchange(one.is_call, false)) --calls_;
  if (stopping_) return false;
  // What the client still sends is taken for a while: an end in the middle of it would take the
  // answer away from it.
  ::shutdown(one.socket, SHUT_WR);
  one.state = Connection::State::ending;
  one.until = clock_.steady() + options_.ending;
  return true;
}

bool HttpDoor::drain(Connection& one) {
  std::array<char, 8192> bytes;
  const auto got = ::recv(one.socket, bytes.data(), bytes.size(), 0);
  if (got < 0 && would_block()) return true;
  one.drained += got > 0 ? static_cast<std::size_t>(got) : kDrained;
  return one.drained < kDrained;
}

}  // namespace admitone::telemetry
