#include "postgres/dial.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "postgres/url.hpp"

namespace admitone::postgres {

PGconn* dial(const std::string& url, const std::string& application_name,
             std::chrono::milliseconds limit, const char* session) {
  check_url(url);
  const auto timeout = std::to_string(
      std::max<std::int64_t>(2, std::chrono::ceil<std::chrono::seconds>(limit).count()));
  const std::array<const char*, 9> keys{
      "dbname",           "application_name",     "connect_timeout",
      "keepalives_idle",  "keepalives_interval",  "keepalives_count",
      "tcp_user_timeout", "target_session_attrs", nullptr};
  const std::array<const char*, 9> values{
      url.c_str(), application_name.c_str(), timeout.c_str(), "5", "2", "3", "10000", session,
      nullptr};
  PGconn* raw = PQconnectdbParams(keys.data(), values.data(), 1);
  if (raw == nullptr) throw std::bad_alloc();
  return raw;
}

}  // namespace admitone::postgres
