#include "simulate/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace admitone::simulate {
namespace {

base::Error failure(const std::string& what, int code) {
  return {base::ErrorKind::permanent, base::Effect::not_applied,
          what + ": " + std::generic_category().message(code)};
}

base::Result<std::string> read_all(int file, const std::string& path) {
  std::string text;
  std::array<char, 65'536> piece{};
  for (;;) {
    const ssize_t got = ::read(file, piece.data(), piece.size());
    if (got < 0) return failure("cannot read " + path, errno);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

struct Parsed {
  std::vector<Json> entries;
  std::size_t whole = 0;  // bytes up to the end of the last good line
};

base::Result<Parsed> parse(const std::string& text, const std::string& path) {
  Parsed out;
  while (out.whole < text.size()) {
    const auto end = text.find('\n', out.whole);
    if (end == std::string::npos) break;
    Json entry = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(out.whole),
                             text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (!entry.is_object()) {
      if (end + 1 == text.size()) break;
      return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                         path + ": line " + std::to_string(out.entries.size() + 1) +
                             " is no entry of a simulator's journal; use --reset to begin anew"};
    }
    out.entries.push_back(std::move(entry));
    out.whole = end + 1;
  }
  return out;
}

}  // namespace

base::Result<Journal::Opened> Journal::open(const std::string& path, Keep keep) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return failure("cannot open " + path, errno);
  Opened opened{std::unique_ptr<Journal>(new Journal(file)), {}};
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    return base::Error{base::ErrorKind::permanent, base::Effect::not_applied,
                       path + " is in use by another simulator; give this one a file of its own"};
  }
  std::size_t whole = 0;
  if (keep == Keep::what_is_there) {
    auto text = read_all(file, path);
    if (!text) return text.error();
    auto parsed = parse(*text, path);
    if (!parsed) return parsed.error();
    whole = parsed->whole;
    opened.entries = std::move(parsed->entries);
  }
  if (::ftruncate(file, static_cast<off_t>(whole)) != 0 || ::fsync(file) != 0) {
    return failure("cannot write " + path, errno);
  }
  return opened;
}

Journal::~Journal() {
  ::close(file_);
}

void Journal::append(const Json& entry) {
  const std::string line = text_of(entry) + '\n';
  const std::lock_guard lock(mutex_);
  waiting_ += line;
  ++appended_;
}

base::Status Journal::sync() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = appended_;
  while (synced_ < mine && disk_) {
    if (writing_) {
      written_.wait(lock);
      continue;
    }
    writing_ = true;
    const std::string lines = std::exchange(waiting_, {});
    const std::uint64_t last = appended_;
    lock.unlock();
    auto status = write(lines);
    lock.lock();
    writing_ = false;
    if (status) synced_ = last;
    disk_ = std::move(status);
    written_.notify_all();
  }
  return disk_;
}

base::Status Journal::write(const std::string& lines) const {
  std::size_t at = 0;
  while (at < lines.size()) {
    const ssize_t wrote = ::write(file_, lines.data() + at, lines.size() - at);
    if (wrote < 0) return failure("cannot write the journal", errno);
    at += static_cast<std::size_t>(wrote);
  }
  if (::fdatasync(file_) != 0) return failure("cannot write the journal", errno);
  return {};
}

}  // namespace admitone::simulate
