#include "app/verbs/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace admitone::app {

namespace {

constexpr int kCouldNotStart = 127;

base::Error failed(const char* what) {
  return {base::ErrorKind::permanent, base::Effect::not_applied,
          std::string(what) + ": " + std::strerror(errno)};
}

// Between fork and exec only what is safe beside other threads' locks.
[[noreturn]] void become(pid_t parent, const char* program, int output, int errors,
                         char* const* arguments, char* const* environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCouldNotStart);  // it went before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (output >= 0) {
    dup2(output, STDOUT_FILENO);
    dup2(errors >= 0 ? errors : output, STDERR_FILENO);
  }
  execve(program, arguments, environment);
  _exit(kCouldNotStart);
}

int open_log(const std::string& path) {
  if (path.empty()) return -1;
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

base::Result<Child> Child::start(const Options& options) {
  std::vector<std::string> arguments{"admitone"};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> environment;
  for (const auto& [name, value] : options.environment) environment.push_back(name + "=" + value);
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);

  const int output = open_log(options.output);
  if (!options.output.empty() && output < 0) return failed(options.output.c_str());
  const int errors = open_log(options.errors);
  const char* program = options.program.empty() ? "/proc/self/exe" : options.program.c_str();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(parent, program, output, errors, argv.data(), envp.data());
  if (output >= 0) close(output);
  if (errors >= 0) close(errors);
  if (pid < 0) return failed("fork");
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  return Child(pid, pidfd);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      code_(std::exchange(other.code_, std::nullopt)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::exchange(other.pidfd_, -1);
    code_ = std::exchange(other.code_, std::nullopt);
  }
  return *this;
}

Child::~Child() {
  end();
}

void Child::end() {
  if (pid_ > 0 && !code_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (pidfd_ >= 0) close(pidfd_);
  pid_ = -1;
  pidfd_ = -1;
}

void Child::signal(int number) const {
  if (pid_ > 0 && !code_) kill(pid_, number);
}

std::optional<int> Child::wait(std::chrono::milliseconds limit) {
  if (code_ || pid_ <= 0) return code_;
  if (limit.count() > 0 && pidfd_ >= 0) {
    pollfd waiting{pidfd_, POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(limit.count()));
  }
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return code_;
}

}  // namespace admitone::app
