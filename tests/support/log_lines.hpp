#pragma once
// What a room writes into the log while this lives.

#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include "base/log.hpp"

namespace admitone::support {

class LogLines {
 public:
  explicit LogLines(const std::string& room) : logger_(base::logger(room)) {
    sink_->set_pattern("%l %v");
    logger_->sinks().push_back(sink_);
  }
  ~LogLines() { logger_->sinks().pop_back(); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  [[nodiscard]] std::string text() const { return out_.str(); }
  [[nodiscard]] long count() const {
    const auto all = text();
    return std::count(all.begin(), all.end(), '\n');
  }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> logger_;
  std::shared_ptr<spdlog::sinks::ostream_sink_mt> sink_ =
      std::make_shared<spdlog::sinks::ostream_sink_mt>(out_);
};

}  // namespace admitone::support
