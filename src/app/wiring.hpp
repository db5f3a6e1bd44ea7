#pragma once
// Settings in the words of the rooms they configure: nothing here decides or connects.
// Used by: the worker and every verb that talks to a server. Threads: pure functions, any; the
// kafka client's settings read kafka.option_files, and the password of its login where that is in a
// file.

#include <map>
#include <string>

#include "app/settings.hpp"
#include "base/result.hpp"
#include "kafka/consumer.hpp"
#include "kafka/publisher.hpp"
#include "kafka/settings.hpp"
#include "kafka/topics.hpp"
#include "pipeline/options.hpp"
#include "postgres/filter_keeper.hpp"
#include "postgres/housekeeper.hpp"
#include "postgres/migrator.hpp"
#include "postgres/settings.hpp"

namespace admitone::app {

// `purpose` is told to the servers as the client's name.
base::Result<kafka::ClientSettings> kafka_client(const Settings& settings,
                                                 const std::string& purpose);
kafka::OutputTopics output_topics(const Settings& settings);
kafka::TopicPlan topic_plan(const Settings& settings);
kafka::ConsumerSettings consumer_settings(const Settings& settings, const kafka::TopicNames& names);
kafka::PublisherSettings publisher_settings(const Settings& settings,
                                            const kafka::TopicNames& names,
                                            const std::string& transactional_id);

// `url` is one of database.{url,owner_url,reader_url}.
postgres::ConnectionSettings connection_settings(const Settings& settings, const std::string& url,
                                                 const std::string& purpose);
postgres::MigratorOptions migrator_options(const Settings& settings);
postgres::HousekeeperOptions housekeeper_options(const Settings& settings,
                                                 postgres::Patience* patience = nullptr);
postgres::FilterKeeperOptions filter_keeper_options(const Settings& settings,
                                                    postgres::Patience& patience);

// What the database and the brokers know and the settings do not.
struct Deployment {
  std::map<std::string, base::TopicId> topic_ids;  // every command topic
  std::int32_t partitions = 0;                     // of the home topic
  std::string forward_secret;
};

pipeline::EngineOptions engine_options(const Settings& settings, const Deployment& deployment);

}  // namespace admitone::app
