#include "resilience/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace admitone::resilience {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> kLongDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                    "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads a text from its front; once something does not fit, everything that follows fails too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Reader& literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return fail();
    rest_.remove_prefix(expected.size());
    return *this;
  }
  template <std::size_t N>
  unsigned one_of(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i) {
      if (!rest_.starts_with(names[i])) continue;
      rest_.remove_prefix(names[i].size());
      return static_cast<unsigned>(i);
    }
    fail();
    return 0;
  }
  int digits(std::size_t count) {
    if (rest_.size() < count || !is_number(rest_.substr(0, count))) return fail().zero();
    int value = 0;
    for (const char c : rest_.substr(0, count)) value = value * 10 + (c - '0');
    rest_.remove_prefix(count);
    return value;
  }
  // Two characters, the first of which may be a blank.
  int padded_day() {
    if (!rest_.starts_with(' ')) return digits(2);
    rest_.remove_prefix(1);
    return digits(1);
  }
  [[nodiscard]] bool at_end() const { return !failed_ && rest_.empty(); }

  static bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  }

 private:
  Reader& fail() {
    failed_ = true;
    rest_ = {};
    return *this;
  }
  static int zero() { return 0; }
  std::string_view rest_;
  bool failed_ = false;
};

struct Parts {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void read_clock(Reader& reader, Parts& parts) {
  parts.hour = reader.digits(2);
  parts.minute = reader.literal(":").digits(2);
  parts.second = reader.literal(":").digits(2);
}

std::optional<Parts> imf_fixdate(std::string_view text) {
  Reader reader(text);
  Parts parts;
  reader.one_of(kDays);
  parts.day = reader.literal(", ").digits(2);
  parts.month = reader.literal(" ").one_of(kMonths);
  parts.year = reader.literal(" ").digits(4);
  reader.literal(" ");
  read_clock(reader, parts);
  return reader.literal(" GMT").at_end() ? std::optional(parts) : std::nullopt;
}

int year_of(base::Timestamp time) {
  return static_cast<int>(
      std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(time)}.year());
}

std::optional<Parts> rfc850_date(std::string_view text, base::Timestamp now) {
  Reader reader(text);
  Parts parts;
  reader.one_of(kLongDays);
  parts.day = reader.literal(", ").digits(2);
  parts.month = reader.literal("-").one_of(kMonths);
  const int short_year = reader.literal("-").digits(2);
  reader.literal(" ");
  read_clock(reader, parts);
  if (!reader.literal(" GMT").at_end()) return std::nullopt;
  const int latest = year_of(now) + 50;
  parts.year = latest - (latest - short_year) % 100;
  return parts;
}

std::optional<Parts> asctime_date(std::string_view text) {
  Reader reader(text);
  Parts parts;
  reader.one_of(kDays);
  parts.month = reader.literal(" ").one_of(kMonths);
  parts.day = reader.literal(" ").padded_day();
  reader.literal(" ");
  read_clock(reader, parts);
  parts.year = reader.literal(" ").digits(4);
  return reader.at_end() ? std::optional(parts) : std::nullopt;
}

std::optional<base::Timestamp> time_of(const Parts& parts) {
  const std::chrono::year_month_day date{std::chrono::year{parts.year},
                                         std::chrono::month{parts.month + 1},
                                         std::chrono::day{static_cast<unsigned>(parts.day)}};
  // 60 is a leap second, which falls together with the next one.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  return base::Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{parts.hour} +
         std::chrono::minutes{parts.minute} + std::chrono::seconds{parts.second};
}

milliseconds bounded_seconds(std::string_view digits, milliseconds most) {
  std::int64_t seconds = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  const auto limit = std::chrono::ceil<std::chrono::seconds>(most).count();
  if (read.ec != std::errc() || seconds > limit) return most;
  return std::min(most, milliseconds{std::chrono::seconds{seconds}});
}

}  // namespace

std::optional<base::Timestamp> parse_http_date(std::string_view text, base::Timestamp now) {
  auto parts = imf_fixdate(text);
  if (!parts) parts = rfc850_date(text, now);
  if (!parts) parts = asctime_date(text);
  return parts ? time_of(*parts) : std::nullopt;
}

std::optional<milliseconds> retry_after(std::string_view value, base::Timestamp now,
                                        milliseconds most) {
  if (Reader::is_number(value)) return bounded_seconds(value, most);
  const auto date = parse_http_date(value, now);
  if (!date) return std::nullopt;
  if (*date <= now) return milliseconds::zero();
  if (*date - now >= most) return most;
  return std::chrono::ceil<milliseconds>(*date - now);
}

}  // namespace admitone::resilience
