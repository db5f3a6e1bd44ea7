#include "http/curl_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "http/exchange.hpp"
#include "http/rules.hpp"
#include "http/waiting.hpp"

namespace admitone::http {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestSleep{500};

// Once per process, and never undone.
void need_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  ADMITONE_ASSERT(code == CURLE_OK);
}

struct Incoming {
  std::string origin;
  Request request;
  Done done;
};

}  // namespace

struct CurlClient::Impl {
  Impl(const CurlOptions& o, const ports::Clock& c)
      : options(o),
        line{o.allow_insecure, o.ca_file, o.connect_limit, o.idle_limit, o.send_limit, &c},
        clock(c),
        waiting({o.max_connections, o.max_connections_per_origin}) {
    need_curl();
    multi.reset(curl_multi_init());
    ADMITONE_ASSERT(multi != nullptr);
    const auto most = static_cast<long>(o.max_connections);
    // What is idle counts, too; whom we start has a place, as an idle one makes room.
    set(CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    set(CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(o.max_connections_per_origin));
    set(CURLMOPT_MAXCONNECTS, most);
    set(CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }

  void set(CURLMoption option, long value) const {
    ADMITONE_ASSERT(curl_multi_setopt(multi.get(), option, value) == CURLM_OK);
  }

  // Anything but OK is our own mistake, or there is no memory.
  static void need(CURLMcode code) { ADMITONE_ASSERT(code == CURLM_OK); }
  void wake() const { need(curl_multi_wakeup(multi.get())); }

  void send(Request request, Done done);
  void refuse(Done done, Ending why);
  void post(Task task);
  void run(const std::stop_token& stop);

  void set_loop(std::thread::id id);
  void take_inbox();
  void admit(Incoming incoming);
  void start_waiting();
  // Was there one?
  bool give_up_late();
  bool collect();
  void sleep() const;
  void begin_closing();
  [[nodiscard]] bool closed() const;
  void cancel_all();
  bool inbox_is_empty();
  // Answers and forgets it.
  void finish(Exchange& exchange, Ending ending);
  void finish_all_but_started();
  void publish_load();

  struct Cleanup {
    void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
  };

  const CurlOptions options;
  const Line line;
  const ports::Clock& clock;
  std::unique_ptr<CURLM, Cleanup> multi;

  std::mutex mutex;
  std::vector<Incoming> incoming;
  std::vector<Task> tasks;
  std::size_t queued = 0;    // in `incoming`, or waiting for a connection
  std::size_t refusals = 0;  // in `tasks`
  std::condition_variable refusals_taken;
  std::thread::id loop;  // while it runs

  // The loop's own.
  Waiting waiting;
  std::map<std::uint64_t, std::unique_ptr<Exchange>> exchanges;
  std::set<std::pair<base::Instant, std::uint64_t>> deadlines;
  std::uint64_t next_number = 1;
  std::optional<base::Instant> closed_at;

  std::atomic<std::size_t> seen_waiting{0};
  std::atomic<std::size_t> seen_active{0};
  std::atomic<std::uint64_t> rounds{0};
};

void CurlClient::Impl::send(Request request, Done done) {
  const auto schemes = options.allow_insecure ? Schemes::https_and_http : Schemes::https_only;
  auto origin = check_request(request, schemes);
  if (!origin) return refuse(std::move(done), origin.error());
  {
    const std::scoped_lock lock(mutex);
    if (queued < options.max_waiting) {
      ++queued;
      incoming.push_back({std::move(*origin), std::move(request), std::move(done)});
      wake();
      return;
    }
  }
  refuse(std::move(done),
         Ending::nobody_asked({base::ErrorKind::retry_call, base::Effect::not_applied,
                               *origin + ": too many requests wait for a connection"}));
}

// Who is refused faster than the loop turns has to wait for a turn, or the list would grow without
// end; not for ever, as the turn may wait for something that its caller holds.
void CurlClient::Impl::refuse(Done done, Ending why) {
  std::unique_lock lock(mutex);
  if (loop != std::thread::id{} && loop != std::this_thread::get_id())
    refusals_taken.wait_for(lock, kLongestSleep, [this] { return refusals < options.max_waiting; });
  ++refusals;
  tasks.push_back([done = std::move(done), why = std::move(why)] { done(why); });
  wake();
}

void CurlClient::Impl::post(Task task) {
  const std::scoped_lock lock(mutex);
  tasks.push_back(std::move(task));
  wake();
}

void CurlClient::Impl::run(const std::stop_token& stop) {
  const std::stop_callback wake_up(stop, [this] { wake(); });
  set_loop(std::this_thread::get_id());
  while (true) {
    if (stop.stop_requested()) begin_closing();
    take_inbox();
    bool some_ended = give_up_late();
    start_waiting();
    // Once more, right before anything is sent: this process may have stood still in between.
    some_ended = give_up_late() || some_ended;
    int running = 0;
    need(curl_multi_perform(multi.get(), &running));
    some_ended = collect() || some_ended;
    publish_load();
    ++rounds;
    if (closed()) break;
    // Who ended made room, and was perhaps answered by who sends the next one.
    if (!some_ended) sleep();
  }
  cancel_all();
  set_loop({});
}

void CurlClient::Impl::set_loop(std::thread::id id) {
  const std::scoped_lock lock(mutex);
  loop = id;
}

void CurlClient::Impl::take_inbox() {
  std::vector<Incoming> requests;
  std::vector<Task> to_run;
  {
    const std::scoped_lock lock(mutex);
    requests.swap(incoming);
    to_run.swap(tasks);
    refusals = 0;
  }
  refusals_taken.notify_all();
  for (auto& request : requests) admit(std::move(request));
  for (const auto& task : to_run) task();
  if (closed_at) finish_all_but_started();
}

void CurlClient::Impl::admit(Incoming request) {
  const auto number = next_number++;
  auto exchange = std::make_unique<Exchange>(number, std::move(request.origin),
                                             std::move(request.request), std::move(request.done));
  waiting.add(exchange->origin(), number);
  deadlines.emplace(exchange->deadline(), number);
  exchanges.emplace(number, std::move(exchange));
}

void CurlClient::Impl::start_waiting() {
  const auto now = clock.steady();
  while (const auto number = waiting.start()) {
    auto& exchange = *exchanges.at(*number);
    {
      const std::scoped_lock lock(mutex);
      --queued;
    }
    deadlines.erase({exchange.deadline(), *number});
    exchange.has_place(now);
    deadlines.emplace(exchange.deadline(), *number);
    const auto left = std::chrono::ceil<milliseconds>(exchange.deadline() - now);
    need(curl_multi_add_handle(multi.get(), exchange.start(line, std::max(left, milliseconds{1}))));
  }
}

bool CurlClient::Impl::give_up_late() {
  const auto now = clock.steady();
  bool some = false;
  for (; !deadlines.empty() && deadlines.begin()->first <= now; some = true) {
    auto& exchange = *exchanges.at(deadlines.begin()->second);
    const auto kind = base::ErrorKind::retry_call;
    finish(exchange, exchange.started() ? exchange.given_up(kind, "no answer before the deadline")
                                        : Ending::nobody_asked(exchange.given_up(
                                              kind, "no free connection in time")));
  }
  return some;
}

bool CurlClient::Impl::collect() {
  bool some = false;
  int left = 0;
  while (const auto* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* self = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    auto& exchange = *reinterpret_cast<Exchange*>(self);
    finish(exchange, exchange.result(message->data.result));
    some = true;
  }
  return some;
}

void CurlClient::Impl::finish(Exchange& exchange, Ending ending) {
  if (exchange.started()) {
    need(curl_multi_remove_handle(multi.get(), exchange.handle()));
    waiting.end(exchange.origin());
  } else {
    waiting.remove(exchange.origin(), exchange.number());
    const std::scoped_lock lock(mutex);
    --queued;
  }
  deadlines.erase({exchange.deadline(), exchange.number()});
  const Done done = exchange.take_done();
  exchanges.erase(exchange.number());
  done(std::move(ending));
}

void CurlClient::Impl::sleep() const {
  const auto now = clock.steady();
  auto until = now + kLongestSleep;
  if (!deadlines.empty()) until = std::min(until, deadlines.begin()->first);
  if (closed_at) until = std::min(until, *closed_at);
  const auto wait = std::chrono::ceil<milliseconds>(std::max(until, now) - now);
  need(curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr));
}

void CurlClient::Impl::begin_closing() {
  if (!closed_at) closed_at = clock.steady() + options.close_limit;
}

bool CurlClient::Impl::closed() const {
  return closed_at && (exchanges.empty() || clock.steady() >= *closed_at);
}

void CurlClient::Impl::finish_all_but_started() {
  for (auto at = exchanges.begin(); at != exchanges.end();) {
    auto& exchange = *(at++)->second;
    if (!exchange.started())
      finish(exchange, exchange.given_up(base::ErrorKind::cancelled, "the client is closing"));
  }
}

void CurlClient::Impl::cancel_all() {
  closed_at = clock.steady();
  take_inbox();
  while (!exchanges.empty()) {
    auto& exchange = *exchanges.begin()->second;
    finish(exchange, exchange.given_up(base::ErrorKind::cancelled, "the client is closing"));
  }
  publish_load();
}

bool CurlClient::Impl::inbox_is_empty() {
  const std::scoped_lock lock(mutex);
  return incoming.empty() && tasks.empty();
}

void CurlClient::Impl::publish_load() {
  seen_active = waiting.active();
  seen_waiting = exchanges.size() - waiting.active();
}

base::Result<std::unique_ptr<CurlClient>> CurlClient::create(const CurlOptions& options,
                                                             const ports::Clock& clock) {
  ADMITONE_ASSERT(options.max_connections > 0 && options.max_connections_per_origin > 0);
  if (!options.ca_file.empty() && !std::ifstream(options.ca_file).good())
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "the CA file " + options.ca_file + " cannot be read"};
  return std::unique_ptr<CurlClient>(new CurlClient(std::make_unique<Impl>(options, clock)));
}

CurlClient::CurlClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

// Whoever is told that it is over may ask once more.
CurlClient::~CurlClient() {
  do impl_->cancel_all();
  while (!impl_->inbox_is_empty());
}

void CurlClient::send(Request request, Done done) {
  impl_->send(std::move(request), std::move(done));
}

void CurlClient::post(Task task) {
  impl_->post(std::move(task));
}

void CurlClient::run(const std::stop_token& stop) {
  impl_->run(stop);
}

CurlClient::Load CurlClient::load() const {
  return {impl_->seen_waiting, impl_->seen_active};
}

std::uint64_t CurlClient::rounds() const {
  return impl_->rounds;
}

}  // namespace admitone::http
