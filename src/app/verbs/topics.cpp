#include "kafka/topics.hpp"
#include "app/system_clock.hpp"
#include "app/verbs/all.hpp"
#include "app/wiring.hpp"
#include "kafka/admin.hpp"

namespace admitone::app {
namespace {

std::unique_ptr<kafka::Admin> admin(const Settings& settings) {
  auto client = kafka_client(settings, "topics");
  if (!client) throw VerbError(kFailed, client.error().message);
  auto made = kafka::Admin::create(*client);
  if (!made) throw VerbError(kFailed, made.error().message);
  if (const auto reached = (*made)->reach(settings.kafka.request_timeout); !reached) {
    throw VerbError(kFailed, reached.error().message);
  }
  return std::move(*made);
}

class TopicsCreate : public Verb {
 public:
  VerbInfo info() const override {
    return {"topics create",
            "Set up",
            "Make the topics that are missing, as the settings say; others are left alone",
            {"admitone topics create --kafka localhost:9092",
             "admitone topics create --set kafka.partitions=24 --set kafka.replication_factor=3"}};
  }

  int run(Context& context) override {
    const Settings& settings = context.settings({"kafka.bootstrap_servers"});
    const auto plan = topic_plan(settings);
    const auto specs = kafka::specs_of(plan);
    const auto client = admin(settings);
    const auto made = client->create_topics(specs, settings.kafka.init_timeout);
    if (!made) throw VerbError(kFailed, "topics create: " + made.error().message);
    const auto facts = ready(*client, kafka::names_of(plan), settings);
    Rows rows({"topic", "partitions", "replication", "result"});
    bool as_wished = true;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      const bool created = (*made)[i] == kafka::TopicMade::created;
      // What is there, not what was asked for: a topic that existed is left as it is.
      rows.add({facts[i].name, facts[i].partitions, facts[i].replication,
                created ? "created" : "existed"});
      as_wished = as_wished && facts[i].partitions == specs[i].partitions &&
                  facts[i].replication == specs[i].replication;
    }
    context.print(rows);
    if (!as_wished) {
      context.err << "admitone: topics that exist are left as they are; `admitone topics check` "
                     "says what differs from the settings and what to do\n";
    }
    return kOk;
  }

 private:
  static std::vector<kafka::TopicFacts> ready(const kafka::Admin& client,
                                              const std::vector<std::string>& names,
                                              const Settings& settings) {
    const SystemClock clock;
    const auto limit = settings.kafka.request_timeout;
    if (const auto led = client.await_leaders(names, limit, clock); !led) {
      throw VerbError(kFailed, "topics create: the topics are made but cannot be used yet: " +
                                   led.error().message);
    }
    auto facts = client.describe(names, limit);
    if (!facts) throw VerbError(kFailed, "topics create: " + facts.error().message);
    return std::move(facts.value());
  }
};

class TopicsCheck : public Verb {
 public:
  VerbInfo info() const override {
    return {"topics check",
            "Set up",
            "Compare the topics with the settings; ends with 3 when something must be changed",
            {"admitone topics check", "admitone topics check -o jsonl"},
            {{kNotMet, "something must be changed"}}};
  }

  int run(Context& context) override {
    const Settings& settings = context.settings({"kafka.bootstrap_servers"});
    const auto plan = topic_plan(settings);
    const auto facts =
        admin(settings)->describe(kafka::names_of(plan), settings.kafka.request_timeout);
    if (!facts) throw VerbError(kFailed, "topics check: " + facts.error().message);
    Rows rows({"level", "what", "fix"});
    bool failed = false;
    for (const auto& finding : kafka::compare(plan, *facts)) {
      failed = failed || finding.level == kafka::Finding::Level::fail;
      rows.add({level_name(finding.level), finding.what,
                finding.fix.empty() ? Json() : Json(finding.fix)});
    }
    context.print(rows);
    return failed ? kNotMet : kOk;
  }

 private:
  static std::string level_name(kafka::Finding::Level level) {
    if (level == kafka::Finding::Level::ok) return "ok";
    return level == kafka::Finding::Level::warn ? "warn" : "fail";
  }
};

}  // namespace

std::unique_ptr<Verb> make_topics_create() {
  return std::make_unique<TopicsCreate>();
}
std::unique_ptr<Verb> make_topics_check() {
  return std::make_unique<TopicsCheck>();
}

}  // namespace admitone::app
