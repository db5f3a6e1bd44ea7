#include "postgres/directory.hpp"

#include <pqxx/pqxx>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"

namespace admitone::postgres {
namespace {

[[noreturn]] void disagree(const std::string& what, const std::string& pinned,
                           const std::string& ours, const std::string& fix) {
  throw Refused(base::ErrorKind::permanent, what + " is '" + pinned + "' in the database and '" +
                                                ours + "' here; pods must agree: " + fix);
}

void pin(pqxx::transaction_base& tx, const Pins& pins) {
  const auto& home = pins.command_topics.front();
  tx.exec_params0(
      "update deployment set partitioner = coalesce(partitioner, $1),"
      " home_topic = coalesce(home_topic, $2), partition_count = coalesce(partition_count, $3)"
      " where partitioner is null or home_topic is null or partition_count is null",
      pins.partitioner, home, pins.partition_count);
  const auto row = tx.exec1("select partitioner, home_topic, partition_count from deployment");
  const auto partitioner = row[0].as<std::string>();
  const auto topic = row[1].as<std::string>();
  const auto count = row[2].as<std::int32_t>();
  if (partitioner != pins.partitioner) {
    disagree("kafka.partitioner", partitioner, pins.partitioner,
             "set kafka.partitioner to what the producers use, the same everywhere");
  }
  if (topic != home) {
    disagree("the home topic (first of kafka.command_topics)", topic, home,
             "name the pinned one first, or use another database.schema for another installation");
  }
  if (count != pins.partition_count) {
    disagree(
        "the home topic's partition count", std::to_string(count),
        std::to_string(pins.partition_count),
        "an event's lane follows from the count, and partitions cannot be taken away: make the "
        "home topic with the pinned count again, or move its events, see "
        "docs/runbooks/more-partitions.md");
  }
}

base::TopicId number_of(pqxx::transaction_base& tx, const std::string& name, bool home) {
  const auto found = tx.exec_params("select id from topics where name = $1", name);
  if (!found.empty()) return found[0][0].as<base::TopicId>();
  const auto made =
      tx.exec_params1(home ? "insert into topics (id, name) values (0, $1) returning id"
                           : "insert into topics (id, name)"
                             " select coalesce(max(id), 0) + 1, $1 from topics returning id",
                      name);
  return made[0].as<base::TopicId>();
}

}  // namespace

base::Result<Installation> join_installation(const ConnectionSettings& settings, const Pins& pins) {
  ADMITONE_ASSERT(!pins.command_topics.empty());
  try {
    Connection connection(settings, RoleKind::worker);
    pqxx::work tx(connection.session());
    // Pods that start together take their turns.
    tx.exec_params("select pg_advisory_xact_lock(hashtext('admitone.directory'), hashtext($1))",
                   settings.schema);
    pin(tx, pins);
    Installation out;
    for (const auto& name : pins.command_topics) {
      out.topics.push_back(number_of(tx, name, out.topics.empty()));
    }
    const pqxx::binarystring secret(tx.exec1("select forward_secret from deployment")[0]);
    out.forward_secret = secret.str();
    for (const auto& row : tx.exec("select topic, partition, next_offset from partition_progress"
                                   " where next_offset is not null")) {
      out.next_offsets[{row[0].as<base::TopicId>(), row[1].as<std::int32_t>()}] =
          row[2].as<std::int64_t>();
    }
    tx.commit();
    return out;
  } catch (...) {
    return translate_current("joining the installation");
  }
}

}  // namespace admitone::postgres
