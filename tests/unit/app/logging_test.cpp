#include "app/logging.hpp"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/log.hpp"

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
  EXPECT_THAT(logged("key \xFF\xFE").at("message").get<std::string>(), testing::StartsWith("key "));
}

TEST(JsonLog, BoundsTheLine) {
  EXPECT_EQ(logged(std::string(100'000, 'x'))["message"].get<std::string>().size(), kMaxMessage);
}

TEST(JsonLog, HasWhatALineIsAboutAsFields) {
  const base::Fields about{.command = "c-1 \x1E\"x\"",
                           .tenant = "7f1d0000-0000-4000-8000-000000000001",
                           .position = "commands/3/17",
                           .saga = "5a000000-0000-5000-8000-000000000001",
                           .trace = "0af7651916cd43dd8448eb211c80319c",
                           .span = "b7ad6b7169203331"};
  const auto line = logged(fmt::format("given up{}", about));
  EXPECT_EQ(line["message"], "given up");
  EXPECT_EQ(line["admitone.command_id"], "c-1 \\x1e\"x\"");
  EXPECT_EQ(line["admitone.tenant_id"], "7f1d0000-0000-4000-8000-000000000001");
  EXPECT_EQ(line["admitone.position"], "commands/3/17");
  EXPECT_EQ(line["admitone.saga_id"], "5a000000-0000-5000-8000-000000000001");
  EXPECT_EQ(line["trace.id"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(line["span.id"], "b7ad6b7169203331");
  EXPECT_FALSE(line.contains("parent.id"));
}

TEST(JsonLog, KeepsTheFieldsOfALineThatIsTooLong) {
  const auto line =
      logged(fmt::format("{}{}", std::string(100'000, 'x'), base::Fields{.position = "t/0/1"}));
  EXPECT_EQ(line["message"].get<std::string>().size(), kMaxMessage);
  EXPECT_EQ(line["admitone.position"], "t/0/1");
}

TEST(TextLog, HasThemBehindTheText) {
  std::ostringstream out;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  sink->set_formatter(make_text_formatter());
  spdlog::logger("pipeline", sink).warn("given up{}", base::Fields{.position = "t/0/1"});
  EXPECT_THAT(out.str(), testing::EndsWith("pipeline: given up admitone.position=t/0/1\n"));
}

}  // namespace
}  // namespace admitone::app
