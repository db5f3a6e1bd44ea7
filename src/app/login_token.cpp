#include "app/login_token.hpp"

#include <sodium.h>

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/secret_file.hpp"
#include "base/log.hpp"
#include "contract/text.hpp"

namespace admitone::app {
namespace {

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                        text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

base::Error bad_token(const std::string& what) {
  return {base::ErrorKind::permanent, base::Effect::not_applied,
          "kafka.oauth_token_file: the token " + what};
}

base::Result<kafka::Token> usable_token(std::string_view text, base::Timestamp now) {
  auto token = parse_login_token(text);
  if (!token) return token;
  const base::Timestamp end{token->expires};
  if (end > now) return token;
  return bad_token("is over since " + contract::format_time(end) +
                   "; compare the clocks, and look at what renews it");
}

// The file as it is now.
base::Result<kafka::Token> read_token(const std::string& path, base::Timestamp now) {
  const auto text = read_secret(path);
  if (!text) return bad_token("cannot be read from '" + path + "'");
  return usable_token(*text, now);
}

struct Book {
  std::mutex mutex;
  std::map<std::string, kafka::Token> last_good;  // by path
};

// Never destroyed: librdkafka's threads may outlive static objects.
Book& book() {
  static auto* const only = new Book;
  return *only;
}

}  // namespace

base::Result<kafka::Token> parse_login_token(std::string_view text) {
  const auto first = text.find('.');
  const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return bad_token("is no JWT of three parts");
  const auto payload = from_base64url(text.substr(first + 1, second - first - 1));
  const auto claims =
      nlohmann::json::parse(payload.value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!claims.is_object()) return bad_token("has no claims");
  const auto expires = claims.find("exp");
  if (expires == claims.end() || !expires->is_number()) return bad_token("does not say its end");
  const auto subject = claims.find("sub");
  kafka::Token token;
  token.value = std::string(text);
  token.principal = subject != claims.end() && subject->is_string() ? subject->get<std::string>()
                                                                    : std::string("admitone");
  // A time beyond what a clock can show is no time.
  constexpr double kLast = 253'402'300'800;  // the year 10000
  const double seconds = expires->get<double>();
  if (!(seconds > 0 && seconds < kLast)) return bad_token("does not say its end");
  token.expires = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  return token;
}

base::Result<kafka::Token> login_token(const std::string& path, base::Timestamp now) {
  auto token = read_token(path, now);
  const std::scoped_lock lock(book().mutex);
  if (token) {
    book().last_good[path] = *token;
    return token;
  }
  const auto kept = book().last_good.find(path);
  if (kept == book().last_good.end() || base::Timestamp{kept->second.expires} <= now) return token;
  base::logger("app")->warn("{}; the one before is used until {}", token.error().message,
                            contract::format_time(base::Timestamp{kept->second.expires}));
  return kept->second;
}

void watch_login_token(SecretWatch& secrets, const std::string& path, const ports::Clock& clock,
                       std::function<base::Status(const kafka::Token&)> use) {
  const auto changed = [path, &clock, use = std::move(use)](const std::string& text) {
    const auto token = usable_token(text, clock.now());
    if (!token) return base::Status(token.error());
    {
      const std::scoped_lock lock(book().mutex);
      book().last_good[path] = *token;
    }
    return use(*token);
  };
  secrets.add(path, read_secret(path).value_or(""), changed);
}

}  // namespace admitone::app
