#pragma once
// Sending records to the home topic a second time, each with a signed origin: what is known of
// earlier sendings, the pace, and the audit rows. What is durable says what was sent: the ledger,
// and behind it the home topic itself.
// Used by: redriving and replaying, by verbs and by the API. Threads: one at a time. Blocking: the
// time-outs of brokers and database. Errors: VerbError.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/operate/means.hpp"
#include "app/operate/redrive_core.hpp"
#include "kafka/reader.hpp"
#include "kafka/sender.hpp"
#include "ports/clock.hpp"
#include "postgres/operator_actions.hpp"
#include "postgres/views.hpp"

namespace admitone::app {

// A row of queries::records_from_topic.
Trace trace_of(const postgres::CellRow& row);

// The deployment's secret, with database.url.
std::string forward_secret_of(const Means& means);

// What became of every record that was sent for one on `origin_topic`: first those that a lane has
// decided, by time, then those on the home topic that none has reached. `views`: a fresh snapshot.
// Anybody may write an origin; with the secret only those count that their lane will take. Without
// it those that are not decided are told as unproven.
void each_trace(const Means& means, const kafka::Reader& reader, postgres::Views& views,
                const std::string& origin_topic, const std::optional<std::string>& forward_secret,
                const std::function<void(const Trace&)>& each);
// Would its lane take the record as one that was sent for `origin`?
bool is_proven(const base::Record& record, const std::string& origin, const std::string& secret,
               const contract::Limits& limits, contract::Partitioner partitioner,
               std::int32_t partitions);

// What is sent, why, and how fast.
struct Sending {
  std::string verb;    // as the audit rows name it
  std::string target;  // in words
  std::string reason;
  std::int64_t rate = 500;  // records a second
  // Of a keyed request (Means::request): what a later run of it has to know, a document, noted with
  // each audit row.
  std::string note{};
  // True: nothing more goes. None: as Means::interrupted says, which a call's is by its time, too;
  // for what it has taken by then it has a step left (call_time.hpp).
  std::function<bool()> stopped{};
  // Lines about rows that stay pending.
  std::function<void(const std::string& line)> say = [](const std::string&) {};
};

// How many go at a time, and how long after the beginning the next ones may.
struct Pace {
  std::int64_t rate = 500;  // a second
  [[nodiscard]] std::size_t batch() const;
  [[nodiscard]] std::chrono::milliseconds due(std::int64_t sent) const;
};

// Sends at a pace. One audit row for each tenant and lane before its first record goes; however the
// sending ends, the rows are ended.
class Resending {
 public:
  // Lane and tenant to how many records.
  using Counts = std::map<std::pair<base::TenantId, std::int32_t>, std::int64_t>;
  // `means`: outlives it; interrupted, it waits for no turn.
  Resending(const Means& means, const ports::Clock& clock, Sending sending);
  ~Resending();
  Resending(const Resending&) = delete;
  Resending& operator=(const Resending&) = delete;

  // How many are planned. The rows of these are written when their first record is taken,
  void expect(Counts counts) { planned_ = std::move(counts); }
  // or all of them now.
  void begin(const Counts& counts);
  struct Sent {
    std::size_t item = 0;  // as it was given to `add`
    std::string position;
  };
  // Takes a record; the positions of all that are delivered now, which may be none. After an error
  // nothing more is sent: some of what is not delivered may be on the topic all the same. What was
  // not planned gets its row here.
  base::Result<std::vector<Sent>> add(base::TenantId tenant, ports::OutgoingRecord record,
                                      std::size_t item);
  base::Result<std::vector<Sent>> flush();
  // The same for the last ones: also when it is interrupted, unless it is stopped.
  base::Result<std::vector<Sent>> finish();
  // Ends the audit rows with what was sent of each. One that cannot be ended, or of which it is not
  // known, stays pending, which is said: what was sent is sent.
  void end();

 private:
  struct Waiting {
    base::TenantId tenant;
    std::size_t item = 0;
  };
  struct Row {
    base::Uuid id;
    std::int64_t planned = 0;
    std::int64_t taken = 0;
    std::int64_t sent = 0;
    std::int64_t in_doubt = 0;
  };
  using Of = std::pair<base::TenantId, std::int32_t>;
  base::Result<Row*> row_of(const Of& of);
  [[nodiscard]] std::string end_row(base::TenantId tenant, const Row& row);
  void wait_for_turn();

  const Means& means_;
  const ports::Clock& clock_;
  const Sending sending_;
  Pace pace_;
  std::string home_;
  kafka::Sender sender_;
  postgres::ActionLog audit_;
  Counts planned_;
  std::map<Of, Row> rows_;
  std::vector<ports::OutgoingRecord> batch_;
  std::vector<Waiting> waiting_;
  base::Instant began_;
  std::int64_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace admitone::app
