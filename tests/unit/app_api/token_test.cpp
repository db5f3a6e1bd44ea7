#include "app/api/token.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace admitone::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class Token : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  [[nodiscard]] base::Result<std::string> read(const std::string& content) const {
    std::ofstream(path_, std::ios::binary) << content;
    return read_token("http.admin_token_file", path_);
  }

  const std::string path_ =
      (std::filesystem::temp_directory_path() /
       ("admitone-token-" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) + "-" +
        std::to_string(::getpid())))
          .string();
};

TEST_F(Token, IsWhatTheFileHolds) {
  EXPECT_EQ(read("0123456789abcdef").value(), "0123456789abcdef");
  EXPECT_EQ(read("0123456789abcdef\r\n").value(), "0123456789abcdef");
  EXPECT_EQ(read_token("http.admin_token_file", "").value(), "");
}

TEST_F(Token, ThatCouldBeGuessedIsRefusedAndNotShown) {
  for (const char* content : {"", "\n", "s3cr3t", "0123456789abcde\n", "0123456789 abcdef",
                              "0123456789abcdef\tx", "0123456789abcd\xc3\xa4"}) {
    const auto refused = read(content);
    ASSERT_FALSE(refused.ok()) << content;
    EXPECT_EQ(refused.error().kind, base::ErrorKind::permanent);
    EXPECT_THAT(refused.error().message, HasSubstr("http.admin_token_file"));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("s3cr3t")));
    EXPECT_THAT(refused.error().message, Not(HasSubstr("012345")));
  }
  std::filesystem::remove(path_);
  const auto missing = read_token("http.admin_token_file", path_);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace admitone::app
