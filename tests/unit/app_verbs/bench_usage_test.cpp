#include "app/verbs/bench_usage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace admitone::app::bench {
namespace {

TEST(Usage, OfThisProcessIsThere) {
  const auto before = cpu_of(getpid());
  ASSERT_TRUE(before);
  volatile double sum = 0;
  while (cpu_of_this() < *before + 0.05) sum = sum + 1;
  EXPECT_GT(*cpu_of(getpid()), *before);
  EXPECT_GE(*cpu_of_family(getpid()), *cpu_of(getpid()));
  const auto memory = memory_of(getpid());
  ASSERT_TRUE(memory);
  EXPECT_GE(memory->peak, memory->resident);
  EXPECT_GT(memory->resident, 1 << 20);
}

TEST(Usage, OfAProcessThatIsNotHereIsNothing) {
  EXPECT_FALSE(cpu_of(-1));
  EXPECT_FALSE(cpu_of_family(-1));
  EXPECT_FALSE(memory_of(-1));
}

TEST(ServersElsewhere, AreNotTakenForOursOnThisMachine) {
  EXPECT_FALSE(postmaster_of(getpid()));  // no PostgreSQL
  EXPECT_FALSE(listener_of("192.0.2.1:9092"));
  EXPECT_FALSE(listener_of("nonsense"));
  EXPECT_FALSE(listener_of("127.0.0.1:" + std::to_string(free_port())));
}

TEST(Samples, AreReadByNameAndLabels) {
  const auto samples = parse_samples(
      "# HELP a_total Text\na_total{result=\"committed\"} 12\nb_sum 3.5\nbroken\nc one\n");
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples.at("a_total{result=\"committed\"}"), 12);
  EXPECT_EQ(samples.at("b_sum"), 3.5);
  EXPECT_TRUE(scrape(free_port()).empty());
}

TEST(Samples, OfOneMetricAreFoundByTheValueOfTheirLabel) {
  const auto samples = parse_samples(
      "a_total{kind=\"x\"} 1\na_total{kind=\"y\"} 2\na_total_more{kind=\"z\"} 3\n"
      "a_total{other=\"w\"} 4\n");
  EXPECT_EQ(by_label(samples, "a_total", "kind"),
            (std::map<std::string, double>{{"x", 1}, {"y", 2}}));
  EXPECT_TRUE(by_label(samples, "b_total", "kind").empty());
}

}  // namespace
}  // namespace admitone::app::bench
