#include "app/verbs/simulate.hpp"

#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "app/duration.hpp"
#include "app/signals.hpp"

namespace admitone::app {
namespace {

constexpr std::chrono::milliseconds kLookAround{200};
constexpr std::chrono::hours kLongest{1};

using Listeners = std::vector<std::unique_ptr<simulate::Listener>>;

std::string host_of(const std::string& listen) {
  return listen.substr(0, listen.rfind(':'));
}

// The number behind the last colon; -1 when there is none.
int port_of(const std::string& listen) {
  const auto colon = listen.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* end = listen.data() + listen.size();
    const auto read = std::from_chars(listen.data() + colon + 1, end, port);
    if (read.ec != std::errc{} || read.ptr != end) port = -1;
  }
  return port;
}

void say_ready(Context& context, const std::vector<std::string>& urls) {
  if (context.format == OutputFormat::table) {
    context.out << "ready";
    for (const auto& url : urls) context.out << ' ' << url;
  } else {
    context.out << Json{{"ready", urls.front()}, {"urls", urls}}.dump();
  }
  context.out << '\n' << std::flush;
}

// Once, or the benchmark that caused it would not see it.
void warn_of_refused(Context& context, const Listeners& listeners, bool& warned) {
  for (const auto& listener : listeners) {
    if (warned || listener->traffic().refused == 0) continue;
    warned = true;
    context.err << "admitone: more clients than --connections; the others are turned away\n";
  }
}

}  // namespace

void SimulateOptions::declare(CLI::App& app) {
  app.add_option("--listen", listen, "HOST:PORT; port 0 takes a free one");
  app.add_option("--state", state, "File that everything is kept in, across restarts")->required();
  app.add_flag("--reset", reset, "Begin anew: what the file has is removed");
  app.add_option("--faults", faults, "Fault script, by schemas/simulate/faults.schema.json");
  app.add_option("--latency", latency, "How long each answer takes at least, such as 20ms");
  app.add_option("--connections", connections,
                 "Connections at once for each port, a thread each; more are turned away")
      ->check(CLI::Range(1, 4'096));
}

simulate::Script SimulateOptions::script(simulate::World world) const {
  if (faults.empty()) return {};
  auto parsed = simulate::parse_script(read_whole_file(faults), world);
  if (const auto* error = std::get_if<simulate::ScriptError>(&parsed)) {
    const std::string place = error->pointer.empty() ? "" : error->pointer + ": ";
    throw VerbError(kFailed, faults + ": " + place + error->message);
  }
  return std::move(std::get<simulate::Script>(parsed));
}

void say_in_help(CLI::App& app, const std::string& text) {
  app.footer(text + "\n\n" + app.get_footer());
}

std::string read_whole_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw VerbError(kFailed, "cannot read " + path);
  return text;
}

std::chrono::milliseconds duration_of(const std::string& flag, const std::string& text) {
  const auto parsed = parse_duration(text);
  if (!parsed || *parsed > kLongest) {
    throw VerbError(kUsage, flag + " wants a duration up to 1h, such as 20ms, not '" + text + "'");
  }
  return *parsed;
}

std::string address_after(const std::string& listen, int ports) {
  const int port = port_of(listen);
  if (port <= 0) return listen;
  return host_of(listen) + ':' + std::to_string(port + ports);
}

int serve_until_signal(Context& context, const std::vector<Port>& ports, int connections) {
  Listeners listeners;
  std::vector<std::string> urls;
  for (const Port& port : ports) {
    auto& listener = listeners.emplace_back(std::make_unique<simulate::Listener>(
        simulate::Listener::Options{port.listen, connections}, port.handler));
    const auto bound = listener->bind();
    if (!bound) throw VerbError(kFailed, bound.error().message);
    urls.push_back("http://" + host_of(port.listen) + ':' + std::to_string(*bound));
  }
  std::vector<std::jthread> threads;
  for (const auto& listener : listeners) threads.emplace_back([&listener] { listener->run(); });
  say_ready(context, urls);
  bool warned = false;
  while (!context.interrupted()) {
    wait_for_signal(kLookAround);
    warn_of_refused(context, listeners, warned);
  }
  for (const auto& listener : listeners) listener->stop();
  return kOk;
}

}  // namespace admitone::app
