// Good records, damaged at random, by the ten thousand. Whatever the bytes: decode returns a
// reasoned value. ADMITONE_FUZZ_RUNS and ADMITONE_FUZZ_SEED make it longer and give a failure
// again.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "contract/codes.hpp"
#include "contract/json.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"
#include "unit/contract/records.hpp"

namespace admitone::contract {
namespace {

using namespace testing;  // NOLINT(*-using-namespace): the helpers of these tests

unsigned long setting(const char* name, unsigned long otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

class Damage {
 public:
  explicit Damage(unsigned long seed) : random_(seed) {}

  Sent next() {
    auto sent = seed();
    for (auto left = pick(4); left > 0; --left) {
      if (sent.value && pick(3) != 0) damage(*sent.value);
      if (!sent.headers.empty() && pick(3) == 0) damage_header(sent);
    }
    return sent;
  }

 private:
  std::size_t pick(std::size_t choices) {
    return std::uniform_int_distribution<std::size_t>(0, choices - 1)(random_);
  }

  Sent seed() {
    const auto target = nlohmann::json{{"eventId", kEvent}, {"reservationId", kReservation}};
    switch (pick(6)) {
      case 0:
        return binary("event.create", event_create().dump());
      case 1:
        return structured(document("event.create", event_create()).dump());
      case 2:
        return binary("reservation.create", reservation_create().dump());
      case 3:
        return structured(document("reservation.create", reservation_create()).dump());
      case 4:
        return binary("reservation.release", target.dump());
      default:
        return binary("reservation.create",
                      std::string("\0\0\0\0\1", 5) + reservation_create().dump());
    }
  }

  void damage(std::string& text) {
    static const std::vector<std::string> kPieces{"{",       "}",
                                                  "[",       "]",
                                                  "\"",      ",",
                                                  ":",       "\\",
                                                  "\\u0000", "\\uD800",
                                                  "1e400",   "-0",
                                                  "0.5",     "9007199254740992",
                                                  "null",    "true",
                                                  "\x80",    "\xEF\xBB\xBF",
                                                  "{\"a\":", "[[[[[[[[[[[[[[[["};
    const auto at = pick(text.size() + 1);
    switch (pick(5)) {
      case 0:
        text.insert(at, kPieces[pick(kPieces.size())]);
        break;
      case 1:
        text.erase(at, pick(8));
        break;
      case 2:
        if (at < text.size()) text[at] = static_cast<char>(pick(256));
        break;
      case 3:
        text.insert(at, text.substr(pick(text.size() + 1), pick(40)));
        break;
      default:
        text.insert(pick(text.size() + 1), 1, static_cast<char>(pick(256)));
    }
  }

  void damage_header(Sent& sent) {
    auto& header = sent.headers[pick(sent.headers.size())];
    switch (pick(4)) {
      case 0:
        header.second.reset();
        break;
      case 1: {
        const auto copy = header;
        sent.headers.push_back(copy);
        break;
      }
      case 2:
        damage(header.first);
        break;
      default:
        if (header.second) damage(*header.second);
    }
  }

  std::mt19937_64 random_;
};

// What the pipeline does with a refusal must work for any.
void expect_answerable(const Refusal& refused) {
  EXPECT_FALSE(refused.reason.empty());
  EXPECT_FALSE(refused.detail.empty());
  EXPECT_TRUE(count_utf8(refused.detail));
  if (refused.kind == Refusal::Kind::invalid) {
    EXPECT_FALSE(refused.errors.empty());
    EXPECT_TRUE(refused.identity);
  }
  domain::Decision decision;
  decision.code = domain::Code::invalid_command;
  decision.problem.detail = refused.detail;
  decision.problem.errors = refused.errors;
  const auto text =
      render_outcome(refused.identity.value_or(Envelope{}), decision, nullptr, nullptr);
  const auto parsed = parse_json(text, {32, 1000, 10'000});
  ASSERT_TRUE(std::holds_alternative<JsonDocument>(parsed)) << text;
  EXPECT_TRUE(std::get<JsonDocument>(parsed).errors().empty()) << text;
}

TEST(Decoding, OfDamagedRecordsGivesAReasonedValue) {
  const auto seed = setting("ADMITONE_FUZZ_SEED", std::random_device{}());
  const auto runs = setting("ADMITONE_FUZZ_RUNS", 20'000);
  SCOPED_TRACE("ADMITONE_FUZZ_SEED=" + std::to_string(seed));
  Damage damage(seed);
  std::size_t commands = 0;
  for (unsigned long run = 0; run < runs && !::testing::Test::HasFailure(); ++run) {
    const auto sent = damage.next();
    const auto decoded = sent.decode();
    if (const auto* refused = refusal(decoded)) {
      expect_answerable(*refused);
      continue;
    }
    ++commands;
    const auto& out = *command(decoded);
    EXPECT_TRUE(command_type(out.envelope.type));
    EXPECT_FALSE(out.event.is_nil());
    // A parked command is decoded again from its packed form: to the same.
    const auto again = decode(*unpack_record(pack_record(sent.record())), {});
    ASSERT_NE(command(again), nullptr);
    EXPECT_EQ(command(again)->payload, out.payload);
    EXPECT_EQ(command(again)->key, out.key);
  }
  // Damage that leaves nothing whole, or nothing broken, would test one half only.
  EXPECT_GT(commands, runs / 100);
  EXPECT_LT(commands, runs - runs / 10);
}

}  // namespace
}  // namespace admitone::contract
