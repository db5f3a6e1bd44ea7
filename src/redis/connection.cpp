#include "redis/connection.hpp"

#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <functional>

namespace admitone::redis {
namespace {

using base::Error;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Reader = std::unique_ptr<redisReader, Freed<redisReaderFree>>;

Error failed(const std::string& what) {
  return {base::ErrorKind::retry_call, base::Effect::unknown, what};
}

// The oldest thing OpenSSL has to say, or the system.
std::string why() {
  std::array<char, 256> text{};
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the connection was closed";
  if (ERR_SYSTEM_ERROR(code))
    return ERR_reason_error_string(code) != nullptr ? ERR_reason_error_string(code)
                                                    : "the connection broke";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

Reply reply_of(const redisReply& from) {
  Reply out;
  switch (from.type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      out.kind = Reply::Kind::text;
      out.text.assign(from.str, static_cast<std::size_t>(from.len));
      break;
    case REDIS_REPLY_ERROR:
      out.kind = Reply::Kind::error;
      out.text.assign(from.str, static_cast<std::size_t>(from.len));
      break;
    case REDIS_REPLY_INTEGER:
      out.kind = Reply::Kind::number;
      out.number = from.integer;
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = Reply::Kind::list;
      for (std::size_t i = 0; i < from.elements; ++i)
        out.list.push_back(reply_of(*from.element[i]));
      break;
    default:
      break;
  }
  return out;
}

// False: there is no memory for it.
bool append(std::string& out, const Command& command) {
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const auto& word : command) {
    words.push_back(word.data());
    lengths.push_back(word.size());
  }
  char* text = nullptr;
  const auto length =
      redisFormatCommandArgv(&text, static_cast<int>(words.size()), words.data(), lengths.data());
  if (length < 0) return false;
  out.append(text, static_cast<std::size_t>(length));
  redisFreeCommand(text);
  return true;
}

}  // namespace

struct Connection::Impl {
  Impl(const ports::Clock& c, base::Instant d) : clock(c), deadline(d) {}

  const ports::Clock& clock;
  base::Instant deadline;
  Context context;
  Bio bio;
  Reader reader{redisReaderCreate()};

  base::Status connect(const Address& address, const Tls& tls);
  base::Status secure(const Address& address, const Tls& tls);
  base::Status come_in(const Address& address);
  base::Status wait();
  // Calls again while it would have to wait for the other side; `call` gives what the BIO gave.
  base::Result<int> until_done(const char* doing, const std::function<int()>& call);
  base::Status send(const std::string& bytes);
  base::Result<std::vector<Reply>> receive(std::size_t replies);
};

base::Status Connection::Impl::wait() {
  int fd = -1;
  if (BIO_get_fd(bio.get(), &fd) < 0) return failed("the connection has no socket");
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.steady());
  if (left.count() <= 0) return failed("no answer in time");
  // (Also while it connects: what is to be waited for then is that it can be written to.)
  const bool reads = BIO_should_read(bio.get()) != 0 && BIO_should_io_special(bio.get()) == 0;
  pollfd one{fd, static_cast<short>(reads ? POLLIN : POLLOUT), 0};
  if (::poll(&one, 1, static_cast<int>(left.count())) == 0) return failed("no answer in time");
  return {};
}

base::Result<int> Connection::Impl::until_done(const char* doing,
                                               const std::function<int()>& call) {
  for (;;) {
    ERR_clear_error();
    const int done = call();
    if (done > 0) return done;
    if (BIO_should_retry(bio.get()) == 0) return failed(fmt::format("{}: {}", doing, why()));
    if (const auto waited = wait(); !waited)
      return failed(fmt::format("{}: {}", doing, waited.error().message));
  }
}

base::Status Connection::Impl::connect(const Address& address, const Tls& tls) {
  bio.reset(BIO_new_connect(address.name().c_str()));
  if (!bio || !reader) return failed("no memory for a connection");
  BIO_set_conn_mode(bio.get(), BIO_SOCK_NODELAY | BIO_SOCK_NONBLOCK);
  const auto connected =
      until_done("connecting", [this] { return static_cast<int>(BIO_do_connect(bio.get())); });
  if (!connected) return connected.error();
  return address.tls ? secure(address, tls) : base::Status{};
}

base::Status Connection::Impl::secure(const Address& address, const Tls& tls) {
  context.reset(SSL_CTX_new(TLS_client_method()));
  if (!context) return failed("no memory for TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool known = tls.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                         : SSL_CTX_load_verify_locations(
                                               context.get(), tls.ca_file.c_str(), nullptr) == 1;
  if (!known) return failed("the authorities' certificates cannot be read");
  BIO* over = BIO_new_ssl(context.get(), 1);
  if (over == nullptr) return failed("no memory for TLS");
  bio.reset(BIO_push(over, bio.release()));
  SSL* ssl = nullptr;
  BIO_get_ssl(bio.get(), &ssl);
  SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
  auto* verify = SSL_get0_param(ssl);
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(verify, address.host.c_str()) == 1;
  ERR_clear_error();
  if (!is_address) {
    SSL_set_tlsext_host_name(ssl, address.host.c_str());
    if (SSL_set1_host(ssl, address.host.c_str()) != 1) return failed("no memory for TLS");
  }
  const auto shaken = until_done("agreeing on TLS",
                                 [this] { return static_cast<int>(BIO_do_handshake(bio.get())); });
  return shaken ? base::Status{} : base::Status{shaken.error()};
}

base::Status Connection::Impl::come_in(const Address& address) {
  std::vector<Command> commands;
  if (!address.password.empty()) {
    Command command{"AUTH"};
    if (!address.user.empty()) command.push_back(address.user);
    command.push_back(address.password);
    commands.push_back(std::move(command));
  }
  if (address.database != 0) commands.push_back({"SELECT", std::to_string(address.database)});
  // Whoever lets us in without asking may still want a password.
  commands.push_back({"PING"});
  std::string bytes;
  for (const auto& command : commands)
    if (!append(bytes, command)) return failed("no memory for a command");
  if (const auto sent = send(bytes); !sent) return sent;
  const auto replies = receive(commands.size());
  if (!replies) return replies.error();
  for (const auto& reply : *replies)
    if (reply.kind == Reply::Kind::error)
      return failed("it refuses us: " + reply.text.substr(0, 80));
  return {};
}

base::Status Connection::Impl::send(const std::string& bytes) {
  constexpr std::size_t kAtOnce = 64 * 1024;
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto some = static_cast<int>(std::min(bytes.size() - sent, kAtOnce));
    const auto done =
        until_done("sending", [&] { return BIO_write(bio.get(), bytes.data() + sent, some); });
    if (!done) return done.error();
    sent += static_cast<std::size_t>(*done);
  }
  return {};
}

base::Result<std::vector<Reply>> Connection::Impl::receive(std::size_t replies) {
  std::vector<Reply> out;
  std::array<char, 16 * 1024> buffer{};
  std::size_t bytes = 0;
  while (out.size() < replies) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader.get(), &reply) != REDIS_OK)
      return failed("its answer is not in its own protocol");
    if (reply != nullptr) {
      out.push_back(reply_of(*static_cast<redisReply*>(reply)));
      freeReplyObject(reply);
      continue;
    }
    const auto read = until_done("reading", [&] {
      return BIO_read(bio.get(), buffer.data(), static_cast<int>(buffer.size()));
    });
    if (!read) return read.error();
    bytes += static_cast<std::size_t>(*read);
    if (bytes > kMostBytes) return failed("its answer is larger than any that was asked for");
    redisReaderFeed(reader.get(), buffer.data(), static_cast<std::size_t>(*read));
  }
  return out;
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

base::Result<std::unique_ptr<Connection>> Connection::open(const Address& address, const Tls& tls,
                                                           const ports::Clock& clock,
                                                           base::Instant deadline) {
  auto impl = std::make_unique<Impl>(clock, deadline);
  if (const auto connected = impl->connect(address, tls); !connected) return connected.error();
  if (const auto in = impl->come_in(address); !in) return in.error();
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

base::Result<std::vector<Reply>> Connection::ask(std::span<const Command> commands,
                                                 base::Instant deadline) {
  impl_->deadline = deadline;
  std::string bytes;
  for (const auto& command : commands)
    if (!append(bytes, command)) return failed("no memory for a command");
  if (const auto sent = impl_->send(bytes); !sent) return sent.error();
  return impl_->receive(commands.size());
}

}  // namespace admitone::redis
