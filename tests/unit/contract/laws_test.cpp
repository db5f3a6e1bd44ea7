// Laws L2 and L23 where this room keeps them, each with the mutant it must catch. A mutant stays on
// for the life of a process, so it runs in a child.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>

#include "base/failpoint.hpp"
#include "contract/decode.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using namespace testing;  // NOLINT(*-using-namespace): the helpers of these tests

// L2: the same payload has one fingerprint however it is written, and only then.
bool fingerprint_law_holds() {
  const auto data = reservation_create();
  auto changed = data;
  changed["items"][0]["quantity"] = 3;
  const auto compact = binary("reservation.create", data.dump()).decode();
  const auto spaced = binary("reservation.create", data.dump(3)).decode();
  const auto wrapped = structured(document("reservation.create", data).dump()).decode();
  const auto other = binary("reservation.create", changed.dump()).decode();
  for (const auto* decoded : {&compact, &spaced, &wrapped, &other})
    if (command(*decoded) == nullptr) return false;
  return command(compact)->payload == command(spaced)->payload &&
         command(compact)->payload == command(wrapped)->payload &&
         command(compact)->payload != command(other)->payload;
}

// L23: a number that is no integer in range is refused, never bent into one.
bool integer_law_holds() {
  for (const std::string number :
       {"4294967298", "9007199254740993", "18446744073709551618", "2.0", "2e0", "2.9", "1e400"}) {
    auto text = reservation_create().dump();
    const std::string quantity = "\"quantity\":2";
    text.replace(text.find(quantity), quantity.size(), "\"quantity\":" + number);
    const auto decoded = binary("reservation.create", text).decode();
    if (summary(decoded) != "invalid /items/0/quantity") return false;
  }
  return true;
}

void run_with_mutant(const std::string& name, bool (*law)()) {
  base::failpoint::configure("mutant:" + name);
  std::exit(law() ? 1 : 0);
}

TEST(LawL2, APayloadIsItsValueNotItsBytes) {
  EXPECT_TRUE(fingerprint_law_holds());
}

TEST(LawL2, CatchesAFingerprintOverRawBytes) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  EXPECT_EXIT(run_with_mutant("fingerprint_raw_bytes", fingerprint_law_holds),
              ::testing::ExitedWithCode(0), "");
}

TEST(LawL23, AnIntegerIsCheckedNeverConverted) {
  EXPECT_TRUE(integer_law_holds());
}

TEST(LawL23, CatchesUncheckedIntegers) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  EXPECT_EXIT(run_with_mutant("unchecked_integers", integer_law_holds),
              ::testing::ExitedWithCode(0), "");
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  out.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += piece;
  return out;
}

struct Bomb {
  std::string_view name;
  std::string value;
  std::string_view expected;
};

std::vector<Bomb> bombs() {
  constexpr std::size_t kMost = 256 * 1024;
  std::string wide = "[0" + repeated(",0", kMost / 2 - 2) + "]";
  std::string objects = "[{}" + repeated(",{}", kMost / 3 - 2) + "]";
  std::string names = "{\"n0\":0";
  for (int i = 1; names.size() < kMost - 32; ++i) names += ",\"n" + std::to_string(i) + "\":0";
  std::string same = "{\"a\":0" + repeated(",\"a\":0", 18'000) + "}";
  std::string numbers = "[1e999" + repeated(",1e999", 18'000) + "]";
  return {
      {"100,000 open arrays", repeated("[", 100'000), "dead limit"},
      {"100,000 nested arrays", repeated("[", 100'000) + repeated("]", 100'000), "dead limit"},
      {"40,000 nested objects", repeated("{\"a\":", 40'000), "dead limit"},
      {"10 MB of blanks", std::string(10'000'000, ' '), "dead limit"},
      {"10 MB of a string", '"' + std::string(10'000'000, 'a') + '"', "dead limit"},
      {"many numbers", std::move(wide), "dead limit"},
      {"many empty objects", std::move(objects), "dead limit"},
      {"many names", names + "}", "dead limit"},
      {"one name very often", std::move(same), ""},
      {"numbers beyond a double", std::move(numbers), ""},
      {"a number of 250,000 digits", std::string(250'000, '9'), "invalid  "},
      {"a string of 250,000 escapes", '"' + repeated("\\u0041", 40'000) + '"', "invalid "},
      {"a string over the limit", '"' + std::string(70'000, 'a') + '"', "dead limit"},
      {"a string that never ends", '"' + repeated("\\\"", 100'000), "dead undecodable"},
      {"zero bytes", std::string(100'000, '\0'), "dead undecodable"},
      {"deep in a string", '"' + repeated("[", 60'000) + '"', "invalid "},
  };
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(LawL23, BombsAreRefusedQuicklyAndInLittleMemory) {
  for (const auto& bomb : bombs()) {
    for (auto sent : {binary("event.create", bomb.value), structured(bomb.value)}) {
      const auto before = peak_kilobytes();
      const auto start = std::chrono::steady_clock::now();
      const auto decoded = sent.decode();
      const auto took = std::chrono::steady_clock::now() - start;
      EXPECT_NE(refusal(decoded), nullptr) << bomb.name;
      if (sent.headers.size() > 1 && !bomb.expected.empty()) {
        EXPECT_EQ(summary(decoded), bomb.expected) << bomb.name;
      }
      // Generous for a sanitizer on a busy machine; quadratic work takes minutes.
      EXPECT_LT(took, std::chrono::seconds(5)) << bomb.name;
      EXPECT_LT(peak_kilobytes() - before, 64 * 1024) << bomb.name;
    }
  }
}

TEST(LawL23, AnOverLimitRecordStillTellsWhoseItIs) {
  const auto decoded = binary("event.create", std::string(300'000, ' ')).decode();
  ASSERT_EQ(summary(decoded), "dead limit");
  ASSERT_TRUE(refusal(decoded)->identity);
  EXPECT_EQ(refusal(decoded)->identity->id, "id-1");
}

TEST(LawL23, HeaderFloodsAreRefused) {
  auto many = binary("reservation.create", reservation_create().dump());
  for (int i = 0; i < 100'000; ++i) many.with("x-" + std::to_string(i), "");
  EXPECT_EQ(summary(many.decode()), "dead limit");

  auto large = binary("reservation.create", reservation_create().dump());
  EXPECT_EQ(summary(large.with("x", std::string(20'000, 'x')).decode()), "dead limit");

  auto named = binary("reservation.create", reservation_create().dump());
  EXPECT_EQ(summary(named.with(std::string(20'000, 'x'), std::nullopt).decode()), "dead limit");
}

TEST(LawL23, ALargeKeyCountsForTheRecord) {
  auto sent = binary("reservation.create", reservation_create().dump());
  sent.key = std::string(1'000'000, 'k');
  EXPECT_EQ(summary(sent.decode()), "dead limit");
}

TEST(LawL23, DataMayBeAsDeepInBothModes) {
  const auto nested = [](std::size_t depth) {
    return "{\"eventId\":" + repeated("[", depth - 1) + repeated("]", depth - 1) + "}";
  };
  const Limits limits{};
  for (const auto& [depth, expected] :
       {std::pair{limits.max_depth, "invalid"}, std::pair{limits.max_depth + 1, "dead limit"}}) {
    const auto data = nested(depth);
    auto envelope = document("event.cancel", nullptr).dump();
    envelope.replace(envelope.find("null"), 4, data);
    EXPECT_EQ(summary(binary("event.cancel", data).decode()).substr(0, 7),
              std::string(expected).substr(0, 7));
    EXPECT_EQ(summary(structured(envelope).decode()).substr(0, 7),
              std::string(expected).substr(0, 7));
  }
}

}  // namespace
}  // namespace admitone::contract
