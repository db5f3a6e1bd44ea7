#include "simulate/token.hpp"

#include <gmock/gmock.h>

namespace admitone::simulate {
namespace {

using testing::HasSubstr;

constexpr std::chrono::sys_seconds kNow{std::chrono::seconds{1'000}};
// {"alg":"HS256","typ":"JWT"} . {"exp":1060,"sub":"admitone"}, and with exp 900; made with Python.
constexpr const char* kGood =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjEwNjAsInN1YiI6ImFkbWl0b25lIn0."
    "kklNOaNEpbhTBOKL8N7rWqxAEetGPU8A5YjK7FIFblw";
constexpr const char* kOld =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjkwMCwic3ViIjoiYWRtaXRvbmUifQ."
    "5Gfd2hrCFOwi10oZANfY4lmNKhqNXVDrFzuA8slevFs";
constexpr const char* kNone =
    "eyJhbGciOiJub25lIn0.eyJleHAiOjEwNjB9.VF5wVjLu2uRtoQ-FDabZ5CczwHFjA5GIRsO22MyaPgc";

TEST(Token, HoldsWhenSecretAndTimeFit) {
  EXPECT_EQ(token_fault(std::string("Bearer ") + kGood, "a-secret", kNow), "");
}

TEST(Token, IsRefusedWithTheReason) {
  const auto fault = [](const std::string& header) {
    return token_fault(header, "a-secret", kNow);
  };
  EXPECT_THAT(fault(""), HasSubstr("no bearer token"));
  EXPECT_THAT(fault("Bearer x"), HasSubstr("three parts"));
  EXPECT_THAT(fault(std::string("Bearer ") + kOld), HasSubstr("expired"));
  EXPECT_THAT(fault(std::string("Bearer ") + kNone), HasSubstr("not HS256"));
  EXPECT_THAT(fault(std::string("Bearer ") + kGood + "x"), HasSubstr("signature"));
  EXPECT_THAT(token_fault(std::string("Bearer ") + kGood, "another", kNow), HasSubstr("signature"));
}

}  // namespace
}  // namespace admitone::simulate
