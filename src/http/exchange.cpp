#include "http/exchange.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "http/rules.hpp"
#include "http/sockets.hpp"

namespace admitone::http {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{64} * 1024;  // with the status line

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Exchange::Exchange(std::uint64_t number, std::string origin, Request request, Done done)
    : number_(number),
      origin_(std::move(origin)),
      request_(std::move(request)),
      done_(std::move(done)) {}

// An option that curl does not take is our own mistake, or there is no memory.
template <class Value>
void Exchange::set(CURLoption option, Value value) {
  ADMITONE_ASSERT(curl_easy_setopt(curl_.get(), option, value) == CURLE_OK);
}

// By what is left, not by a sum: the deadline may be as far away as the clock can count.
void Exchange::has_place(base::Instant now) {
  if (request_.deadline - now > request_.limit) request_.deadline = now + request_.limit;
}

CURL* Exchange::start(const Line& line, std::chrono::milliseconds left) {
  ADMITONE_ASSERT(!started());
  curl_.reset(curl_easy_init());
  ADMITONE_ASSERT(started());
  line_ = &line;
  set_line(line, left);
  set_request();
  set_headers();
  set_answer();
  return curl_.get();
}

void Exchange::set_line(const Line& line, std::chrono::milliseconds left) {
  set(CURLOPT_PROTOCOLS_STR, line.allow_insecure ? "https,http" : "https");
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");  // empty: none, whatever the environment says
  set(CURLOPT_NOSIGNAL, 1L);
  // A look-up of a name that hangs must not hold the loop when its request is given up.
  set(CURLOPT_QUICK_EXIT, 1L);
  // One request at a time on a connection: whoever breaks one breaks no other.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!line.ca_file.empty()) {
    set(CURLOPT_CAINFO, line.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(line.connect_limit, left).count()));
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(line.idle_limit.count()));
  set(CURLOPT_SOCKOPTFUNCTION, &set_up_socket);
  set(CURLOPT_SOCKOPTDATA, const_cast<void*>(static_cast<const void*>(&line.send_limit)));
  set(CURLOPT_CLOSESOCKETFUNCTION, &close_socket);
  set(CURLOPT_PREREQFUNCTION, &Exchange::before_request);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, detail_.data());
}

void Exchange::set_request() {
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  if (request_.method != "GET" || !request_.body.empty()) {
    // A body makes it a POST for curl, the method's name is put in place of that.
    const bool has_body = !request_.body.empty() || request_.method != "DELETE";
    if (has_body) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDS, request_.body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    }
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void Exchange::set_headers() {
  const auto add = [this](const std::string& line) {
    auto* const longer = curl_slist_append(headers_.get(), line.c_str());
    ADMITONE_ASSERT(longer != nullptr);
    static_cast<void>(headers_.release());
    headers_.reset(longer);
  };
  bool has_type = false;
  bool has_agent = false;
  for (const auto& [name, value] : request_.headers) {
    add(value.empty() ? name + ';' : name + ": " + value);
    has_type = has_type || same_name(name, "Content-Type");
    has_agent = has_agent || same_name(name, "User-Agent");
  }
  // Without a value: curl adds none of its own.
  if (!has_type) add("Content-Type:");
  add("Expect:");
  if (!has_agent) add("User-Agent: admitone");
  set(CURLOPT_HTTPHEADER, headers_.get());
}

void Exchange::set_answer() {
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.max_answer_bytes));
  set(CURLOPT_HEADERFUNCTION, &Exchange::take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Exchange::take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
}

int Exchange::before_request(void* self, char* /*remote*/, char* /*local*/, int /*remote_port*/,
                             int /*local_port*/) {
  auto& exchange = *static_cast<Exchange*>(self);
  exchange.again_ = exchange.sent_;
  exchange.late_ = !exchange.again_ && exchange.line_->clock->steady() >= exchange.deadline();
  if (exchange.again_ || exchange.late_) return CURL_PREREQFUNC_ABORT;
  exchange.sent_ = true;
  return CURL_PREREQFUNC_OK;
}

std::size_t Exchange::take_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  const std::string_view line(bytes, size * count);
  return static_cast<Exchange*>(self)->keep_header(line) ? line.size() : 0;
}

bool Exchange::keep_header(std::string_view line) {
  header_bytes_ += line.size();
  too_much_ = header_bytes_ > kMaxHeaderBytes;
  if (too_much_) return false;
  // A status line: what came before it was an interim answer.
  const bool is_status = line.starts_with("HTTP/");
  if (is_status) response_.headers.clear();
  head_is_all_ = !is_status && (head_is_all_ || trimmed(line).empty());
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && colon > 0 && line.front() != ' ' && line.front() != '\t')
    response_.headers.push_back({std::string(trimmed(line.substr(0, colon))),
                                 std::string(trimmed(line.substr(colon + 1)))});
  return true;
}

std::size_t Exchange::take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  auto& body = exchange.response_.body;
  const std::string_view more(bytes, size * count);
  exchange.too_much_ = more.size() > exchange.request_.max_answer_bytes - body.size();
  if (exchange.too_much_) return 0;
  body.append(more);
  return more.size();
}

Ending Exchange::result(CURLcode code) {
  if (late_)
    return Ending::nobody_asked(
        given_up(base::ErrorKind::retry_call, "its deadline passed before it could be sent"));
  if (code != CURLE_OK) return given_up(base::ErrorKind::retry_call, why_failed(code));
  long status = 0;
  curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
  // Curl takes a connection that ends within the headers for the end of the answer.
  if (status < 200 || !head_is_all_)
    return given_up(base::ErrorKind::retry_call, "the answer ended within its headers");
  response_.status = static_cast<int>(status);
  return std::move(response_);
}

base::Error Exchange::given_up(base::ErrorKind kind, std::string_view why) const {
  return {kind, sent_ ? base::Effect::unknown : base::Effect::not_applied,
          origin_ + ": " + std::string(why)};
}

std::string Exchange::why_failed(CURLcode code) const {
  if (again_) return "the connection broke before the answer; the request is not sent again";
  if (too_much_ || code == CURLE_FILESIZE_EXCEEDED)
    return "the answer is over its limit of " + std::to_string(request_.max_answer_bytes) +
           " bytes, or its headers over theirs";
  // What curl says in detail may hold what the other side sent, once there was an exchange.
  if (!sent_ && detail_.front() != '\0') return base::field(detail_.data());
  return curl_easy_strerror(code);
}

}  // namespace admitone::http
