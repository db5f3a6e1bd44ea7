#include <array>
#include <chrono>

#include "contract/text.hpp"

namespace admitone::contract {
namespace {

using base::Timestamp;
using std::chrono::microseconds;

// Reads a text from its front; once something does not fit, everything that follows fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!at_digit()) return fail();
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  // One of the characters, which is returned.
  char one_of(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) {
      fail();
      return 0;
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  // ".5" and longer; zero when there is no point.
  microseconds fraction() {
    if (!rest_.starts_with('.')) return {};
    rest_.remove_prefix(1);
    if (!at_digit()) fail();
    int value = 0;
    for (int scale = 100'000; at_digit(); scale /= 10) {
      value += scale * (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return microseconds{value};
  }
  [[nodiscard]] bool at_end() const { return !failed_ && rest_.empty(); }

 private:
  [[nodiscard]] bool at_digit() const {
    return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
  }
  int fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool failed_ = false;
};

// Writes a number of known width with leading zeros, and steps behind it.
void put_digits(char*& at, std::int64_t value, std::size_t width) {
  for (std::size_t i = width; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
  at += width;
}

std::chrono::year_month_day date_of(int year, int month, int day) {
  return {std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
          std::chrono::day{static_cast<unsigned>(day)}};
}

bool in_years_of_rfc3339(Timestamp time) {
  return time >= Timestamp{std::chrono::sys_days{date_of(1, 1, 1)}} &&
         time < Timestamp{std::chrono::sys_days{date_of(10'000, 1, 1)}};
}

}  // namespace

std::optional<Timestamp> parse_time(std::string_view text) {
  Reader reader(text);
  const int year = reader.digits(4);
  reader.one_of("-");
  const int month = reader.digits(2);
  reader.one_of("-");
  const auto date = date_of(year, month, reader.digits(2));
  reader.one_of("Tt");
  const int hour = reader.digits(2);
  reader.one_of(":");
  const int minute = reader.digits(2);
  reader.one_of(":");
  const int second = reader.digits(2);
  const auto fraction = reader.fraction();
  int offset = 0;
  if (const char sign = reader.one_of("Zz+-"); sign == '+' || sign == '-') {
    const int hours = reader.digits(2);
    reader.one_of(":");
    const int minutes = reader.digits(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
  }
  if (!reader.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  const Timestamp time = Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
                         std::chrono::minutes{minute - offset} + std::chrono::seconds{second} +
                         fraction;
  if (!in_years_of_rfc3339(time)) return std::nullopt;
  return time;
}

void append_time(std::string& out, Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::array<char, sizeof("9999-12-31T23:59:59.999999Z")> text{};
  char* at = text.data();
  // A hold may last longer than the years of RFC 3339.
  if (const int year = static_cast<int>(date.year()); year > 9999) {
    append_number(out, year);
  } else {
    put_digits(at, year, 4);
  }
  *at++ = '-';
  put_digits(at, static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  put_digits(at, static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  put_digits(at, clock.hours().count(), 2);
  *at++ = ':';
  put_digits(at, clock.minutes().count(), 2);
  *at++ = ':';
  put_digits(at, clock.seconds().count(), 2);
  if (const auto micros = clock.subseconds().count(); micros != 0) {
    *at++ = '.';
    if (micros % 1000 == 0) {
      put_digits(at, micros / 1000, 3);
    } else {
      put_digits(at, micros, 6);
    }
  }
  *at++ = 'Z';
  out.append(std::string_view(text.data(), at));
}

std::string format_time(Timestamp time) {
  std::string out;
  append_time(out, time);
  return out;
}

}  // namespace admitone::contract
