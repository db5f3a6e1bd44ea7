#pragma once
// What may be said of where keys are (ports/key_hints.hpp): the truth, lies, and what a Redis that
// comes and goes has to say.

#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "ports/key_hints.hpp"

namespace admitone::simulation {

// Remembers and tells the truth.
class Memory : public ports::KeyHints {
 public:
  std::vector<ports::KeyHint> recall(const std::vector<ports::LedgerKey>& keys) override {
    std::vector<ports::KeyHint> said;
    for (const auto& key : keys)
      if (const auto found = known.find(key); found != known.end()) said.push_back(found->second);
    return said;
  }
  void remember(std::vector<ports::KeyHint> hints) override {
    for (const auto& hint : hints) known.insert_or_assign(hint.key, hint);
  }
  std::map<ports::LedgerKey, ports::KeyHint> known;
};

// Says, of each key and by chance: what is true, what was true of another key, a part where it is
// not, a payload that it never had; or nothing. Of keys that it never heard of, too, and of some
// that it was not asked for; and some things twice.
class Liar : public Memory {
 public:
  explicit Liar(unsigned seed) : random_(seed) {}
  std::vector<ports::KeyHint> recall(const std::vector<ports::LedgerKey>& keys) override {
    std::vector<ports::KeyHint> said;
    for (const auto& key : keys) {
      const auto found = known.find(key);
      ports::KeyHint hint =
          found != known.end() ? found->second : ports::KeyHint{key, any_payload(), 1};
      const auto how = below(6);
      if (how == 0) continue;
      if (how == 1) hint.part = static_cast<std::int32_t>(below(12)) - 3;
      if (how == 2) hint.payload = any_payload();
      if (how == 3 && !known.empty()) hint.key = any().key;
      if (how > 3 && found == known.end()) continue;
      ++(how > 3 ? truths : lies);
      said.push_back(hint);
      if (below(8) == 0) said.push_back(hint);
    }
    return said;
  }
  int lies = 0;
  int truths = 0;

 protected:
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  const ports::KeyHint& any() {
    return std::next(known.begin(), static_cast<std::ptrdiff_t>(below(known.size())))->second;
  }
  base::Fingerprint any_payload() {
    if (!known.empty() && below(2) == 0) return any().payload;
    base::Fingerprint made{};
    made[0] = static_cast<std::uint8_t>(1 + below(255));
    return made;
  }
  std::mt19937 random_;
};

// A Redis in all its moods, which change by chance: it tells the truth, or lies; is away; has just
// been emptied; forgets now and then what it is told; was set back by a fail-over to a replica that
// lags.
class Hearsay : public Liar {
 public:
  using Liar::Liar;
  std::vector<ports::KeyHint> recall(const std::vector<ports::LedgerKey>& keys) override {
    change();
    ++asked[mood_];
    if (mood_ == Mood::away) return {};
    return mood_ == Mood::lies ? Liar::recall(keys) : Memory::recall(keys);
  }
  void remember(std::vector<ports::KeyHint> hints) override {
    if (mood_ == Mood::away) return;
    if (mood_ == Mood::forgets) std::erase_if(hints, [this](const auto&) { return below(2) == 0; });
    Memory::remember(std::move(hints));
  }
  enum class Mood { truthful, lies, away, forgets };
  std::map<Mood, int> asked;  // how often, in each of them
  int emptied = 0;
  int set_back = 0;

 private:
  void change() {
    if (below(4) == 0) mood_ = static_cast<Mood>(below(4));
    const auto fate = below(30);
    if (fate == 0) {
      emptied += known.empty() ? 0 : 1;
      known.clear();
    } else if (fate == 1) {
      replica_ = known;
    } else if (fate == 2) {
      set_back += replica_ == known ? 0 : 1;
      known = replica_;
    }
  }
  Mood mood_ = Mood::truthful;
  std::map<ports::LedgerKey, ports::KeyHint> replica_;
};

}  // namespace admitone::simulation
