#include "app/verbs/bench_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <queue>
#include <utility>

namespace admitone::app::bench {

namespace {

constexpr std::int64_t kPlenty = 10'000'000;
constexpr std::int64_t kFarthestRepeat = 1'000'000;
constexpr std::size_t kOpenHolds = 10'000;

// Rows of random numbers of one seed; the numbers of commands are below.
constexpr std::uint64_t kEventRow = 1ULL << 40U;
constexpr std::uint64_t kReservationRow = 1ULL << 41U;
constexpr std::uint64_t kScheduleRow = 1ULL << 42U;
constexpr std::uint64_t kTenantRow = 1ULL << 43U;

constexpr const char* kCreateEvent = "ticketing.event.create.v1";
constexpr const char* kCreate = "ticketing.reservation.create.v1";
constexpr const char* kConfirm = "ticketing.reservation.confirm.v1";
constexpr const char* kRelease = "ticketing.reservation.release.v1";

const char* section_of(bool first) {
  return first ? "floor-standing" : "balcony-seated";
}

std::uint64_t row(std::int64_t number) {
  return static_cast<std::uint64_t>(number);
}

}  // namespace

// Repeats that are still to be sent, the earliest first.
struct Input::Later {
  struct Repeat {
    std::int64_t due = 0;  // when so many records have been sent
    std::int64_t number = 0;
    bool operator>(const Repeat& other) const {
      return std::pair(due, number) > std::pair(other.due, other.number);
    }
  };
  std::priority_queue<Repeat, std::vector<Repeat>, std::greater<>> repeats;
  std::int64_t sent = 0;
};

Input::Input(InputOptions options)
    : options_(std::move(options)),
      dice_(options_.seed),
      tenants_{dice_.uuid()},
      later_(std::make_unique<Later>()) {
  if (options_.shape == Shape::hot) options_.events = 1;
  if (options_.shape == Shape::creations) options_.events = 0;
  if (options_.shape == Shape::neighbours) {
    // As many for each.
    options_.events =
        (std::max(options_.events, kNeighbours) + kNeighbours - 1) / kNeighbours * kNeighbours;
    for (std::int64_t i = 1; i < kNeighbours; ++i)
      tenants_.push_back(Dice(options_.seed, kTenantRow + row(i)).uuid());
  }
  for (std::int64_t i = 0; i < options_.events; ++i) {
    events_.push_back(Dice(options_.seed, kEventRow + row(i)).uuid());
  }
  if (options_.shape != Shape::mixed) return;
  double sum = 0;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    sum += 1.0 / static_cast<double>(i + 1);  // Zipf, exponent 1.0
    wanted_.push_back(sum);
  }
  for (double& each : wanted_) each /= sum;
}

Input::~Input() = default;

std::int64_t Input::total() const {
  const std::int64_t repeats = options_.shape == Shape::duplicates ? options_.size / 2 : 0;
  return event_creations() + options_.size + repeats;
}

std::vector<std::chrono::nanoseconds> due_times(std::int64_t per_second, std::int64_t commands) {
  std::vector<std::chrono::nanoseconds> due;
  due.reserve(row(commands));
  Dice dice(kScheduleRow);
  double at = 0;
  for (std::int64_t i = 0; i < commands; ++i) {
    at -= std::log1p(-dice.fraction()) / static_cast<double>(per_second);
    due.emplace_back(static_cast<std::int64_t>(at * 1e9));
  }
  return due;
}

std::optional<std::size_t> command_number(std::string_view id) {
  const auto dash = id.rfind('-');
  if (dash == std::string_view::npos || id.find("-event-") != std::string_view::npos) {
    return std::nullopt;
  }
  std::size_t number = 0;
  const char* end = id.data() + id.size();
  const auto read = std::from_chars(id.data() + dash + 1, end, number);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return number;
}

bool Input::next(ports::OutgoingRecord& record) {
  record.topic = ports::OutgoingRecord::Topic::commands;
  record.partition = -1;
  if (created_ < events_.size()) {
    create_event(record, created_++);
    ++outcomes_;
  } else if (!next_of_shape(record)) {
    return false;
  }
  ++records_;
  return true;
}

bool Input::next_of_shape(ports::OutgoingRecord& record) {
  if (options_.shape == Shape::duplicates) return next_with_duplicates(record);
  if (number_ == options_.size) return false;
  const std::int64_t number = number_++;
  if (options_.shape == Shape::mixed) {
    mixed(record, number);
    return true;
  }
  ++outcomes_;
  if (options_.shape == Shape::creations) {
    creation(record, number);
  } else {
    hold(record, number, event_of(number));
  }
  return true;
}

bool Input::next_with_duplicates(ports::OutgoingRecord& record) {
  auto& repeats = later_->repeats;
  const bool ended = number_ == options_.size;
  if (ended && repeats.empty()) return false;
  std::int64_t number = 0;
  if (!repeats.empty() && (ended || repeats.top().due <= later_->sent)) {
    number = repeats.top().number;
    repeats.pop();
  } else {
    number = number_++;
    if (number % 2 == 1) {
      const auto farthest = std::min(kFarthestRepeat, options_.size);
      repeats.push({later_->sent + 1 + dice_.below(farthest), number});
    }
  }
  ++later_->sent;
  ++outcomes_;
  hold(record, number, event_of(number));
  return true;
}

bool Input::is_apart(std::int64_t number) const {
  if (options_.shape == Shape::neighbours) return tenant_of(event_of(number)) != tenant();
  return fault(number) == Fault::none;
}

const std::string& Input::tenant_of(std::size_t event) const {
  return tenants_[event % tenants_.size()];
}

std::size_t Input::event_of_neighbour(Dice& dice) const {
  const std::int64_t others = kNeighbours - 1;
  const auto roll = dice.below(options_.quiet ? others : others + kLoudShare);
  const std::int64_t tenant = roll < others ? roll + 1 : 0;
  const auto each = static_cast<std::int64_t>(events_.size()) / kNeighbours;
  return static_cast<std::size_t>(tenant + kNeighbours * dice.below(each));
}

std::size_t Input::event_of(std::int64_t number) const {
  Dice dice(options_.seed, row(number));
  if (options_.shape == Shape::neighbours) return event_of_neighbour(dice);
  return static_cast<std::size_t>(dice.below(static_cast<std::int64_t>(events_.size())));
}

std::string Input::reservation_id(std::int64_t number) const {
  return Dice(options_.seed, kReservationRow + row(number)).uuid();
}

// Of each of the two sections of an event.
std::int64_t Input::capacity() const {
  return options_.shape == Shape::hot ? std::max<std::int64_t>(1, options_.size / 4) : kPlenty;
}

void Input::envelope(ports::OutgoingRecord& record, const char* type, const std::string& id,
                     const std::string& key, About of) {
  static const std::vector<base::Header> kHeaders{{"content-type", "application/json"},
                                                  {"ce_specversion", "1.0"},
                                                  {"ce_source", "/bench"},
                                                  {"ce_tenantid", ""},
                                                  {"ce_type", ""},
                                                  {"ce_id", ""},
                                                  {"ce_idempotencykey", ""}};
  auto& headers = record.headers;
  if (headers.size() != kHeaders.size()) headers = kHeaders;
  headers[3].value = of.tenant;
  headers[4].value = type;
  headers[5].value = id;
  headers[6].value = key;
  record.key = of.event;
}

void Input::create_event(ports::OutgoingRecord& record, std::size_t event) {
  const auto section = [this](bool first, int price) {
    return fmt::format(
        R"({{"sectionId":"{0}","name":"{0}","capacity":{1},"priceMinor":{2},"currency":"EUR"}})",
        section_of(first), capacity(), price);
  };
  const std::string id = fmt::format("{}-event-{}", options_.label, event);
  envelope(record, kCreateEvent, id, "create-" + events_[event], about(event));
  record.value =
      fmt::format(R"({{"eventId":"{}","venueId":"hall-{}","name":"Evening {}",)"
                  R"("startsAt":"2035-06-01T19:00:00Z","endsAt":"2035-06-01T22:00:00Z",)"
                  R"("timezone":"Europe/Berlin","sections":[{},{}]}})",
                  events_[event], event % 100, event, section(true, 4500), section(false, 6500));
}

void Input::creation(ports::OutgoingRecord& record, std::int64_t number) const {
  const std::string event = created_event(options_.seed, number);
  envelope(record, kCreateEvent, fmt::format("{}-{}", options_.label, number), "create-" + event,
           {tenant(), event});
  record.value = creation_data(event, number);
}

// As a pretty printer with four spaces writes it: about 340 bytes.
void Input::hold(ports::OutgoingRecord& record, std::int64_t number, std::size_t event) const {
  Dice dice(options_.seed, row(number));
  dice.next();  // was the event's
  const std::string reservation = reservation_id(number);
  envelope(record, kCreate, fmt::format("{}-{}", options_.label, number), dice.uuid(),
           about(event));
  if (!record.value) record.value.emplace();
  record.value->clear();
  fmt::format_to(std::back_inserter(*record.value),
                 "{{\n    \"eventId\": \"{}\",\n    \"reservationId\": \"{}\",\n"
                 "    \"customerId\": \"customer-{}\",\n    \"items\": [\n        {{\n"
                 "            \"sectionId\": \"{}\",\n            \"quantity\": 1\n        }}\n"
                 "    ],\n    \"holdSeconds\": 3600\n}}",
                 events_[event], reservation, dice.uuid(), section_of(dice.percent(50)));
}

// A confirmation or a release of a hold that was sent before.
void Input::follow(ports::OutgoingRecord& record, std::int64_t number, Hold hold,
                   bool confirm) const {
  Dice dice(options_.seed, row(number));
  envelope(record, confirm ? kConfirm : kRelease, fmt::format("{}-{}", options_.label, number),
           dice.uuid(), about(hold.event));
  record.value = fmt::format(R"({{"eventId":"{}","reservationId":"{}",{}}})", events_[hold.event],
                             reservation_id(hold.number),
                             confirm ? fmt::format(R"("paymentReference":"pay-{}")", number)
                                     : std::string(R"("reason":"changed their mind")"));
}

// 80 % holds, 10 % confirmations, 5 % releases, 3 % that break the schema, 1 % reused keys, 1 %
// poison. What needs an earlier hold is a hold while there is none.
void Input::mixed(ports::OutgoingRecord& record, std::int64_t number) {
  const std::int64_t roll = dice_.below(100);
  const auto found = std::upper_bound(wanted_.begin(), wanted_.end(), dice_.fraction());
  const auto event =
      std::min<std::size_t>(static_cast<std::size_t>(found - wanted_.begin()), events_.size() - 1);
  if (roll == 99) {  // no identity, no outcome: a dead letter
    record.key = events_[event];
    record.headers.clear();
    record.value = "\xff{{{ poison " + std::to_string(number);
    return;
  }
  ++outcomes_;
  if (roll >= 80 && roll < 95 && !open_.empty()) {
    const auto pick =
        static_cast<std::size_t>(dice_.below(static_cast<std::int64_t>(open_.size())));
    const Hold chosen = open_[pick];
    open_[pick] = open_.back();
    open_.pop_back();
    return follow(record, number, chosen, roll < 90);
  }
  if (roll == 98 && !open_.empty()) {  // another payload under the key of an earlier hold
    const Hold& earlier = open_.back();
    hold(record, earlier.number, earlier.event);
    record.headers[5].value = fmt::format("{}-{}", options_.label, number);
    record.value->replace(record.value->find("3600"), 4, "1800");
    return;
  }
  hold(record, number, event);
  if (roll >= 95 && roll < 98) {
    record.value->replace(record.value->find("\"quantity\": 1"), 13, "\"quantity\": 0");
    return;
  }
  if (open_.size() < kOpenHolds) {
    open_.push_back({number, event});
  } else {
    open_[static_cast<std::size_t>(number) % kOpenHolds] = {number, event};
  }
}

}  // namespace admitone::app::bench
