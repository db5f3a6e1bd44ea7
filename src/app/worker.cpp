#include "app/worker.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <ostream>
#include <random>
#include <thread>
#include <vector>

#include "app/api/service.hpp"
#include "app/api/token.hpp"
#include "app/database_probe.hpp"
#include "app/deadline.hpp"
#include "app/duration.hpp"
#include "app/fast_path.hpp"
#include "app/heap.hpp"
#include "app/lane_report.hpp"
#include "app/logging.hpp"
#include "app/login_token.hpp"
#include "app/outside.hpp"
#include "app/secret_file.hpp"
#include "app/startup.hpp"
#include "app/system_clock.hpp"
#include "app/upkeep.hpp"
#include "app/verb.hpp"
#include "app/wiring.hpp"
#include "base/log.hpp"
#include "kafka/credentials.hpp"
#include "kafka/plain_publisher.hpp"
#include "kafka/sender.hpp"
#include "kafka/traffic.hpp"
#include "pipeline/engine.hpp"
#include "postgres/lane_store.hpp"
#include "telemetry/http_server.hpp"

namespace admitone::app {
namespace {

using namespace std::chrono_literals;
using telemetry::Condition;

constexpr std::chrono::milliseconds kPollBudget = 100ms;
constexpr std::chrono::milliseconds kGlance = 100ms;
constexpr std::chrono::milliseconds kShowEvery = 1s;
constexpr std::chrono::milliseconds kStuckAfter = 60s;
// From a fatal error to the end of the process (law L19: 10 s).
constexpr std::chrono::milliseconds kFatalGrace = 8s;

std::string random_id() {
  std::random_device random;
  base::Uuid id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
  return id.str();
}

std::uint64_t random_number() {
  std::random_device random;
  return std::uniform_int_distribution<std::uint64_t>()(random);
}

// A loop that has not turned for so long is stuck: longer than any bounded step of it, so that no
// service which hangs makes it look so. The longest is a unit of work whose COMMIT is not answered:
// it is asked about for in_doubt_limit, the last question takes its own time, and what else there
// is to do in that round finds out with one more each that nobody answers.
std::chrono::milliseconds stuck_after(const postgres::LaneStoreOptions& database) {
  return std::max(kStuckAfter, database.in_doubt_limit + 3 * database.connection.answer_limit +
                                   3 * database.connection.connect_timeout);
}

[[noreturn]] void refuse(const base::Error& error) {
  throw VerbError(kFailed, error.message);
}

template <class T>
T need(base::Result<T> result) {
  if (!result) refuse(result.error());
  return std::move(*result);
}

void need(const base::Status& status) {
  if (!status) refuse(status.error());
}

class Worker {
 public:
  Worker(const Settings& settings, const WorkerIo& io, const Deployment& deployment)
      : settings_(settings),
        io_(io),
        metrics_(ADMITONE_VERSION),
        health_(clock_),
        lane_report_(health_, io.out) {
    fast_path_ = FastPath::create(settings, deployment.forward_secret, clock_, metrics_);
    outside_ = need(
        Outside::create(settings, clock_, metrics_, fast_path_ ? &fast_path_->venues() : nullptr));
    make_kafka(deployment);
    make_database();
    engine_ = std::make_unique<pipeline::Engine>(
        engine_options(settings, deployment),
        pipeline::Engine::World{.stores = pipeline_stores(),
                                .publisher_store = *publisher_store_,
                                .source = *consumer_,
                                .log = *outcome_log_,
                                .sender = *sender_,
                                .meters = metrics_,
                                .clock = clock_,
                                .services = outside_ ? outside_->services() : saga::Services{},
                                .random = random_number,
                                .hints = fast_path_ ? &fast_path_->hints() : nullptr});
    health_.report("schema", Condition::ok, "current");
  }

  ~Worker() {
    deadline_.arm(kFatalGrace, "did not end in time");
    stop_threads();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int run();

 private:
  void make_kafka(const Deployment& deployment);
  void make_database();
  [[nodiscard]] postgres::LaneStoreOptions store_options(const std::string& purpose);
  std::vector<ports::LaneStore*> pipeline_stores() const;
  void start_http();
  void watch_tokens(const std::string& admin, const std::string& reader);
  void start_threads();
  void poll(const std::stop_token& stop);
  void glance();
  void watch_loops();
  [[nodiscard]] std::optional<std::string> fatal() const;
  bool drain();
  void stop_threads();

  // First, so that it also watches over the end of everything below.
  Deadline deadline_;
  const Settings& settings_;
  const WorkerIo& io_;
  const std::shared_ptr<spdlog::logger> log_ = base::logger("app");
  SystemClock clock_;
  telemetry::Metrics metrics_;
  telemetry::Health health_;
  LaneReport lane_report_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> close_limit_ms_{0};

  std::unique_ptr<Outside> outside_;  // null: no service outside is named
  // Null: no Redis is. Behind the other, for what is still asked here is answered there.
  std::unique_ptr<FastPath> fast_path_;
  SecretWatch secrets_;
  kafka::Traffic kafka_traffic_;
  const std::shared_ptr<kafka::Credentials> kafka_login_ = std::make_shared<kafka::Credentials>();
  kafka::Watchdog kafka_watchdog_{clock_};
  postgres::Patience patience_{clock_};
  std::shared_ptr<kafka::Probe> probe_;
  std::unique_ptr<kafka::Consumer> consumer_;
  std::unique_ptr<ports::OutcomeLog> outcome_log_;
  std::unique_ptr<kafka::Sender> sender_;
  postgres::FilterShelf filters_;
  std::deque<postgres::LaneStore> stores_;
  std::unique_ptr<postgres::LaneStore> publisher_store_;
  std::unique_ptr<DatabaseProbe> database_probe_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<pipeline::Engine> engine_;
  std::unique_ptr<ApiService> api_;  // null: off
  std::unique_ptr<telemetry::HttpServer> http_;

  std::vector<std::uint64_t> rounds_;
  std::vector<telemetry::Heartbeat*> loops_;
  telemetry::Heartbeat* poll_beat_ = nullptr;
  mutable std::mutex failure_mutex_;
  std::condition_variable pause_;
  std::optional<std::string> failure_;
  base::Instant next_show_{};

  std::jthread poll_thread_;
  std::jthread fetch_thread_;
  std::jthread publisher_thread_;
  std::vector<std::jthread> pipeline_threads_;
  std::jthread probe_thread_;
  std::jthread upkeep_thread_;
  std::jthread http_thread_;
};

void Worker::make_kafka(const Deployment& deployment) {
  const kafka::TopicNames names(deployment.topic_ids);
  auto client = need(kafka_client(settings_, "worker"));
  client.traffic = &kafka_traffic_;
  client.security.credentials = kafka_login_;
  if (const auto file = settings_.secret_files.find("kafka.sasl_password");
      file != settings_.secret_files.end()) {
    secrets_.add(file->second, settings_.kafka.sasl_password, [this](const std::string& password) {
      kafka_login_->renew(settings_.kafka.sasl_username, password);
      return base::Status{};
    });
  }
  // Before any client reads it: what is written since then is found by the looks.
  watch_login_token(secrets_, settings_.kafka.oauth_token_file, clock_,
                    [this](const kafka::Token& token) { return kafka_login_->renew(token); });
  probe_ = need(kafka::Probe::create(client, settings_.kafka.group_id));
  consumer_ =
      need(kafka::Consumer::create(client, consumer_settings(settings_, names), probe_, clock_));
  const auto publishing =
      publisher_settings(settings_, names, settings_.kafka.group_id + "-" + random_id());
  if (settings_.publish.mode == PublishMode::exactly_once) {
    outcome_log_ = need(kafka::Publisher::create(
        client, publishing, [this] { return consumer_->group_metadata(); }, probe_, kafka_watchdog_,
        clock_));
  } else {
    kafka::PlainPublisherSettings plain{publishing.group_id, publishing.topics, names};
    plain.delivery_limit = publishing.delivery_limit;
    outcome_log_ = need(kafka::PlainPublisher::create(
        client, plain, [this](auto marks, auto limit) { return consumer_->commit(marks, limit); },
        probe_, kafka_watchdog_, clock_));
  }
  sender_ = std::make_unique<kafka::Sender>(client, output_topics(settings_),
                                            settings_.kafka.delivery_timeout, clock_);
  need(sender_->open());
}

postgres::LaneStoreOptions Worker::store_options(const std::string& purpose) {
  postgres::LaneStoreOptions out;
  out.connection = connection_settings(settings_, settings_.database.url, purpose);
  out.connection.patience = &patience_;
  out.stopping = [this] { return stopping_.load(); };
  out.meters = &metrics_;
  out.filters = &filters_;
  return out;
}

void Worker::make_database() {
  for (std::int64_t i = 0; i < settings_.worker.pipelines; ++i) {
    stores_.emplace_back(store_options("pipeline " + std::to_string(i)), clock_);
  }
  publisher_store_ = std::make_unique<postgres::LaneStore>(store_options("publisher"), clock_);
  database_probe_ = std::make_unique<DatabaseProbe>(ask_database(settings_, clock_, patience_),
                                                    clock_, metrics_, health_);
  upkeep_ = std::make_unique<Upkeep>(settings_, clock_, metrics_, secrets_, patience_, filters_);
}

std::vector<ports::LaneStore*> Worker::pipeline_stores() const {
  std::vector<ports::LaneStore*> out;
  for (const auto& store : stores_) out.push_back(const_cast<postgres::LaneStore*>(&store));
  return out;
}

void Worker::start_http() {
  if (settings_.http.listen.empty()) return;
  telemetry::HttpOptions options{
      settings_.http.listen,
      need(read_token("http.admin_token_file", settings_.http.admin_token_file)),
      need(read_token("http.reader_token_file", settings_.http.reader_token_file))};
  watch_tokens(options.admin_token, options.reader_token);
  const bool has_token = !options.admin_token.empty() || !options.reader_token.empty();
  if (has_token && settings_.database.reader_url.empty()) {
    log_->warn("the HTTP API is off: database.reader_url is not set");
  } else if (has_token) {
    api_ = std::make_unique<ApiService>(settings_, options.admin_token, clock_);
  }
  http_ = std::make_unique<telemetry::HttpServer>(std::move(options), health_, metrics_, clock_,
                                                  api_ ? &api_->api() : nullptr);
  const int port = need(http_->bind());
  log_->info("health and metrics{} on {} (port {})", api_ ? ", and the API," : "",
             settings_.http.listen, port);
  http_thread_ = std::jthread([this] { http_->run(); });
}

// Looked at when the listener is there.
void Worker::watch_tokens(const std::string& admin, const std::string& reader) {
  const auto watch = [this](const char* setting, const std::string& path,
                            const std::string& current, auto use) {
    secrets_.add(path, current, [setting, path, use](const std::string& token) {
      auto checked = check_token(setting, path, token);
      if (checked) use(token);
      return checked;
    });
  };
  watch("http.admin_token_file", settings_.http.admin_token_file, admin,
        [this](const std::string& token) {
          http_->set_admin_token(token);
          if (api_) api_->api().set_secret(token);
        });
  watch("http.reader_token_file", settings_.http.reader_token_file, reader,
        [this](const std::string& token) { http_->set_reader_token(token); });
}

// For `top -H`; Linux takes 15 characters.
void name(std::jthread& thread, const std::string& text) {
  pthread_setname_np(thread.native_handle(), text.substr(0, 15).c_str());
}

void Worker::start_threads() {
  // In the order of Engine::rounds: the publisher, then the pipelines.
  const auto limit = stuck_after(store_options(""));
  loops_.push_back(&health_.loop("publisher", limit));
  for (std::size_t i = 0; i < engine_->pipelines(); ++i) {
    loops_.push_back(&health_.loop("pipeline " + std::to_string(i), limit));
  }
  poll_beat_ = &health_.loop("poll", kStuckAfter);
  if (outside_) outside_->start(health_);
  if (fast_path_) fast_path_->start(health_);
  publisher_thread_ =
      std::jthread([this](const std::stop_token& stop) { engine_->run_publisher(stop); });
  name(publisher_thread_, "publisher");
  for (std::size_t i = 0; i < engine_->pipelines(); ++i) {
    pipeline_threads_.emplace_back(
        [this, i](const std::stop_token& stop) { engine_->run_pipeline(i, stop); });
    name(pipeline_threads_.back(), "pipeline " + std::to_string(i));
  }
  probe_thread_ = std::jthread([this](const std::stop_token& stop) { database_probe_->run(stop); });
  name(probe_thread_, "database probe");
  upkeep_thread_ = std::jthread([this](const std::stop_token& stop) { upkeep_->run(stop); });
  name(upkeep_thread_, "upkeep");
  need(consumer_->subscribe(*engine_));
  poll_thread_ = std::jthread([this](const std::stop_token& stop) { poll(stop); });
  name(poll_thread_, "poll");
  fetch_thread_ =
      std::jthread([this](const std::stop_token& stop) { consumer_->keep_fetching(stop); });
  name(fetch_thread_, "fetch");
}

void Worker::poll(const std::stop_token& stop) {
  try {
    while (!stop.stop_requested()) {
      consumer_->poll(kPollBudget);
      poll_beat_->beat();
    }
    poll_beat_->finish();
    consumer_->close(std::chrono::milliseconds{close_limit_ms_.load()});
  } catch (const std::exception& error) {
    const std::scoped_lock lock(failure_mutex_);
    failure_ = std::string("the poll thread ended: ") + error.what();
  }
}

std::optional<std::string> Worker::fatal() const {
  if (const auto of_engine = engine_->fatal_error()) return of_engine;
  const std::scoped_lock lock(failure_mutex_);
  return failure_;
}

void Worker::watch_loops() {
  const auto rounds = engine_->rounds();
  rounds_.resize(rounds.size());
  for (std::size_t i = 0; i < rounds.size() && i < loops_.size(); ++i) {
    if (rounds[i] != rounds_[i]) loops_[i]->beat();
  }
  rounds_ = rounds;
}

// One look at everything, ten times a second.
void Worker::glance() {
  kafka_watchdog_.check();
  patience_.check();
  lane_report_.look(engine_->standing());
  kafka_traffic_.take([this](std::string_view kind, std::int64_t requests) {
    metrics_.add(ports::Counter::kafka_requests, kind, static_cast<double>(requests));
  });
  const auto now = clock_.steady();
  if (now < next_show_) return;
  next_show_ = now + kShowEvery;
  watch_loops();
  engine_->show(metrics_);
  if (outside_) outside_->look();
  if (fast_path_) fast_path_->look();
  show_heap(metrics_);
  if (const auto dropped = dropped_log_lines(); dropped > 0) {
    log_->warn("{} log lines were dropped, as stderr was read too slowly", dropped);
  }
}

// True: everything durable is published, and the group knows.
bool Worker::drain() {
  const auto grace = settings_.shutdown.grace;
  const auto until = clock_.steady() + grace * 6 / 10;
  deadline_.arm(grace - 500ms, "did not end within shutdown.grace " + format_duration(grace) +
                                   "; what is left is done by the next owner");
  log_->info("draining, for at most {}", format_duration(grace));
  health_.draining();
  if (api_) api_->api().stop();
  engine_->drain(until + grace / 10);
  bool drained = engine_->drained();
  while (!drained && !fatal() && clock_.steady() < until) {
    {
      std::unique_lock lock(failure_mutex_);
      pause_.wait_for(lock, 20ms);  // nobody calls: the engine is asked again and again
    }
    glance();
    drained = engine_->drained();
  }
  close_limit_ms_ = std::chrono::milliseconds{grace * 2 / 10}.count();
  return drained;
}

// The poll thread first: leaving the group needs the publisher and the pipelines.
void Worker::stop_threads() {
  stopping_ = true;
  if (api_) api_->api().stop();
  fetch_thread_.request_stop();
  poll_thread_.request_stop();
  if (poll_thread_.joinable()) poll_thread_.join();
  publisher_thread_.request_stop();
  for (auto& thread : pipeline_threads_) thread.request_stop();
  probe_thread_.request_stop();
  upkeep_thread_.request_stop();
  if (publisher_thread_.joinable()) publisher_thread_.join();
  pipeline_threads_.clear();  // joins
  // Nobody asks any more. What is under way is given up: the journals know what to look up.
  if (outside_) outside_->stop();
  if (fast_path_) fast_path_->stop();
  if (probe_thread_.joinable()) probe_thread_.join();
  if (upkeep_thread_.joinable()) upkeep_thread_.join();
  if (fetch_thread_.joinable()) fetch_thread_.join();
  if (http_) http_->stop();
}

int Worker::run() {
  start_http();
  start_threads();
  while (!io_.wait(kGlance)) {
    if (const auto why = fatal()) {
      log_->critical("{}", *why);
      deadline_.arm(kFatalGrace, *why);
      close_limit_ms_ = 2000;
      health_.draining();
      stop_threads();
      throw VerbError(kFailed, *why);
    }
    glance();
  }
  const bool drained = drain();
  stop_threads();
  if (!drained) {
    throw VerbError(kFailed, "stopped before everything was published; the next owner does it");
  }
  log_->info("stopped; everything durable is published");
  // A client of a dead broker may take longer to close than anybody wants to wait.
  deadline_.done();
  return kOk;
}

}  // namespace

int run_worker(const Settings& settings, const WorkerIo& io) {
  const auto log = base::logger("app");
  log->info("admitone {} starts, group {}", ADMITONE_VERSION, settings.kafka.group_id);
  const StartUp start = check_start(settings, io.wait);
  if (start.interrupted) {
    throw VerbError(kInterrupted, "stopped before it had started; nothing was read or changed");
  }
  for (const auto& line : start.warnings) log->warn("{}", line);
  if (!start.problems.empty()) {
    std::string lines;
    for (const auto& line : start.problems) lines += (lines.empty() ? "" : "\nadmitone: ") + line;
    throw VerbError(kFailed, lines);
  }
  for (const auto& problem : insecure_settings(settings)) log->warn("{}", problem.line());
  return Worker(settings, io, start.deployment).run();
}

}  // namespace admitone::app
