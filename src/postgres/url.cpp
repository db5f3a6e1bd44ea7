#include "postgres/url.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string_view>

#include "base/log.hpp"
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

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

// Null: it is no connection string, or a torn one, of which nothing may be shown.
Options parsed(const std::string& url) {
  char* complaint = nullptr;
  Options out(PQconninfoParse(url.c_str(), &complaint), &PQconninfoFree);
  PQfreemem(complaint);
  for (const auto* option = out.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (looks_torn(*option)) return {nullptr, &PQconninfoFree};
  }
  return out;
}

void lay(std::map<std::string, std::string>& values, const PQconninfoOption* options) {
  for (; options != nullptr && options->keyword != nullptr; ++options)
    if (options->val != nullptr) values[options->keyword] = options->val;
}

// Nullopt: over the limit. Empty, too, when there is no file.
std::optional<std::string> content_of(const std::string& file) {
  constexpr std::size_t kLimit = std::size_t{64} * 1024;
  std::string content(kLimit + 1, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(in.gcount()));
  if (content.size() > kLimit) return std::nullopt;
  while (content.ends_with('\n') || content.ends_with('\r')) content.pop_back();
  return content;
}

struct Book {
  std::mutex mutex;
  std::map<std::string, std::string> last_good;  // by file
};

// Never destroyed: whoever connects may outlive static objects.
Book& book() {
  static auto* const only = new Book;
  return *only;
}

}  // namespace

bool is_local_host(const std::string& host) {
  // 127.example is a name like any other.
  const bool loopback =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return host.empty() || host == "localhost" || host == "::1" || host == "[::1]" || loopback ||
         host.starts_with('/') || host.starts_with('@');
}

std::optional<Way> way_of(const std::string& url) {
  const Options given = parsed(url);
  if (given == nullptr) return std::nullopt;
  std::map<std::string, std::string> values;
  lay(values, Options(PQconndefaults(), &PQconninfoFree).get());
  lay(values, given.get());
  Way way{.host = {}, .sslmode = values["sslmode"], .local = true};
  // An address wins over a name: only the name is in the certificate, only the address is reached.
  std::istringstream hosts(values[values["hostaddr"].empty() ? "host" : "hostaddr"]);
  for (std::string host; std::getline(hosts, host, ',');) {
    const bool local = is_local_host(host);
    if (way.host.empty() || (way.local && !local)) way.host = host;
    way.local = way.local && local;
  }
  // A service is in a file of libpq's: it names the host, and the sslmode unless ours does.
  std::map<std::string, std::string> own;
  lay(own, given.get());
  if (own.contains("service")) {
    if (way.local) way.host = "service " + own["service"];
    way.sslmode = own.contains("sslmode") ? own["sslmode"] : "unknown";
    way.local = false;
  }
  return way;
}

void check_url(const std::string& url) {
  if (parsed(url) != nullptr) return;
  throw Refused(base::ErrorKind::permanent,
                "the database URL is no connection string (postgresql://user:password@host/name, "
                "or pairs of keyword=value); percent-encode special characters of the password, "
                "as %40 for @ and %25 for %, in ADMITONE_DATABASE_URL, ..._OWNER_URL and "
                "..._READER_URL");
}

std::string current_url(const std::string& given, const std::string& file) {
  if (file.empty()) return given;
  const auto url = content_of(file);
  const bool is_being_replaced = url && url->empty();
  const bool is_good = url && !is_being_replaced && parsed(*url) != nullptr;
  if (!is_good && !is_being_replaced)
    base::logger("postgres")
        ->warn("what {} holds now is no connection string; the one before stays in use", file);
  const std::scoped_lock lock(book().mutex);
  if (is_good) return book().last_good[file] = *url;
  const auto kept = book().last_good.find(file);
  return kept == book().last_good.end() ? given : kept->second;
}

std::string advice_on(std::string_view message, const std::string& setting) {
  const auto says = [message](std::string_view part) {
    return message.find(part) != std::string_view::npos;
  };
  if (says("certificate verify failed"))
    return "name the authority that signed the server's certificate as sslrootcert in " + setting +
           ", and see that the certificate has not expired";
  if (says("does not match host name"))
    return "write the name that the server's certificate has as host in " + setting;
  if (says("root certificate file")) return "correct sslrootcert in " + setting;
  if (says("does not support SSL")) return "set ssl = on in postgresql.conf";
  if (says("private key file") || says("certificate file"))
    return "correct sslcert and sslkey in " + setting + "; the key's file must have mode 0600";
  if (says("requires a valid client certificate") || says("certificate required"))
    return "set sslcert and sslkey in " + setting;
  if (says("alert unknown ca") || says("bad certificate"))
    return "the server does not know the authority of sslcert in " + setting;
  if (says("authentication failed") || says("no password supplied"))
    return "correct user and password in " + setting;
  if (says("pg_hba.conf"))
    return "let pg_hba.conf admit this user, host and way, with TLS or without";
  return "is the server up, and is " + setting + " right?";
}

}  // namespace admitone::postgres
