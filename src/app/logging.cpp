#include "app/logging.hpp"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace admitone::app {
namespace {

constexpr std::array kLevels{spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                             spdlog::level::warn, spdlog::level::err};

std::size_t told_of = 0;

// The text of a line, within its bound, and what it is about.
base::Line line_of(const spdlog::string_view_t& payload) {
  auto line = base::unpacked({payload.data(), payload.size()});
  line.text = line.text.substr(0, kMaxMessage);
  return line;
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const auto micros = std::chrono::floor<std::chrono::microseconds>(line.time);
    const std::time_t seconds = spdlog::log_clock::to_time_t(micros);
    std::tm calendar{};
    gmtime_r(&seconds, &calendar);
    const auto said = line_of(line.payload);
    nlohmann::ordered_json object{
        {"@timestamp",
         fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", calendar.tm_year + 1900,
                     calendar.tm_mon + 1, calendar.tm_mday, calendar.tm_hour, calendar.tm_min,
                     calendar.tm_sec, micros.time_since_epoch().count() % 1'000'000)},
        {"log.level", spdlog::level::to_string_view(line.level).data()},
        {"message", said.text},
        {"log.logger", std::string_view(line.logger_name.data(), line.logger_name.size())},
        {"service.name", "admitone"},
        {"process.pid", pid_},
        {"process.thread.id", line.thread_id}};
    for (const auto& [name, value] : said.fields) object[std::string(name)] = value;
    const std::string text =
        object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    out.append(text.data(), text.data() + text.size());
    out.push_back('\n');
  }

  std::unique_ptr<formatter> clone() const override { return std::make_unique<JsonFormatter>(); }

 private:
  const int pid_ = getpid();
};

// Text with the same bound; what it is about comes behind it.
class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    spdlog::details::log_msg bounded = line;
    const auto said = line_of(line.payload);
    std::string text(said.text);
    for (const auto& [name, value] : said.fields) text += fmt::format(" {}={}", name, value);
    bounded.payload = spdlog::string_view_t(text.data(), text.size());
    pattern_.format(bounded, out);
  }

  std::unique_ptr<formatter> clone() const override { return std::make_unique<TextFormatter>(); }

 private:
  spdlog::pattern_formatter pattern_{"%Y-%m-%dT%H:%M:%S.%eZ %-5l %n: %v",
                                     spdlog::pattern_time_type::utc};
};

}  // namespace

std::unique_ptr<spdlog::formatter> make_json_formatter() {
  return std::make_unique<JsonFormatter>();
}

std::unique_ptr<spdlog::formatter> make_text_formatter() {
  return std::make_unique<TextFormatter>();
}

void set_up_logging(const Settings::Log& settings, bool terminal, LogPath path) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  const bool text =
      settings.format == LogFormat::text || (settings.format == LogFormat::automatic && terminal);
  if (text) {
    sink->set_formatter(std::make_unique<TextFormatter>());
  } else {
    sink->set_formatter(make_json_formatter());
  }
  std::shared_ptr<spdlog::logger> logger;
  if (path == LogPath::queued) {
    spdlog::init_thread_pool(kQueue, 1);
    logger = std::make_shared<spdlog::async_logger>("app", std::move(sink), spdlog::thread_pool(),
                                                    spdlog::async_overflow_policy::overrun_oldest);
  } else {
    logger = std::make_shared<spdlog::logger>("app", std::move(sink));
  }
  logger->set_level(kLevels.at(static_cast<std::size_t>(settings.level)));
  logger->flush_on(spdlog::level::info);
  spdlog::drop_all();
  spdlog::set_default_logger(std::move(logger));
}

std::size_t dropped_log_lines() {
  const auto pool = spdlog::thread_pool();
  if (!pool) return 0;
  const std::size_t total = pool->overrun_counter();
  const std::size_t fresh = total - told_of;
  told_of = total;
  return fresh;
}

void finish_logging() {
  spdlog::shutdown();
}

}  // namespace admitone::app
