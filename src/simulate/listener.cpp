#include "simulate/listener.hpp"

#include <httplib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <thread>

#include "base/assert.hpp"

namespace admitone::simulate {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxBody = 1 << 20;
constexpr milliseconds kPatience{5'000};
constexpr milliseconds kIdle{60'000};
constexpr std::size_t kRequestsPerConnection = 1'000'000'000;
// httplib asks for 5, and a client that opens many connections at once would see them time out.
constexpr int kBacklog = 1024;

enum class Waited { over, stopped, gone };

// A connection as httplib reads and writes it. The library's own looks at an idle connection a
// hundred times a second, and has no way to end one without an answer.
class Connection final : public httplib::Stream {
 public:
  Connection(int socket, int wake) : socket_(socket), wake_(wake) {}

  // The plan of the answer that is being written.
  void plan(const Answer& answer) {
    lost_ = answer.lost;
    drip_bytes_ = answer.drip_bytes;
    drip_pause_ = answer.drip_pause;
    later_ = answer.later;
    later_in_ = answer.later_in;
  }
  [[nodiscard]] bool lost() const { return lost_; }

  bool await_request() { return begin_ < end_ || await(POLLIN, kIdle); }

  // For a time; `gone` when the client has closed before.
  Waited pause(milliseconds time) const { return wait(POLLRDHUP, time); }

  bool flush() {
    if (lost_) return false;
    const std::size_t step = drip_bytes_ == 0 ? out_.size() : drip_bytes_;
    for (std::size_t at = 0; at < out_.size(); at += step) {
      if (at > 0 && pause(drip_pause_) != Waited::over) return false;
      if (!send_all(std::string_view(out_).substr(at, step))) return false;
    }
    out_.clear();
    drip_bytes_ = 0;
    return true;
  }

  void finish() {
    ::shutdown(socket_, SHUT_RDWR);
    ::close(socket_);
    socket_ = -1;
    if (later_ && wait(0, later_in_) == Waited::over) later_();
  }

  bool is_readable() const override { return begin_ < end_ || await(POLLIN, kPatience); }
  bool is_writable() const override { return await(POLLOUT, kPatience); }
  ssize_t read(char* to, std::size_t size) override {
    if (begin_ == end_) {
      // "100 Continue" is what the client waits for now.
      if (!out_.empty() && !flush()) return -1;
      if (!await(POLLIN, kPatience)) return -1;
      const ssize_t got = ::recv(socket_, in_.data(), in_.size(), 0);
      if (got <= 0) return got;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    const std::size_t taken = std::min(size, end_ - begin_);
    std::copy_n(in_.data() + begin_, taken, to);
    begin_ += taken;
    return static_cast<ssize_t>(taken);
  }
  // Kept until the answer is complete: one packet instead of two.
  ssize_t write(const char* from, std::size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return socket_; }

 private:
  Waited wait(short events, milliseconds time) const {
    std::array<pollfd, 2> watched{pollfd{wake_, POLLIN, 0}, pollfd{socket_, events, 0}};
    // Without an event the socket is left out: its end would be told all the same.
    poll(watched.data(), events == 0 ? 1 : 2, static_cast<int>(time.count()));
    if (watched[0].revents != 0) return Waited::stopped;
    return watched[1].revents != 0 ? Waited::gone : Waited::over;
  }
  bool await(short events, milliseconds time) const { return wait(events, time) == Waited::gone; }

  bool send_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  int socket_;
  int wake_;
  std::array<char, 8192> in_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string out_;
  bool lost_ = false;
  std::size_t drip_bytes_ = 0;
  milliseconds drip_pause_{0};
  std::function<void()> later_;
  milliseconds later_in_{0};
};

// The connection whose request the handler of this thread is answering.
thread_local Connection* serving = nullptr;
// This thread closes the connection it is given.
thread_local bool refusing = false;

struct Counters {
  std::atomic<std::int64_t> open{0};
  std::atomic<std::int64_t> refused{0};
};

// As many threads as connections: one more would wait for an answer behind an idle one.
class Pool final : public httplib::TaskQueue {
 public:
  Pool(int threads, Counters& counters)
      : limit_(threads), counters_(counters), threads_(static_cast<std::size_t>(threads)) {}

  void enqueue(std::function<void()> serve) override {
    if (counters_.open >= limit_) {
      ++counters_.refused;
      refusing = true;
      serve();
      refusing = false;
      return;
    }
    ++counters_.open;
    threads_.enqueue([this, serve = std::move(serve)] {
      serve();
      --counters_.open;
    });
  }
  void shutdown() override { threads_.shutdown(); }

 private:
  std::int64_t limit_;
  Counters& counters_;
  httplib::ThreadPool threads_;
};

class Server final : public httplib::Server {
 public:
  explicit Server(int wake) : wake_(wake) {}
  void widen_backlog() { ::listen(svr_sock_, kBacklog); }

 private:
  bool process_and_close_socket(socket_t socket) override {
    if (refusing) {
      ::shutdown(socket, SHUT_RDWR);
      ::close(socket);
      return true;
    }
    Connection connection(socket, wake_);
    serving = &connection;
    while (connection.await_request()) {
      bool closed = false;
      const bool served = process_request(connection, false, closed, [](httplib::Request&) {});
      if (!connection.flush() || !served || closed) break;
    }
    serving = nullptr;
    connection.finish();
    return true;
  }

  int wake_;
};

Request taken(const httplib::Request& request) {
  Request out;
  out.method = request.method;
  out.path = request.path;
  for (const auto& [name, value] : request.params) out.query.emplace(name, value);
  out.authorization = request.get_header_value("Authorization");
  out.tenant = request.get_header_value("X-Tenant-ID");
  out.idempotency_key = request.get_header_value("Idempotency-Key");
  out.body = request.body;
  return out;
}

}  // namespace

struct Listener::Impl {
  Impl(Options o, Handler h)
      : options(std::move(o)), handler(std::move(h)), wake(eventfd(0, EFD_CLOEXEC)), server(wake) {
    ADMITONE_ASSERT(wake >= 0);
    server.new_task_queue = [this] { return new Pool(options.connections, counters); };
    server.set_payload_max_length(kMaxBody);
    // What the header Keep-Alive promises.
    server.set_keep_alive_timeout(kIdle.count() / 1'000);
    server.set_keep_alive_max_count(kRequestsPerConnection);
    server.set_read_timeout(kPatience);
    server.set_write_timeout(kPatience);
    server.set_tcp_nodelay(true);
    // Without SO_REUSEPORT, httplib's default: a second listener on the port must be told so.
    server.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    const auto serve = [this](const httplib::Request& request, httplib::Response& response) {
      answer(taken(request), response);
    };
    server.Get(".*", serve);
    server.Post(".*", serve);
    server.Put(".*", serve);
    server.Delete(".*", serve);
  }
  ~Impl() { ::close(wake); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void answer(const Request& request, httplib::Response& response) const {
    Answer given = handler(request);
    if (given.wait.count() > 0 && serving->pause(given.wait) == Waited::stopped) given.lost = true;
    serving->plan(given);
    response.status = given.status;
    for (const auto& [name, value] : given.headers) response.set_header(name, value);
    if (!given.body.empty()) response.set_content(given.body, given.type);
  }

  Options options;
  Handler handler;
  int wake;
  Counters counters;
  Server server;
  std::atomic<bool> running{false};
  std::atomic<bool> stopping{false};
};

Listener::Listener(Options options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

Listener::~Listener() {
  stop();
}

base::Result<int> Listener::bind() {
  const std::string& listen = impl_->options.listen;
  const auto colon = listen.rfind(':');
  const std::string host = colon == std::string::npos ? "" : listen.substr(0, colon);
  int port = -1;
  if (colon != std::string::npos) {
    std::from_chars(listen.data() + colon + 1, listen.data() + listen.size(), port);
  }
  const bool any = port == 0;
  if (any) port = impl_->server.bind_to_any_port(host);
  if (host.empty() || port < 0 || port > 65'535 ||
      (!any && !impl_->server.bind_to_port(host, port))) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "cannot listen on '" + listen +
                           "'; give HOST:PORT with a free port and an address of this machine"};
  }
  impl_->server.widen_backlog();
  return port;
}

void Listener::run() {
  impl_->running = true;
  if (!impl_->stopping) impl_->server.listen_after_bind();
  impl_->running = false;
}

void Listener::stop() {
  impl_->stopping = true;
  const std::uint64_t one = 1;
  ADMITONE_ASSERT(::write(impl_->wake, &one, sizeof one) == sizeof one);
  // `run` may be between its look at `stopping` and the accept loop; httplib ignores a stop then.
  while (impl_->running && !impl_->server.is_running()) std::this_thread::yield();
  impl_->server.stop();
}

Traffic Listener::traffic() const {
  return {impl_->counters.open, impl_->counters.refused};
}

}  // namespace admitone::simulate
