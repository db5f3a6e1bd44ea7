#include "telemetry/http_server.hpp"

#include <fcntl.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <mutex>
#include <random>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "telemetry/http_door.hpp"

namespace admitone::telemetry {
namespace {

// httplib asks for 5.
constexpr int kBacklog = 128;
// What the listener looks at. With Accept-Encoding or Range the library would compress, and repeat,
// for whoever asks.
constexpr std::array kHeaders{"Authorization", "Content-Type", "Idempotency-Key",
                              "X-Idempotency-Key", "X-Request-Id"};

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

// Taken from the request, or made; the same wherever it is asked for.
std::string request_id(const httplib::Request& request, httplib::Response& response) {
  if (response.has_header("X-Request-Id")) return response.get_header_value("X-Request-Id");
  const std::string given = request.get_header_value("X-Request-Id");
  std::string id = plain_id(given) ? given : fresh_id();
  response.set_header("X-Request-Id", id);
  return id;
}

bool is_of_api(const std::string& path) {
  return path == "/api" || path.starts_with("/api/");
}

void put(httplib::Response& response, const ApiAnswer& answer) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  response.set_content(answer.body, answer.content_type);
}

// A first line to read, and the answer as it is written.
class Text final : public httplib::Stream {
 public:
  explicit Text(std::string in) : in_(std::move(in)) {}
  std::string take() { return std::move(out_); }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const auto taken = in_.copy(to, size, at_);
    at_ += taken;
    return static_cast<ssize_t>(taken);
  }
  ssize_t write(const char* from, std::size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  const std::string in_;
  std::size_t at_ = 0;
  std::string out_;
};

// The library as what it is trusted with: addresses, queries, answers. Connections, and where a
// request ends, are the door's; headers and body are given to it as they came.
class Server final : public httplib::Server {
 public:
  ~Server() override { close_socket(); }

  std::string answer(const std::string& start, const std::function<void(httplib::Request&)>& fill) {
    Text text(start + "\r\n\r\n");
    bool closed = false;
    process_request(text, true, closed, fill);
    return text.take();
  }
  // Who takes it closes it.
  int take_socket() {
    const int socket = svr_sock_.exchange(INVALID_SOCKET);
    ::listen(socket, kBacklog);
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
    return socket;
  }
  void close_socket() {
    const int socket = svr_sock_.exchange(INVALID_SOCKET);
    if (socket != INVALID_SOCKET) ::close(socket);
  }
};

// What this thread is answering.
thread_local const DoorRequest* serving = nullptr;

}  // namespace

struct HttpServer::Impl {
  Impl(HttpOptions o, const Health& h, const Metrics& m, const ports::Clock& clock, HttpApi* a)
      : options(std::move(o)), health(h), metrics(m) {
    if (!options.admin_token.empty() || !options.reader_token.empty()) api = a;
    DoorOptions entry;
    entry.calls = api == nullptr ? 0 : options.api_calls;
    entry.connections = options.connections;
    entry.is_call = [this](const HttpFrame& frame) {
      // As it is written in the request; decoded it is looked at again.
      return api != nullptr && frame.start.find(" /api") != std::string::npos;
    };
    entry.answer = [this](const DoorRequest& request) { return answer(request); };
    door = std::make_unique<HttpDoor>(std::move(entry), clock);
  }

  std::string answer(const DoorRequest& asked) {
    serving = &asked;
    const bool is_readable = !asked.frame.start.empty();
    auto out = server.answer(
        is_readable ? asked.frame.start : "GET / HTTP/1.1", [&asked](httplib::Request& request) {
          request.headers.clear();
          for (const auto& [name, value] : asked.frame.headers) {
            const bool known = std::ranges::any_of(
                kHeaders, [&](const char* one) { return same_name(one, name); });
            if (known) request.headers.emplace(name, value);
          }
          request.body = asked.body;
        });
    serving = nullptr;
    return out;
  }

  [[nodiscard]] Access access(const httplib::Request& request) const {
    constexpr std::string_view kBearer = "Bearer ";
    const std::string header = request.get_header_value("Authorization");
    if (!header.starts_with(kBearer)) return Access::none;
    const std::string_view token = std::string_view(header).substr(kBearer.size());
    const std::scoped_lock lock(tokens);
    // Both are compared, whatever the first says.
    const bool admin = same_secret(token, options.admin_token);
    const bool reader = same_secret(token, options.reader_token);
    if (admin) return Access::admin;
    return reader ? Access::reader : Access::none;
  }

  void answer_api(const httplib::Request& request, httplib::Response& response) {
    const std::string id = request_id(request, response);
    const int refused = serving->frame.refused;
    if (refused != 0) return put(response, api->refusal(refused, id));
    // An address that hides what it is would wait where nobody may.
    if (!serving->is_call) return put(response, api->refusal(404, id));
    ApiRequest asked;
    asked.method = request.method == "HEAD" ? "GET" : request.method;
    asked.path = request.path;
    for (const auto& [name, value] : request.params) asked.query.emplace_back(name, value);
    asked.content_type = request.get_header_value("Content-Type");
    asked.body = request.body;
    asked.request_id = id;
    asked.access = access(request);
    for (const char* name : {"Idempotency-Key", "X-Idempotency-Key"}) {
      for (std::size_t i = 0; i < request.get_header_value_count(name); ++i) {
        asked.idempotency_keys.push_back(request.get_header_value(name, i));
      }
    }
    put(response, api->answer(asked));
  }

  // Of the API always, of the rest where it did not go well; probes come every second.
  void log(const httplib::Request& request, const httplib::Response& response) const {
    const bool said = is_of_api(request.path) || response.status >= 400;
    const bool is_readable = !serving->frame.start.empty();
    logger->log(said ? spdlog::level::info : spdlog::level::debug, "{} {} answered {}{}",
                base::field(is_readable ? request.method : "something"),
                base::field(is_readable ? request.path : "unreadable"), response.status,
                base::Fields{.request = response.get_header_value("X-Request-Id")});
  }

  void answer_health(const HealthReport& report, const httplib::Request& request,
                     httplib::Response& response) const {
    constexpr const char* kText = "text/plain; charset=utf-8";
    response.status = report.good ? 200 : 503;
    if (!request.has_param("verbose")) {
      response.set_content(report.good ? "ok\n" : "failed\n", kText);
    } else if (access(request) != Access::none) {
      response.set_content(verbose_text(report), kText);
    } else {
      response.status = 401;
      response.set_header("WWW-Authenticate", "Bearer");
      response.set_content("verbose needs a token\n", kText);
    }
  }

  void answer_plain(const httplib::Request& request, httplib::Response& response) const {
    if (request.path == "/livez") return answer_health(health.live(), request, response);
    if (request.path == "/readyz") return answer_health(health.ready(), request, response);
    if (request.path == "/startupz") return answer_health(health.startup(), request, response);
    if (request.path == "/metrics") {
      response.status = 200;
      return response.set_content(metrics.text(), "text/plain; version=0.0.4; charset=utf-8");
    }
    response.status = 404;
  }

  void answer_any(const httplib::Request& request, httplib::Response& response) {
    const int refused = serving->frame.refused;
    if (api != nullptr && is_of_api(request.path)) return answer_api(request, response);
    if (refused != 0) {
      response.status = refused;
    } else if (request.method != "GET" && request.method != "HEAD") {
      response.status = 405;
      response.set_header("Allow", "GET, HEAD");
    } else {
      answer_plain(request, response);
    }
  }

  void routes() {
    // Before the library would read a body, or look at its own routes by regular expressions.
    server.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          answer_any(request, response);
          return httplib::Server::HandlerResponse::Handled;
        });
    // What the library has refused: an address that cannot be read.
    server.set_error_handler(httplib::Server::Handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          if (api == nullptr || !is_of_api(request.path) || !response.body.empty()) return;
          put(response, api->refusal(response.status, request_id(request, response)));
        }));
    // Its own would tell what was thrown.
    server.set_exception_handler([](const httplib::Request&, httplib::Response& response,
                                    const std::exception_ptr&) { response.status = 500; });
    server.set_post_routing_handler(
        [](const httplib::Request& request, httplib::Response& response) {
          request_id(request, response);
          response.set_header("Cache-Control", "no-store");
        });
    server.set_logger([this](const httplib::Request& request, const httplib::Response& response) {
      log(request, response);
    });
  }

  HttpOptions options;
  mutable std::mutex tokens;  // of `options`
  const Health& health;
  const Metrics& metrics;
  HttpApi* api = nullptr;  // null: there is none
  const std::shared_ptr<spdlog::logger> logger = base::logger("telemetry");
  Server server;
  std::unique_ptr<HttpDoor> door;
};

HttpServer::HttpServer(HttpOptions options, const Health& health, const Metrics& metrics,
                       const ports::Clock& clock, HttpApi* api)
    : impl_(std::make_unique<Impl>(std::move(options), health, metrics, clock, api)) {
  // Without SO_REUSEPORT, httplib's default: a second listener on the port must be told so.
  impl_->server.set_socket_options([](socket_t socket) {
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
  return port;
}

void HttpServer::set_admin_token(std::string token) {
  const std::scoped_lock lock(impl_->tokens);
  impl_->options.admin_token = std::move(token);
}

void HttpServer::set_reader_token(std::string token) {
  const std::scoped_lock lock(impl_->tokens);
  impl_->options.reader_token = std::move(token);
}

void HttpServer::run() {
  impl_->door->run(impl_->server.take_socket());
}

void HttpServer::stop() {
  impl_->door->stop();
}

}  // namespace admitone::telemetry
