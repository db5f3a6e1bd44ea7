#include "integration/app_verbs/installation.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <pqxx/pqxx>
#include <random>

#include "support/servers.hpp"

namespace admitone::tests {

namespace {

using Clock = std::chrono::steady_clock;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Until the line has come down the pipe; false at its end or after `limit`.
bool wait_for_line(int pipe, const std::string& line, std::chrono::seconds limit) {
  const auto deadline = Clock::now() + limit;
  std::string text;
  while (text.find(line + "\n") == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{pipe, POLLIN, 0};
    if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
    char part[256];
    const auto got = read(pipe, part, sizeof(part));
    if (got <= 0) return false;
    text.append(part, static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

Installation::Installation() {
  std::random_device random;
  name_ = "test_verbs_" + std::to_string(random());
  folder_ = (std::filesystem::temp_directory_path() / name_).string();
  std::filesystem::create_directory(folder_);
  const std::vector<std::pair<std::string, std::string>> settings{
      {"ADMITONE_KAFKA_GROUP_ID", name_},
      {"ADMITONE_KAFKA_COMMAND_TOPICS", home_topic()},
      {"ADMITONE_KAFKA_OUTCOME_TOPIC", outcome_topic()},
      {"ADMITONE_KAFKA_DEAD_LETTER_TOPIC", name_ + ".dead-letters"},
      {"ADMITONE_KAFKA_PARTITIONS", "2"},
      {"ADMITONE_DATABASE_SCHEMA", name_}};
  for (const auto& [variable, value] : settings) exports_ += variable + "=" + quoted(value) + " ";
}

Installation::~Installation() {
  stop_worker();
  try {
    sql("drop schema if exists " + name_ + " cascade");
  } catch (const std::exception&) {
    // The server is gone, and the schema with it.
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Finished Installation::run(const std::string& arguments, const std::string& input) const {
  const std::string in = folder_ + "/in";
  const std::string out = folder_ + "/out";
  const std::string err = folder_ + "/err";
  std::ofstream(in, std::ios::binary) << input;
  const std::string command = "env " + exports_ + quoted(from_environment("ADMITONE_PROGRAM")) +
                              " " + arguments + " <" + in + " >" + out + " 2>" + err;
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_file(out), read_file(err)};
}

bool Installation::start_worker() {
  const std::string command = "exec env " + exports_ +
                              quoted(from_environment("ADMITONE_PROGRAM")) + " worker 2>" +
                              folder_ + "/worker.err";
  int ends[2];
  if (pipe(ends) != 0) return false;
  worker_ = fork();
  if (worker_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  close(ends[1]);
  worker_output_ = ends[0];
  return worker_ > 0 && wait_for_line(worker_output_, "ready", std::chrono::seconds{60});
}

void Installation::stop_worker() {
  if (worker_ <= 0) return;
  kill(worker_, SIGTERM);
  waitpid(worker_, nullptr, 0);
  close(worker_output_);
  worker_ = -1;
}

void Installation::sql(const std::string& statement) const {
  pqxx::connection connection(from_environment("ADMITONE_TEST_PG_SUPERUSER_URL"));
  pqxx::work work(connection);
  work.exec("set search_path to " + name_ + ", public");
  work.exec(statement);
  work.commit();
}

bool Installation::settled(int seconds) const {
  const auto deadline = Clock::now() + std::chrono::seconds{seconds};
  pqxx::connection connection(from_environment("ADMITONE_TEST_PG_SUPERUSER_URL"));
  for (;;) {
    pqxx::work work(connection);
    work.exec("set search_path to " + name_ + ", public");
    const auto row = work.exec1("select coalesce(sum(unpublished), 0), count(*) from lane_log");
    const auto running =
        work.exec1("select count(*) from command_log where status = 'in_progress'");
    if (row[0].as<long>() == 0 && row[1].as<long>() > 0 && running[0].as<long>() == 0) return true;
    if (Clock::now() > deadline) return false;
  }
}

}  // namespace admitone::tests
