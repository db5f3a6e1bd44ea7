#include "simulate/journal.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace admitone::simulate {
namespace {

using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    path_ = (std::filesystem::temp_directory_path() /
             ("admitone-journal-" + std::to_string(::getpid())))
                .string();
    std::filesystem::remove(path_);
  }
  ~JournalTest() override { std::filesystem::remove(path_); }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  [[nodiscard]] std::string content() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string path_;
};

TEST_F(JournalTest, GivesBackInOrderWhatWasAppended) {
  {
    auto opened = Journal::open(path_, Keep::what_is_there);
    ASSERT_TRUE(opened.ok());
    EXPECT_TRUE(opened->entries.empty());
    for (int i = 0; i < 3; ++i) opened->journal->append({{"n", i}});
    ASSERT_TRUE(opened->journal->sync().ok());
    EXPECT_EQ(content(), "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
  }
  const auto again = Journal::open(path_, Keep::what_is_there);
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(again->entries.size(), 3U);
  EXPECT_EQ(again->entries[2]["n"], 2);
}

TEST_F(JournalTest, CutsALineOffThatWasNotWrittenToItsEnd) {
  for (const char* torn : {"{\"n\":2", "{\"n\":2\n", "\x01"}) {
    write(std::string("{\"n\":1}\n") + torn);
    auto opened = Journal::open(path_, Keep::what_is_there);
    ASSERT_TRUE(opened.ok()) << torn;
    EXPECT_EQ(opened->entries.size(), 1U);
    opened->journal->append({{"n", 3}});
    ASSERT_TRUE(opened->journal->sync().ok());
    EXPECT_EQ(content(), "{\"n\":1}\n{\"n\":3}\n");
  }
}

TEST_F(JournalTest, RefusesALineInTheMiddleThatCannotBeRead) {
  write("{\"n\":1}\nnonsense\n{\"n\":3}\n");
  const auto opened = Journal::open(path_, Keep::what_is_there);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("line 2"));
}

TEST_F(JournalTest, BeginsAnewWhenAsked) {
  write("{\"n\":1}\n");
  const auto opened = Journal::open(path_, Keep::nothing);
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(opened->entries.empty());
  EXPECT_EQ(content(), "");
}

TEST_F(JournalTest, IsOfOneSimulatorAtATime) {
  const auto first = Journal::open(path_, Keep::what_is_there);
  ASSERT_TRUE(first.ok());
  const auto second = Journal::open(path_, Keep::nothing);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message, HasSubstr("in use by another simulator"));
}

TEST_F(JournalTest, StaysBrokenOnceTheDiskHasFailed) {
  auto opened = Journal::open(path_, Keep::what_is_there);
  ASSERT_TRUE(opened.ok());
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{8, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  opened->journal->append({{"text", "longer than the file may be"}});
  EXPECT_FALSE(opened->journal->sync().ok());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  std::signal(SIGXFSZ, handler);
  opened->journal->append({{"n", 1}});
  EXPECT_FALSE(opened->journal->sync().ok()) << "what was lost is not made up for";
}

}  // namespace
}  // namespace admitone::simulate
