// kafka.options: what passes through, what is refused, and that no value is ever repeated.

#include "kafka/settings.hpp"

#include <gtest/gtest.h>

namespace admitone::kafka {
namespace {

using Options = std::map<std::string, std::string>;

TEST(KafkaOptions, PassSecurityAndTuningThrough) {
  EXPECT_TRUE(check_options({}));
  const Options options{{"security.protocol", "sasl_plaintext"},
                        {"sasl.mechanisms", "SCRAM-SHA-512"},
                        {"sasl.username", "u"},
                        {"sasl.password", "p"},
                        {"statistics.interval.ms", "1000"}};
  EXPECT_TRUE(check_options(options));
}

TEST(KafkaOptions, RefuseWhatTheContractNames) {
  for (const char* name :
       {"enable.auto.commit", "enable.auto.offset.store", "isolation.level", "transactional.id"}) {
    const auto checked = check_options({{name, "x"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().kind, base::ErrorKind::permanent);
    EXPECT_NE(checked.error().message.find(name), std::string::npos) << checked.error().message;
  }
}

TEST(KafkaOptions, RefuseEveryListedName) {
  for (const auto& [name, why] : refused_options()) {
    const auto checked = check_options({{name, "1"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_NE(checked.error().message.find(why), std::string::npos);
  }
}

TEST(KafkaOptions, SayWhenANameIsUnknown) {
  const auto checked = check_options({{"no.such.setting", "1"}});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("no.such.setting is no setting"), std::string::npos);
}

TEST(KafkaOptions, NeverRepeatAValue) {
  const auto checked = check_options({{"security.protocol", "hunter2"}});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message.find("hunter2"), std::string::npos);
}

TEST(KafkaLibrary, IsOneWeCanWorkWith) {
  const auto checked = check_library();
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST(TopicNames, TranslateBothWays) {
  const TopicNames names({{"a", 3}, {"b", 1}});
  EXPECT_EQ(names.name(3), "a");
  EXPECT_EQ(names.id("b"), 1);
  EXPECT_EQ(names.names(), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace admitone::kafka
