#include "telemetry/http_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <random>
#include <thread>

#include "base/ids.hpp"

namespace admitone::telemetry {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kMaxBody = 64 * 1024;
constexpr std::chrono::seconds kPatience{2};

// Takes the same time wherever the first difference is.
bool same_secret(std::string_view given, std::string_view secret) {
  if (secret.empty()) return false;
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

bool plain_id(const std::string& text) {
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

std::string fresh_id() {
  std::random_device random;
  base::Uuid id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x40U);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
  return id.str();
}

std::string verbose_text(const HealthReport& report) {
  std::string out;
  for (const HealthLine& line : report.lines) {
    out += (line.good ? "[+] " : "[-] ") + line.name + ": " + line.detail + '\n';
  }
  return out + (report.good ? "ok\n" : "failed\n");
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpOptions o, const Health& h, const Metrics& m)
      : options(std::move(o)), health(h), metrics(m) {}

  [[nodiscard]] bool may_read(const httplib::Request& request) const {
    constexpr std::string_view kBearer = "Bearer ";
    const std::string header = request.get_header_value("Authorization");
    if (!header.starts_with(kBearer)) return false;
    const std::string_view token = std::string_view(header).substr(kBearer.size());
    // Both are compared, whatever the first says.
    const bool admin = same_secret(token, options.admin_token);
    const bool reader = same_secret(token, options.reader_token);
    return admin || reader;
  }

  void serve_health(const char* path, HealthReport (Health::*read)() const) {
    server.Get(path, [this, read](const httplib::Request& request, httplib::Response& response) {
      const HealthReport report = (health.*read)();
      response.status = report.good ? 200 : 503;
      if (!request.has_param("verbose")) {
        response.set_content(report.good ? "ok\n" : "failed\n", "text/plain; charset=utf-8");
      } else if (may_read(request)) {
        response.set_content(verbose_text(report), "text/plain; charset=utf-8");
      } else {
        response.status = 401;
        response.set_header("WWW-Authenticate", "Bearer");
        response.set_content("verbose needs a token\n", "text/plain; charset=utf-8");
      }
    });
  }

  void routes() {
    serve_health("/livez", &Health::live);
    serve_health("/readyz", &Health::ready);
    serve_health("/startupz", &Health::startup);
    server.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server.set_post_routing_handler(
        [](const httplib::Request& request, httplib::Response& response) {
          const std::string given = request.get_header_value("X-Request-Id");
          response.set_header("X-Request-Id", plain_id(given) ? given : fresh_id());
          response.set_header("Cache-Control", "no-store");
        });
  }

  HttpOptions options;
  const Health& health;
  const Metrics& metrics;
  httplib::Server server;
  std::atomic<bool> bound{false};
  std::atomic<bool> running{false};
  std::atomic<bool> stopping{false};
};

HttpServer::HttpServer(HttpOptions options, const Health& health, const Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), health, metrics)) {
  auto& server = impl_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_keep_alive_timeout(1);
  server.set_read_timeout(kPatience);
  server.set_write_timeout(kPatience);
  server.set_payload_max_length(kMaxBody);
  // Without SO_REUSEPORT, httplib's default: a second listener on the port must be told so.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  impl_->routes();
}

HttpServer::~HttpServer() {
  stop();
}

base::Result<int> HttpServer::bind() {
  const std::string& listen = impl_->options.listen;
  const auto colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "0.0.0.0";
  int port = std::atoi(listen.c_str() + colon + 1);
  const bool any = port == 0;
  if (any) port = impl_->server.bind_to_any_port(host);
  if (any ? port < 0 : !impl_->server.bind_to_port(host, port)) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       "http.listen: cannot listen on " + listen +
                           "; choose a free port and an address of this machine"};
  }
  impl_->bound = true;
  return port;
}

void HttpServer::run() {
  impl_->running = true;
  if (!impl_->stopping) impl_->server.listen_after_bind();
  impl_->running = false;
}

void HttpServer::stop() {
  impl_->stopping = true;
  // `run` may be between its look at `stopping` and the accept loop; httplib ignores a stop then.
  while (impl_->running && !impl_->server.is_running()) std::this_thread::yield();
  impl_->server.stop();
}

}  // namespace admitone::telemetry
