#include "app/logging.hpp"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace admitone::app {
namespace {

nlohmann::json logged(const std::string& message) {
  std::ostringstream out;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  sink->set_formatter(make_json_formatter());
  spdlog::logger logger("kafka", sink);
  logger.warn(message);
  const std::string line = out.str();
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line each";
  return nlohmann::json::parse(line);
}

TEST(JsonLog, IsOneEcsObjectALine) {
  const auto line = logged("lane 3 \"taken\"\nover \x01");
  EXPECT_EQ(line["message"], "lane 3 \"taken\"\nover \x01");
  EXPECT_EQ(line["log.level"], "warning");
  EXPECT_EQ(line["log.logger"], "kafka");
  EXPECT_EQ(line["service.name"], "admitone");
  EXPECT_THAT(line["@timestamp"].get<std::string>(),
              testing::MatchesRegex("20..-..-..T..:..:..\\.......Z"));
}

TEST(JsonLog, SurvivesBytesThatAreNoText) {
  EXPECT_THAT(logged("key \xFF\xFE").at("message").get<std::string>(),
              testing::StartsWith("key "));
}

TEST(JsonLog, BoundsTheLine) {
  EXPECT_EQ(logged(std::string(100'000, 'x'))["message"].get<std::string>().size(), kMaxMessage);
}

}  // namespace
}  // namespace admitone::app
