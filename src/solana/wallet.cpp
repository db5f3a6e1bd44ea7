#include "solana/wallet.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/log.hpp"

namespace admitone::solana {
namespace {

constexpr std::size_t kSecretBytes = 64;
constexpr std::size_t kMaxFileBytes = 4096;

base::Error refused(const std::string& path, std::string_view why) {
  return {base::ErrorKind::permanent, base::Effect::not_applied,
          fmt::format("wallet file '{}' {}", path, why)};
}

class File {
 public:
  explicit File(const std::string& path)
      // Without waiting, as a pipe would make us wait for a writer.
      : descriptor_(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// What is wrong with the file that was opened; empty when nothing is.
std::string fault_of(const struct stat& found) {
  if (!S_ISREG(found.st_mode)) return "is not a regular file";
  if (found.st_uid != ::geteuid())
    return fmt::format("belongs to user {}, not to the one we run as ({})", found.st_uid,
                       ::geteuid());
  const auto mode = static_cast<unsigned>(found.st_mode) & 07777U;
  if (mode != 0600U && mode != 0400U)
    return fmt::format("has mode {:04o}: make it 0600, so that nobody else can read it", mode);
  if (found.st_size > static_cast<off_t>(kMaxFileBytes)) return "is too large to be a wallet";
  return {};
}

std::string open_fault(int error) {
  if (error == ELOOP) return "is a symbolic link: name the file itself";
  return fmt::format("cannot be opened: {}", std::strerror(error));  // NOLINT(*-mt-unsafe)
}

// The bytes until the end of the file; nothing when it cannot be read.
std::optional<std::size_t> read_all(int descriptor, char* into, std::size_t limit) {
  std::size_t have = 0;
  while (have < limit) {
    const auto got = ::read(descriptor, into + have, limit - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {};
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

// Takes the numbers as they are read: a document would leave copies of them on the heap.
class Numbers : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Numbers(unsigned char* into) : into_(into) {}
  [[nodiscard]] bool complete() const { return count_ == kSecretBytes && depth_ == 0; }

  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 1 || value > 255 || count_ == kSecretBytes) return false;
    into_[count_++] = static_cast<unsigned char>(value);
    return true;
  }
  bool start_array(std::size_t) override { return ++depth_ == 1; }
  bool end_array() override { return --depth_ == 0; }
  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t) override { return false; }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool string(string_t&) override { return false; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return false; }
  bool end_object() override { return false; }
  bool key(string_t&) override { return false; }
  // Its text would quote what was read.
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  unsigned char* into_;
  std::size_t count_ = 0;
  int depth_ = 0;
};

}  // namespace

void Wallet::Free::operator()(unsigned char* secret) const {
  sodium_free(secret);  // wipes it
}

Wallet::Secret Wallet::make_secret(std::size_t bytes) {
  Secret made(static_cast<unsigned char*>(sodium_malloc(bytes)));
  if (!made) throw std::bad_alloc();
  return made;
}

base::Result<Wallet> Wallet::load(const std::string& path) {
  if (sodium_init() < 0) return refused(path, "cannot be used: libsodium does not start");
  const File file(path);
  if (file.descriptor() < 0) return refused(path, open_fault(errno));
  struct stat found {};
  if (::fstat(file.descriptor(), &found) != 0) return refused(path, open_fault(errno));
  if (const auto fault = fault_of(found); !fault.empty()) return refused(path, fault);
  const auto text = make_secret(kMaxFileBytes);
  auto* characters = reinterpret_cast<char*>(text.get());
  const auto length = read_all(file.descriptor(), characters, kMaxFileBytes);
  if (!length) return refused(path, "cannot be read");
  auto secret = parse(characters, *length, path);
  if (!secret) return secret.error();
  return checked(std::move(*secret), path);
}

base::Result<Wallet::Secret> Wallet::parse(const char* text, std::size_t length,
                                           const std::string& path) {
  auto secret = make_secret(kSecretBytes);
  Numbers numbers(secret.get());
  if (!nlohmann::json::sax_parse(text, text + length, &numbers) || !numbers.complete())
    return refused(path, "is not a JSON array of 64 numbers from 0 to 255");
  return secret;
}

base::Result<Wallet> Wallet::checked(Secret secret, const std::string& path) {
  Key address;
  const auto derived = make_secret(kSecretBytes);
  crypto_sign_seed_keypair(address.data(), derived.get(), secret.get());
  if (sodium_memcmp(secret.get(), derived.get(), kSecretBytes) != 0)
    return refused(path,
                   "does not fit together: its second half is not the public key of the first");
  // sodium_malloc locks, but does not say when it could not.
  if (sodium_mlock(secret.get(), kSecretBytes) != 0)
    base::logger("solana")->warn(
        "the wallet's key cannot be locked into memory (RLIMIT_MEMLOCK): it may be swapped out");
  sodium_mprotect_readonly(secret.get());
  return Wallet(std::move(secret), address);
}

Signature Wallet::sign(std::string_view message) const {
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr,
                       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                       secret_.get());
  return signature;
}

}  // namespace admitone::solana
