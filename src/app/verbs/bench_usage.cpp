#include "app/verbs/bench_usage.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace admitone::app::bench {

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string of_process(pid_t process, const char* file) {
  return read_file("/proc/" + std::to_string(process) + "/" + file);
}

// /proc/PID/stat, as far as it is wanted here (proc(5)).
struct Stat {
  std::string name;
  pid_t parent = 0;
  double own = 0;       // seconds
  double of_ended = 0;  // seconds of children that were waited for
};

std::optional<Stat> stat_of(pid_t process) {
  const std::string text = of_process(process, "stat");
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(close + 1));
  std::array<std::string, 15> field;  // the state is field 3
  for (auto& each : field) rest >> each;
  if (!rest) return std::nullopt;
  const double tick = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto seconds = [&](std::size_t i) { return std::stod(field[i]) / tick; };
  return Stat{text.substr(open + 1, close - open - 1), std::stoi(field[1]),
              seconds(11) + seconds(12), seconds(13) + seconds(14)};
}

std::vector<std::string> entries(const std::string& path) {
  std::vector<std::string> names;
  std::error_code gone;  // processes come and go
  std::filesystem::directory_iterator each(path, gone);
  for (; !gone && each != std::filesystem::directory_iterator(); each.increment(gone)) {
    names.push_back(each->path().filename().string());
  }
  return names;
}

std::vector<pid_t> processes() {
  std::vector<pid_t> all;
  for (const auto& name : entries("/proc")) {
    pid_t process = 0;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data(), end, process).ptr == end) all.push_back(process);
  }
  return all;
}

// An address of another machine cannot be bound to.
bool is_this_machine(const std::string& host) {
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, nullptr, &found) != 0) return false;
  bool local = false;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const int fd = socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    local = local || bind(fd, each->ai_addr, each->ai_addrlen) == 0;
    close(fd);
  }
  freeaddrinfo(found);
  return local;
}

// Sockets that listen on the port, as /proc/PID/fd names them.
std::set<std::string> listening_sockets(int port) {
  std::set<std::string> sockets;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::istringstream lines(read_file(table));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::array<std::string, 10>
          word;  // sl local remote st queues timer retransmit uid timeout inode
      for (auto& each : word) words >> each;
      const auto colon = word[1].rfind(':');
      if (colon == std::string::npos || word[3] != "0A") continue;
      if (std::stoi(word[1].substr(colon + 1), nullptr, 16) != port) continue;
      sockets.insert("socket:[" + word[9] + "]");
    }
  }
  return sockets;
}

bool holds_one_of(pid_t process, const std::set<std::string>& sockets) {
  const std::string folder = "/proc/" + std::to_string(process) + "/fd";
  for (const auto& name : entries(folder)) {
    char target[64];
    const auto size = readlink((folder + "/" + name).c_str(), target, sizeof(target));
    if (size > 0 && sockets.contains(std::string(target, static_cast<std::size_t>(size)))) {
      return true;
    }
  }
  return false;
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

struct Socket {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) close(fd);
  }
};

}  // namespace

std::optional<double> cpu_of(pid_t process) {
  const auto stat = stat_of(process);
  if (!stat) return std::nullopt;
  return stat->own;
}

std::optional<double> cpu_of_family(pid_t process) {
  const auto head = stat_of(process);
  if (!head) return std::nullopt;
  double sum = head->own + head->of_ended;
  for (const pid_t each : processes()) {
    const auto stat = stat_of(each);
    if (stat && stat->parent == process) sum += stat->own + stat->of_ended;
  }
  return sum;
}

double cpu_of_this() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::optional<Memory> memory_of(pid_t process) {
  std::istringstream lines(of_process(process, "status"));
  Memory memory;
  std::string name;
  while (lines >> name) {
    std::int64_t kib = 0;
    if (name == "VmHWM:" && lines >> kib) memory.peak = kib * 1024;
    if (name == "VmRSS:" && lines >> kib) memory.resident = kib * 1024;
    lines.ignore(1 << 16, '\n');
  }
  if (memory.peak == 0) return std::nullopt;
  return memory;
}

Machine this_machine() {
  Machine machine;
  machine.cores = sysconf(_SC_NPROCESSORS_ONLN);
  machine.memory = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  utsname system{};
  if (uname(&system) == 0) machine.kernel = std::string(system.sysname) + " " + system.release;
  std::istringstream lines(read_file("/proc/cpuinfo"));
  for (std::string line; machine.processor.empty() && std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      machine.processor = line.substr(colon + 2);
    }
  }
  return machine;
}

std::optional<double> share_of_machine(std::optional<double> before, std::optional<double> after,
                                       double seconds) {
  const auto cores = static_cast<double>(this_machine().cores);
  if (!before || !after || seconds <= 0 || cores <= 0) return std::nullopt;
  return (*after - *before) / (seconds * cores) * 100;
}

std::optional<pid_t> postmaster_of(pid_t backend) {
  const auto session = stat_of(backend);
  if (!session || session->name.find("postgres") == std::string::npos) return std::nullopt;
  const auto server = stat_of(session->parent);
  if (!server || server->name.find("postgres") == std::string::npos) return std::nullopt;
  return session->parent;
}

std::optional<pid_t> listener_of(const std::string& servers) {
  const std::string first = servers.substr(0, servers.find(','));
  const auto colon = first.rfind(':');
  int port = 0;
  if (colon == std::string::npos) return std::nullopt;
  std::from_chars(first.data() + colon + 1, first.data() + first.size(), port);
  if (port <= 0 || !is_this_machine(first.substr(0, colon))) return std::nullopt;
  const auto sockets = listening_sockets(port);
  if (sockets.empty()) return std::nullopt;
  for (const pid_t each : processes()) {
    if (holds_one_of(each, sockets)) return each;
  }
  return std::nullopt;
}

int free_port() {
  const Socket socket;
  auto address = loopback(0);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket.fd, raw, size) != 0 || getsockname(socket.fd, raw, &size) != 0) return 0;
  return ntohs(address.sin_port);
}

Samples parse_samples(std::string_view text) {
  Samples samples;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto space = line.rfind(' ');
    if (line.empty() || line.front() == '#' || space == std::string_view::npos) continue;
    double value = 0;
    const auto number = line.substr(space + 1);
    if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc{}) {
      continue;
    }
    samples[std::string(line.substr(0, space))] = value;
  }
  return samples;
}

std::map<std::string, double> by_label(const Samples& samples, const std::string& name,
                                       const std::string& label) {
  const std::string begin = name + "{" + label + "=\"";
  std::map<std::string, double> values;
  for (auto each = samples.lower_bound(begin);
       each != samples.end() && each->first.starts_with(begin); ++each) {
    values[each->first.substr(begin.size(), each->first.find('"', begin.size()) - begin.size())] =
        each->second;
  }
  return values;
}

Samples scrape(int port) {
  const Socket socket;
  const timeval limit{2, 0};
  setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  const auto address = loopback(port);
  if (connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return {};
  }
  constexpr std::string_view kRequest =
      "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  if (send(socket.fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kRequest.size())) {
    return {};
  }
  std::string answer;
  std::array<char, 16384> part{};
  for (;;) {
    const auto got = recv(socket.fd, part.data(), part.size(), 0);
    if (got <= 0) break;
    answer.append(part.data(), static_cast<std::size_t>(got));
  }
  const auto body = answer.find("\r\n\r\n");
  if (body == std::string::npos || answer.compare(0, 12, "HTTP/1.1 200") != 0) return {};
  return parse_samples(std::string_view(answer).substr(body + 4));
}

}  // namespace admitone::app::bench
