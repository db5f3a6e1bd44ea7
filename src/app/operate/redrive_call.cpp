#include "app/operate/redrive_call.hpp"

#include <algorithm>
#include <limits>

#include "app/operate/call_time.hpp"
#include "app/operate/redrive.hpp"
#include "app/system_clock.hpp"
#include "base/failpoint.hpp"
#include "base/log.hpp"

namespace admitone::app {
namespace {

constexpr std::size_t kMostShown = 1'000;

Json document_of(const Redrive& redrive) {
  Json results = Json::object();
  for (const auto& [fate, count] : redrive.plan().counts())
    results[std::string(name_of(fate))] = count;
  return {{"results", results},
          {"letters", redrive.rows(kMostShown).json()},
          {"more", redrive.plan().left() > 0},
          {"left", redrive.plan().left()}};
}

// What an earlier run of this call has chosen, else as many as fit into one.
std::set<TopicPlace> choose(const Means& means, const RedriveCallAsked& asked, RedrivePlan& plan) {
  if (means.request && means.request->begun && !base::failpoint::mutant("redrive_chosen_anew")) {
    auto chosen = chosen_in(*means.request->begun);
    plan.settle(std::numeric_limits<std::int64_t>::max());
    plan.keep(chosen);
    return chosen;
  }
  plan.settle(most_of_a_call(asked.limit, asked.rate), kLanesOfACall);
  std::set<TopicPlace> chosen;
  for (const auto& [at, letter] : plan.letters())
    if (letter.fate == Fate::would_send) chosen.insert(at);
  return chosen;
}

// False when its time was over before all had gone that was chosen.
bool send(const CallTime& time, const ports::Clock& clock, const RedriveCallAsked& asked,
          const std::set<TopicPlace>& chosen, Redrive& redrive) {
  auto counts = redrive.counts();
  if (counts.empty()) return true;
  Resending resending(
      time.means(), clock,
      {.verb = "dead-letters redrive",
       .target = redrive.target(),
       .reason = asked.reason,
       .rate = asked.rate,
       .note = note_of(chosen).dump(),
       .stopped = time.stopped(),
       .say = [](const std::string& line) { base::logger("app")->warn("{}", line); }});
  resending.expect(std::move(counts));
  const auto sent = redrive.send(resending);
  resending.end();
  must(sent);
  return !redrive.plan().counts().contains(Fate::would_send);
}

}  // namespace

std::int64_t most_of_a_call(std::int64_t limit, std::int64_t rate) {
  return std::min({limit, kMostOfACall, rate * kPacedSeconds});
}

Json note_of(const std::set<TopicPlace>& chosen) {
  Json letters = Json::array();
  for (const auto& at : chosen) letters.push_back({at.partition, at.offset});
  return {{"letters", std::move(letters)}};
}

std::set<TopicPlace> chosen_in(const Json& note) {
  std::set<TopicPlace> out;
  try {
    for (const auto& one : note.at("letters"))
      out.insert({one.at(0).get<std::int32_t>(), one.at(1).get<std::int64_t>()});
  } catch (const Json::exception&) {
    throw VerbError(kFailed, "what was begun is noted as this release does not know it");
  }
  return out;
}

RedriveCallEnd redrive_by_call(const Means& given, const RedriveCallAsked& asked) {
  check_selection(given, asked.selection);
  check_reason(given, asked.reason);
  const SystemClock clock;
  CallTime time(given, clock);
  const Means& means = time.means();
  Redrive redrive(means, clock, asked.selection);
  redrive.look(kLettersOfACall, forward_secret_of(means));
  const auto chosen = choose(means, asked, redrive.plan());
  redrive.check_found();
  RedriveCallEnd out;
  time.send();
  if (!asked.plan) out.is_whole = send(time, clock, asked, chosen, redrive);
  out.document = document_of(redrive);
  return out;
}

}  // namespace admitone::app
