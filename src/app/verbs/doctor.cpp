#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "app/settings_table.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/verbs/examine_jobs.hpp"
#include "app/verbs/look.hpp"
#include "app/wiring.hpp"
#include "app/wiring_outside.hpp"
#include "base/log.hpp"
#include "kafka/admin.hpp"
#include "kafka/probe.hpp"
#include "kafka/topics.hpp"
#include "postgres/migrator.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;
using postgres::CellTable;

// Between the worker's machine and the database's: expiry times are compared with the latter.
constexpr double kDriftWarning = 2.0;

class Examination {
 public:
  explicit Examination(Context& context) : context_(context) {}

  Rows run() {
    settings();
    if (broken_settings_) return std::move(rows_);
    try {
      broker();
    } catch (const VerbError& error) {
      fail("broker", error.what(), "correct kafka.option_files");
    }
    worker_database();
    reader_database();
    redis();
    return std::move(rows_);
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void ok(const char* check, const std::string& what) { rows_.add({"ok", check, what, nullptr}); }
  void warn(const char* check, const std::string& what, const std::string& fix) {
    rows_.add({"warn", check, what, fix});
  }
  void fail(const char* check, const std::string& what, const std::string& fix) {
    failed_ = true;
    rows_.add({"fail", check, what, fix});
  }

  void settings() {
    const Loaded& loaded = context_.loaded();
    for (const auto& line : loaded.errors) fail("settings", line, "");
    for (const auto& problem : check_settings(loaded.settings)) {
      fail("settings", problem.key + ": " + problem.what, problem.fix);
    }
    broken_settings_ = failed_;
    if (failed_) return;
    // The worker's user may see other files, and see them otherwise.
    for (const auto& problem : check_secrets(loaded.settings))
      warn("settings", problem.key + ": " + problem.what, problem.fix);
    ok("settings", "what is set fits together");
    const auto open = insecure_settings(loaded.settings);
    for (const auto& problem : open)
      warn("security", problem.key + ": " + problem.what, problem.fix);
    if (open.empty()) ok("security", "what is not on this machine is proven to be the right one");
  }

  [[nodiscard]] const Settings& values() { return context_.loaded().settings; }

  void broker() {
    if (values().kafka.bootstrap_servers.empty()) {
      return fail("broker", "no broker is named", "set kafka.bootstrap_servers");
    }
    const auto admin = kafka::Admin::create(kafka_for(context_, "doctor"));
    if (!admin) return fail("broker", admin.error().message, "correct the settings of kafka");
    const auto limit = values().kafka.request_timeout;
    const auto cluster = admin.value()->reach(limit);
    if (!cluster) {
      return fail("broker", cluster.error().message,
                  "see that the broker runs, and do what is said there");
    }
    ok("broker",
       fmt::format("{} brokers answer at {}", cluster->brokers, values().kafka.bootstrap_servers));
    const kafka::TopicPlan plan = topic_plan(values());
    const auto facts = admin.value()->describe(kafka::names_of(plan), limit);
    if (!facts) return fail("topics", facts.error().message, "check the rights on topics");
    home_partitions_ = facts->empty() ? 0 : facts->front().partitions;
    for (const auto& finding : kafka::compare(plan, *facts)) {
      using Level = kafka::Finding::Level;
      if (finding.level == Level::ok) ok("topics", finding.what);
      if (finding.level == Level::warn) warn("topics", finding.what, finding.fix);
      if (finding.level == Level::fail) fail("topics", finding.what, finding.fix);
    }
    const auto members = admin.value()->members(values().kafka.group_id, limit);
    if (!members) return fail("group", members.error().message, "check the rights on groups");
    members_ = *members;
  }

  // A log that waits while nobody reads it looks well from everywhere else.
  void group(const CellTable& lanes) {
    if (!members_) return;
    const std::string& name = values().kafka.group_id;
    if (*members_ > 0) return ok("group", fmt::format("{} has {} members", name, *members_));
    const std::int64_t waiting = lag(lanes);
    const std::string what = fmt::format("{} has no member", name);
    if (waiting == 0) return ok("group", what + ", and no command waits");
    warn("group", fmt::format("{}, and {} commands wait", what, waiting),
         "start `admitone worker`; what it says on stderr tells why it ended");
  }

  // Records of the home topic that nobody has decided.
  std::int64_t lag(const CellTable& lanes) {
    const auto probe = kafka::Probe::create(kafka_for(context_, "doctor"), values().kafka.group_id);
    if (!probe) throw VerbError(kFailed, probe.error().message);
    const std::string& home = values().kafka.command_topics.front();
    std::map<std::int64_t, Json> next;
    for (std::size_t i = 0; i < lanes.rows.size(); ++i) {
      if (cell_text(cell(lanes, i, "topic")) != home) continue;
      next[cell(lanes, i, "partition").get<std::int64_t>()] = cell(lanes, i, "next_offset");
    }
    std::int64_t waiting = 0;
    for (std::int32_t partition = 0; partition < home_partitions_; ++partition) {
      const auto ends =
          must((*probe)->watermarks({home, partition}, values().kafka.request_timeout));
      const Json& from = next[partition];
      waiting += ends.high - (from.is_number() ? from.get<std::int64_t>() : ends.low);
    }
    return waiting;
  }

  // Connecting verifies the role and the session's settings.
  void worker_database() {
    if (values().database.url.empty()) {
      return warn("worker role", "database.url is not set: the worker cannot start here",
                  "set ADMITONE_DATABASE_URL");
    }
    const auto schema = postgres::check_schema(
        connection_settings(values(), values().database.url, "doctor"), postgres::RoleKind::worker);
    if (!schema) {
      return fail("worker role", schema.error().message, "check ADMITONE_DATABASE_URL");
    }
    ok("worker role", "connects, and row level security holds for it");
    if (!schema->problem.empty()) return fail("schema", schema->problem, "admitone migrate up");
    ok("schema", fmt::format("version {} of {}", schema->found, schema->known));
  }

  void reader_database() {
    if (values().database.reader_url.empty()) {
      return warn("reader role", "database.reader_url is not set: read verbs cannot run here",
                  "set ADMITONE_DATABASE_READER_URL");
    }
    try {
      auto views = open_views(context_);
      ok("reader role", "connects");
      server(views);
      roles(views);
      pins(views);
      work(views);
    } catch (const VerbError& error) {
      fail("reader role", error.what(), "check ADMITONE_DATABASE_READER_URL; admitone migrate up");
    }
  }

  // No worker needs it to be ready, so a Redis that is away fails nothing.
  void redis() {
    const auto settings = redis_settings(values());
    if (!settings) return ok("redis", "off: PostgreSQL alone is asked for keys");
    const auto answered = redis::probe(*settings, clock_);
    const auto name = settings->address.name();
    if (answered) {
      return ok("redis", fmt::format("up: {} answered in {:.1f} ms", name,
                                     std::chrono::duration<double, std::milli>(*answered).count()));
    }
    warn("redis",
         fmt::format("down: {}: {}; PostgreSQL alone is asked for keys", name,
                     base::field(answered.error().message)),
         "check redis.url and redis.password, or leave redis.url empty");
  }

  void server(postgres::Views& views) {
    std::map<std::string, std::string> facts;
    for (const auto& row : ask(views, queries::server_facts()).rows) {
      facts[postgres::text(row[0])] = postgres::text(row[1]);
    }
    for (const char* name : {"fsync", "full_page_writes"}) {
      if (facts[name] == "on") continue;
      fail("database",
           fmt::format("{} is {}: a crash of the server loses decided commands", name, facts[name]),
           fmt::format("set {} = on in postgresql.conf", name));
    }
    if (facts["synchronous_commit"] == "off") {
      warn("database", "synchronous_commit is off by default; sessions of the worker set it",
           "set synchronous_commit = on");
    }
    ok("database", "server version " + facts["server_version_num"]);
    capacity(facts);
    const std::string now = cell_text(cell(ask(views, queries::clock()), 0, "seconds"));
    const double drift = clock_seconds() - std::atof(now.c_str());
    const std::string what = fmt::format("this machine is {:+.1f} s from the database", drift);
    if (std::abs(drift) > kDriftWarning) {
      warn("clock", what, "let both follow one time server: expiry times are compared there");
    } else {
      ok("clock", what);
    }
  }

  // What docs/performance.md recommends; the server's own units.
  void capacity(std::map<std::string, std::string>& facts) {
    struct Recommended {
      const char* name;
      double least;
      const char* value;
      const char* why;
    };
    static constexpr std::array kRecommended{
        Recommended{"max_wal_size", 8192, "8GB", "checkpoints come with every gigabyte of WAL"},
        Recommended{"checkpoint_timeout", 900, "15min", "pages are logged whole after each one"},
        Recommended{"shared_buffers", 65536, "512MB or a quarter of the memory",
                    "the indexes of the current ledger part do not stay in memory"},
    };
    bool all = true;
    for (const auto& one : kRecommended) {
      if (std::atof(facts[one.name].c_str()) >= one.least) continue;
      all = false;
      warn("capacity", fmt::format("{} is small: {}", one.name, one.why),
           fmt::format("set {} = {} in postgresql.conf", one.name, one.value));
    }
    if (facts["autovacuum"] != "on") {
      all = false;
      warn("capacity", "autovacuum is off: tables and plans grow old", "set autovacuum = on");
    }
    if (all) ok("capacity", "checkpoints, memory and autovacuum are set for steady load");
  }

  double clock_seconds() const {
    return static_cast<double>(base::to_unix_micros(clock_.now())) / 1e6;
  }

  void roles(postgres::Views& views) {
    const CellTable table = ask(views, queries::role_facts());
    const auto is = [&](std::size_t row, const char* column) {
      return cell(table, row, column) == Json(true);
    };
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      const std::string role = cell_text(cell(table, i, "role"));
      const bool owner = role == "admitone_owner";
      if (is(i, "superuser") || is(i, "bypasses_rls")) {
        fail("roles", role + " looks past row level security",
             "alter role " + role + " nosuperuser nobypassrls");
      } else if (!owner && is(i, "owns_tables")) {
        fail("roles", role + " owns tables of the schema",
             "give them to the owner's role: reassign owned by " + role);
      }
    }
    const CellTable open = ask(views, queries::unprotected_tables());
    for (std::size_t i = 0; i < open.rows.size(); ++i) {
      fail("row level security", cell_text(cell(open, i, "table")) + " is not protected in full",
           "alter table … enable row level security, force row level security");
    }
    if (open.rows.empty()) ok("row level security", "forced on every table with a tenant");
  }

  // What the first worker wrote down and all others must agree with.
  void pins(postgres::Views& views) {
    const std::string ours = find_setting("kafka.partitioner")->read(values()).scalar;
    const CellTable table = ask(views, queries::deployment());
    if (table.rows.empty() || cell(table, 0, "home_topic").is_null()) {
      return ok("pinned", "nothing yet: the first worker will");
    }
    const std::string home = cell_text(cell(table, 0, "home_topic"));
    const Json count = cell(table, 0, "partition_count");
    if (home != values().kafka.command_topics.front()) {
      fail("pinned", "the home topic of this database is " + home,
           "name it first in kafka.command_topics, or use another database.schema");
    } else if (home_partitions_ != 0 && count != Json(home_partitions_)) {
      fail("pinned",
           fmt::format("{} partitions are pinned, the topic has {}", cell_text(count),
                       home_partitions_),
           "an event's lane follows from the count: make the topic with the pinned count again, or "
           "move its events, see docs/runbooks/more-partitions.md");
    } else if (const auto partitioner = cell_text(cell(table, 0, "partitioner"));
               partitioner != ours) {
      fail("pinned",
           fmt::format("kafka.partitioner is {} in this database and {} here", partitioner, ours),
           "set it to what is pinned: an event's lane follows from it, and no worker starts with "
           "another one");
    } else {
      ok("pinned",
         fmt::format("{} with {} partitions, partitioner {}", home, cell_text(count), partitioner));
    }
  }

  void work(postgres::Views& views) {
    std::int64_t all = 0;
    std::int64_t forwarded = 0;
    for (const auto& row : ask(views, queries::verdict_counts()).rows) {
      all += postgres::integer(row[1]);
      if (postgres::text(row[0]) == "forwarded") forwarded = postgres::integer(row[1]);
    }
    // Every forwarded record is decided a second time, at home.
    const std::int64_t sent = all - forwarded;
    if (sent > 0 && forwarded * 2 > sent) {
      warn(
          "partitioner",
          fmt::format("{} of {} records came to another partition than their event's", forwarded,
                      sent),
          "let producers use murmur2 with the event id as key, or set kafka.partitioner to theirs");
    } else {
      ok("partitioner", fmt::format("{} of {} records had to be forwarded", forwarded, sent));
    }
    const CellTable lanes = ask(views, queries::lanes());
    for (std::size_t i = 0; i < lanes.rows.size(); ++i) {
      const Json tries = cell(lanes, i, "tries");
      if (!tries.is_number() || tries.get<std::int64_t>() < 3) continue;
      warn("lanes",
           fmt::format("{}/{} was taken {} times at offset {}", cell_text(cell(lanes, i, "topic")),
                       cell_text(cell(lanes, i, "partition")), cell_text(tries),
                       cell_text(cell(lanes, i, "next_offset"))),
           "look at the workers' logs; the record ends as a dead letter after "
           "dead_letter.max_attempts");
    }
    group(lanes);
    for (const auto& finding :
         examine_jobs(ask(views, queries::jobs()), ask(views, queries::timers()))) {
      background("jobs", finding);
    }
    background("ledger",
               examine_parts(ask(views, queries::kept_ledger_part(dedupe_horizon(values()))),
                             values().ledger.housekeeping_interval));
  }

  void background(const char* check, const JobFinding& finding) {
    finding.fix.empty() ? ok(check, finding.what) : warn(check, finding.what, finding.fix);
  }

  Context& context_;
  SystemClock clock_;
  Rows rows_{{"level", "check", "what", "fix"}};
  std::int32_t home_partitions_ = 0;
  std::optional<std::int32_t> members_;  // of the consumer group; none when it is not known
  bool failed_ = false;
  bool broken_settings_ = false;
};

int print_invariants(Context& context) {
  auto views = open_views(context);
  std::map<std::string, Json> details;
  std::int64_t violations = 0;
  const CellTable found = ask(views, queries::invariant_violations());
  for (const auto& row : found.rows) {
    Json& list = details[postgres::text(row[0])];
    list.push_back(postgres::text(row[1]));
    ++violations;
  }
  Rows rows({"invariant", "rows", "violations"});
  std::set<std::string> counted;
  for (const auto& row : ask(views, queries::invariant_counts()).rows) {
    const std::string name = postgres::text(row[0]);
    counted.insert(name);
    rows.add({name, postgres::integer(row[1]), details[name].size()});
  }
  // What is broken is said, whether or not it was counted.
  for (const auto& [name, list] : details) {
    if (!counted.contains(name)) rows.add({name, nullptr, list.size()});
  }
  context.print(rows);
  if (violations > 0 && context.format == OutputFormat::table) {
    context.out << "\nVIOLATIONS\n";
    context.print(to_rows(found));
  } else if (violations > 0) {
    for (const auto& row : found.rows) {
      context.err << postgres::text(row[0]) << ": " << postgres::text(row[1]) << '\n';
    }
  }
  return violations == 0 ? kOk : kNotMet;
}

class Doctor : public Verb {
 public:
  VerbInfo info() const override {
    return {"doctor",
            "Set up",
            "Check settings, brokers, topics, database and roles; each finding with its fix",
            {"admitone doctor", "admitone doctor --invariants"},
            {{kNotMet, "something fails, or an invariant is broken"}}};
  }

  void options(CLI::App& app) override {
    app.add_flag("--invariants", invariants_,
                 "Show broken invariants of the data, and how many rows each looked at");
  }

  int run(Context& context) override {
    if (invariants_) return print_invariants(context);
    Examination examination(context);
    context.print(examination.run());
    return examination.failed() ? kNotMet : kOk;
  }

 private:
  bool invariants_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_doctor() {
  return std::make_unique<Doctor>();
}

}  // namespace admitone::app
