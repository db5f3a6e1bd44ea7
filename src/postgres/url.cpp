#include "postgres/url.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "postgres/errors.hpp"

namespace admitone::postgres {
namespace {

// An '@' or '/' in the password ends it early: its rest is then taken for one of these, and named
// when the host is not found.
bool looks_torn(const PQconninfoOption& option) {
  const std::string_view name = option.keyword;
  const std::string_view value = option.val == nullptr ? "" : option.val;
  if (name == "port")
    return !std::ranges::all_of(value, [](char c) { return c == ',' || (c >= '0' && c <= '9'); });
  return (name == "host" || name == "hostaddr" || name == "dbname") &&
         value.find('@') != std::string_view::npos;
}

}  // namespace

void check_url(const std::string& url) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &complaint), &PQconninfoFree);
  PQfreemem(complaint);
  bool sound = parsed != nullptr;
  for (const auto* option = parsed.get(); sound && option->keyword != nullptr; ++option)
    sound = !looks_torn(*option);
  if (sound) return;
  throw Refused(base::ErrorKind::permanent,
                "the database URL is no connection string (postgresql://user:password@host/name, "
                "or pairs of keyword=value); percent-encode special characters of the password, "
                "as %40 for @ and %25 for %, in ADMITONE_DATABASE_URL, ..._OWNER_URL and "
                "..._READER_URL");
}

}  // namespace admitone::postgres
