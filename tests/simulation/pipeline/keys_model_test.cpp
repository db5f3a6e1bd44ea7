// Random lives of keys against a model of fifty lines that knows nothing of units, parts, owners or
// memory: commands sent again, with the same and with other content, with a key and without one, at
// the borders of windows and of the time that keys are kept, while workers die, groups are rewound,
// the ledger goes on to its next part, and a Redis beside it says what is true, or is not, or
// nothing (audit B1 to B6, D1 to D3, E7).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/failpoint.hpp"
#include "simulation/pipeline/hearsay.hpp"
#include "simulation/pipeline/world.hpp"

namespace admitone::simulation {
namespace {

using namespace std::chrono_literals;
const std::string kEvent = "0a000000-0000-4000-8000-000000000001";
constexpr base::Duration kWindow = 100ms;
constexpr base::Duration kTtl = 1h;

// What was sent, as its sender sees it.
struct Intent {
  std::string key;  // empty: none
  std::string id;
  int quantity = 1;
  auto operator<=>(const Intent&) const = default;
};

// What the contract says of each record of the lane, in its order (§2, §5).
class Model {
 public:
  base::Duration window = kWindow;
  base::Duration ttl = kTtl;
  // Codes with "=" before those that are given again, and which of the answers is given again.
  std::vector<std::pair<std::string, std::size_t>> answers;
  std::vector<base::Timestamp> borders;  // of windows and keys

  void timer(base::Timestamp at) { now_ = std::max(now_, at); }
  void record(const Intent& sent, base::Timestamp at) {
    timer(at);
    const auto scope = sent.key.empty() ? "id " + sent.id : "key " + sent.key;
    const auto known = keys_.find(scope);
    if (known != keys_.end() && now_ < known->second.until) {
      if (known->second.quantity == sent.quantity) return again(known->second.answer);
      answers.emplace_back("IDEMPOTENCY_KEY_REUSED", answers.size());
      return;
    }
    const auto first = sent.key.empty() ? windows_.find(sent.quantity) : windows_.end();
    if (first != windows_.end() && now_ - first->second.first <= window) {
      keys_[scope] = keys_.at(first->second.second);
      return again(keys_.at(scope).answer);
    }
    keys_[scope] = {sent.quantity, answers.size(), now_ + ttl};
    borders.push_back(now_ + ttl);
    if (sent.key.empty()) {
      windows_[sent.quantity] = {now_, scope};
      borders.push_back(now_ + window);
    }
    // Its reservation is named after its key: it is there already when the key has been forgotten.
    const auto object = objects.try_emplace(scope, sent.quantity).first;
    answers.emplace_back(object->second == sent.quantity ? "RESERVATION_HELD" : "ID_TAKEN",
                         answers.size());
  }
  std::map<std::string, int> objects;  // quantities by scope: the effects

 private:
  struct Known {
    int quantity = 0;
    std::size_t answer = 0;
    base::Timestamp until;
  };
  void again(std::size_t answer) { answers.emplace_back("=" + answers.at(answer).first, answer); }

  base::Timestamp now_{};
  std::map<std::string, Known> keys_;
  std::map<int, std::pair<base::Timestamp, std::string>> windows_;  // by content
};

std::string header_of(const std::vector<base::Header>& headers, const std::string& name) {
  for (const auto& header : headers)
    if (header.name == name) return header.value;
  return "";
}

class Life {
 public:
  explicit Life(std::uint64_t seed) : redis(static_cast<unsigned>(seed)), dice_(seed) {
    world.hints = &redis;
    world.options.content_key.window = kWindow;
    world.options.completed_ttl = kTtl;
    world.options.max_attempts = 1'000;  // (No command is blamed for so many deaths.)
    start();
    world.turn(*one_, 2);
    // (Seats enough for all: what happens when they run out is another test's.)
    world.send(kEvent, create_event(kEvent, 1'000, "the-event"));
    world.turn(*one_, 2);
    read_to_ = log().size();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto what = roll(100);
      if (what < 55) {
        send();
      } else if (what < 80) {
        let_time_pass();
      } else if (what < 90) {
        world.turn(*one_, roll(4), 1ms);
      } else if (what < 94) {
        world.database.part += 1;
      } else {
        die();
      }
      follow();
    }
    // As long as there is an answer to come. (A worker that takes records for suspects tries each
    // alone, and passes each that was decided before alone.)
    for (int i = 0; i < 2'000 && !is_over(); ++i) world.turn(*one_, 1);
    follow();
  }

  // Empty: model and system agree.
  std::string difference() {
    const auto said = answers();
    const auto& expected = model.answers;
    for (std::size_t i = 0; i < std::max(said.size(), expected.size()); ++i) {
      if (i >= said.size()) return fmt::format("answer {} is missing: {}", i, expected[i].first);
      if (i >= expected.size()) return fmt::format("answer {} is too much: {}", i, said[i].first);
      if (said[i].first != expected[i].first)
        return fmt::format("answer {} is {}, not {}", i, said[i].first, expected[i].first);
      if (said[i].second != said[expected[i].second].second)
        return fmt::format("answer {} is not that of {} given again", i, expected[i].second);
    }
    if (model.objects.size() != world.database.reservations.size())
      return fmt::format("{} effects, not {}", world.database.reservations.size(),
                         model.objects.size());
    std::vector<std::int64_t> numbers;
    for (std::int64_t n = 1; n <= static_cast<std::int64_t>(outcomes().size()); ++n)
      numbers.push_back(n);
    return world.kafka.sequences(lane) == numbers ? "" : "the numbers of the outcomes have gaps";
  }

  double hits() const { return hits_ + hits_of(*one_); }

  Hearsay redis;
  World world;
  Model model;

 private:
  int roll(int sides) { return static_cast<int>(dice_() % static_cast<std::uint64_t>(sides)); }

  static double hits_of(const Worker& worker) {
    const auto found = worker.meters.counted.find({ports::Counter::idempotency_redis_hits, ""});
    return found == worker.meters.counted.end() ? 0 : found->second;
  }
  void start() {
    one_ = world.worker(fmt::format("worker {}", ++workers_));
    one_->source.assign(World::all_lanes());
  }

  void send() {
    Intent intent;
    const bool again = !sent_.empty() && roll(2) == 0;
    if (again) {
      intent = sent_.at(static_cast<std::size_t>(roll(static_cast<int>(sent_.size()))));
      // By somebody who has made up his mind, or made a new id for it.
      if (roll(4) == 0) intent.quantity = 1 + roll(3);
      if (!intent.key.empty() || roll(3) == 0) intent.id = fmt::format("id-{}", ++ids_);
    } else {
      intent = {roll(2) == 0 ? fmt::format("k{}", roll(6)) : "", fmt::format("id-{}", ++ids_),
                1 + roll(3)};
    }
    auto command = hold(kEvent, intent.quantity, intent.key);
    command.id = intent.id;
    if (roll(2) == 0) command.data.insert(1, "  ");  // the same content in other bytes
    const auto at = world.send(kEvent, command);
    intents_[at.offset] = intent;
    sent_.push_back(intent);
    if (sent_.size() > 12) sent_.erase(sent_.begin());
  }

  void let_time_pass() {
    constexpr std::array<base::Duration, 5> kSteps{1ms, 99ms, 100ms, 101ms, 20s};
    auto step = kSteps.at(static_cast<std::size_t>(roll(5)));
    const auto& borders = model.borders;
    if (!borders.empty() && roll(2) == 0) {
      const auto border =
          borders.at(static_cast<std::size_t>(roll(static_cast<int>(borders.size()))));
      const auto target = border + base::Duration{1ms} * (roll(3) - 1);
      if (target > world.clock.wall) step = target - world.clock.wall;
    }
    world.clock.pass(step);
    world.database.now = world.clock.wall;
  }

  // In the middle of a unit: before it is written, or after that and before anybody knows.
  void die() {
    const auto fault = roll(2) == 0 ? FakeStore::Fault::lost_before : FakeStore::Fault::lost_after;
    if (roll(3) > 0) {
      one_->store.before_commit = [fault] { return fault; };
      one_->turn();
    }
    hits_ += hits_of(*one_);
    one_.reset();
    if (roll(3) == 0) world.kafka.positions[{0, lane}] = 0;  // somebody resets the group
    start();
    world.turn(*one_, roll(6), 1ms);
  }

  [[nodiscard]] const std::vector<StoredRecord>& log() const {
    return world.kafka.commands.at({0, lane});
  }
  void follow() {
    for (; read_to_ < log().size(); ++read_to_) {
      const auto at = log()[read_to_].timestamp;
      const auto intent = intents_.find(static_cast<std::int64_t>(read_to_));
      if (intent == intents_.end()) {
        model.timer(at);
      } else {
        model.record(intent->second, at);
      }
    }
  }

  [[nodiscard]] const std::vector<ports::OutgoingRecord>& outcomes() const {
    return world.kafka.outcomes.at(lane);
  }
  [[nodiscard]] bool is_over() const {
    const auto& at = world.database.progress.at({0, lane}).at;
    return at.next_offset == static_cast<std::int64_t>(log().size()) &&
           at.out_seq == static_cast<std::int64_t>(outcomes().size());
  }
  // Code and id, without those of the event and of holds that ran out.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> answers() const {
    std::vector<std::pair<std::string, std::string>> all;
    const auto codes = world.codes(lane);
    for (std::size_t i = 1; i < codes.size(); ++i)
      if (!codes[i].ends_with("RESERVATION_EXPIRED"))
        all.emplace_back(codes[i], header_of(outcomes()[i].headers, "ce_id"));
    return all;
  }

  std::int32_t lane = world.lane_of(kEvent);
  std::mt19937_64 dice_;
  std::unique_ptr<Worker> one_;
  std::map<std::int64_t, Intent> intents_;  // by offset
  std::vector<Intent> sent_;                // lately
  std::size_t read_to_ = 0;
  int workers_ = 0;
  int ids_ = 0;
  double hits_ = 0;  // of workers that are gone
};

// Of all lives of a run: how Redis was.
struct Moods {
  void add(const Life& life) {
    for (const auto& [mood, times] : life.redis.asked) asked[mood] += times;
    lies += life.redis.lies;
    emptied += life.redis.emptied;
    set_back += life.redis.set_back;
    hits += life.hits();
  }
  std::map<Hearsay::Mood, int> asked;
  int lies = 0;
  int emptied = 0;
  int set_back = 0;
  double hits = 0;
};

// Of so many random lives: those in which model and system differ.
template <class Change>
int differences(int lives, Change change, std::string* first = nullptr, Moods* moods = nullptr) {
  int count = 0;
  for (int seed = 1; seed <= lives; ++seed) {
    Life life(static_cast<std::uint64_t>(seed));
    change(life.model);
    life.run(80);
    if (moods != nullptr) moods->add(life);
    const auto difference = life.difference();
    if (difference.empty()) continue;
    if (count++ == 0 && first != nullptr) *first = fmt::format("seed {}: {}", seed, difference);
  }
  return count;
}

TEST(KeysModel, AgreesWithTheSystemInEveryRandomLife) {
  std::string first;
  Moods moods;
  EXPECT_EQ(differences(
                300, [](Model&) {}, &first, &moods),
            0)
      << first;
  EXPECT_EQ(moods.asked.size(), 4U);
  for (const auto& [mood, times] : moods.asked) EXPECT_GT(times, 500) << static_cast<int>(mood);
  EXPECT_GT(moods.lies, 500);
  EXPECT_GT(moods.emptied, 100);
  EXPECT_GT(moods.set_back, 100);
  EXPECT_GT(moods.hits, 100);
}

// It would notice: a millisecond at a border, and a payload told by its bytes.
TEST(KeysModel, WouldNoticeAnyBorderThatMoves) {
  EXPECT_GT(differences(60, [](Model& model) { model.window -= 1ms; }), 0);
  EXPECT_GT(differences(60, [](Model& model) { model.window += 1ms; }), 0);
  EXPECT_GT(differences(60, [](Model& model) { model.ttl -= 1ms; }), 0);
  EXPECT_GT(differences(60, [](Model& model) { model.ttl += 1ms; }), 0);
}

TEST(KeysModel, WouldNoticeAFingerprintOfTheBytes) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:fingerprint_raw_bytes"));
  const auto count = differences(20, [](Model&) {});
  base::failpoint::clear();
  EXPECT_GT(count, 0);
}

TEST(KeysModel, WouldNoticeARedisThatDecides) {
  if (!base::failpoint::kEnabled) GTEST_SKIP() << "built without failpoints";
  ASSERT_TRUE(base::failpoint::configure("mutant:redis_hit_decides"));
  const auto count = differences(20, [](Model&) {});
  base::failpoint::clear();
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace admitone::simulation
