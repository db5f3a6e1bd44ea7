#include "app/operate/replay_scan.hpp"

#include <set>
#include <utility>

#include "app/operate/call_time.hpp"
#include "contract/decode.hpp"
#include "contract/keys.hpp"
#include "postgres/queries.hpp"

namespace admitone::app {
namespace {

namespace queries = postgres::queries;

// What is given again is decided some time after it was planned, and a key that has gone by then
// would be executed.
constexpr std::int64_t kMarginSeconds = 3'600;

// The verdicts of a piece, read beside its records.
class Verdicts {
 public:
  explicit Verdicts(postgres::ViewStream stream) : stream_(std::move(stream)) { advance(); }

  std::optional<VerdictFacts> at(std::int64_t offset) {
    while (row_ && postgres::integer((*row_)[0]) < offset) advance();
    if (!row_ || postgres::integer((*row_)[0]) != offset) return std::nullopt;
    const auto& row = *row_;
    return VerdictFacts{postgres::text(row[1]), postgres::boolean(row[2]),
                        postgres::boolean(row[3]), postgres::boolean(row[4]),
                        postgres::text(row[5])};
  }

 private:
  void advance() { row_ = must(stream_.next()); }

  postgres::ViewStream stream_;
  std::optional<postgres::CellRow> row_;
};

Reading reading_of(const contract::Decoded& decoded) {
  const auto* refusal = std::get_if<contract::Refusal>(&decoded.body);
  if (refusal == nullptr) return Reading::command;
  const bool dead = refusal->kind == contract::Refusal::Kind::dead || !refusal->identity;
  return dead ? Reading::dead : Reading::invalid;
}

}  // namespace

ReplayScan::ReplayScan(const Means& means, const kafka::Reader& reader, const ScanFacts& facts,
                       std::function<void()> read)
    : means_(means),
      settings_(means.settings),
      reader_(reader),
      facts_(facts),
      read_(std::move(read)),
      partitions_(
          static_cast<std::int32_t>(extent_of(reader, settings_.kafka.command_topics.front(),
                                              step_of(means, settings_.kafka.request_timeout))
                                        .size())) {}

ReplayFacts ReplayScan::facts_of(std::int32_t partition) const {
  const auto next = facts_.next_offsets.find(partition);
  return {facts_.mode, facts_.home, next == facts_.next_offsets.end() ? 0 : next->second,
          facts_.horizon_start};
}

bool ReplayScan::run(const std::vector<Piece>& pieces, Tallies& tallies, const Again& again,
                     const After& after) {
  for (auto one : pieces) {
    while (one.from < one.to) {
      const auto next = piece(one, tallies, again);
      if (!next || means_.interrupted() || (after && !after())) return false;
      one.from = *next;
    }
  }
  return true;
}

// What a replay has sent for a record of the range. By the ledger's origin, which was signed. (A
// forward within the home topic has its origin there, too, and stands for it: that one has no
// answer of its own.)
bool ReplayScan::is_copy(const std::optional<VerdictFacts>& decided) const {
  if (facts_.mode != ReplayMode::reemit || !decided || decided->verdict != "duplicate")
    return false;
  const auto origin = place_in(facts_.topic, decided->origin);
  return origin && facts_.given_already.covers(*origin) && !facts_.forwarded.has(*origin);
}

std::optional<std::int64_t> ReplayScan::piece(const Piece& piece, Tallies& tallies,
                                              const Again& again) {
  auto views = open_views(means_);
  const auto facts = facts_of(piece.partition);
  Verdicts verdicts(must(views.stream(queries::answers_in_range(
      facts_.topic, piece.partition, piece.from, piece.to, kMarginSeconds))));
  const auto partitioner = settings_.kafka.partitioner == Partitioner::consistent
                               ? contract::Partitioner::consistent
                               : contract::Partitioner::murmur2;
  std::vector<Undecided> undecided;
  auto end = piece.to;
  const auto each = [&](base::Record&& record) {
    read_();
    const auto offset = record.position.offset;
    const auto sent = as_it_was(record);
    Undecided one;
    one.facts.offset = offset;
    one.facts.timestamp = record.timestamp;
    one.facts.decided = verdicts.at(offset);
    one.facts.given_already = facts_.given_already.has({piece.partition, offset});
    one.facts.is_copy = is_copy(one.facts.decided);
    const auto decoded = contract::decode(sent, settings_.limits);
    one.facts.reading = reading_of(decoded);
    const auto* command = std::get_if<contract::DecodedCommand>(&decoded.body);
    if (command != nullptr) {
      one.tenant = command->envelope.tenant.str();
      one.key_hash = command->key.str();
      one.facts.is_placed_well =
          contract::partition_of(partitioner, command->event.str(), partitions_) ==
              piece.partition &&
          !is_forbidden(settings_.kafka.topic_tenants, facts_.topic, command->envelope.tenant);
    }
    if (facts.mode == ReplayMode::dedupe && offset >= facts.next_offset) {
      undecided.push_back(std::move(one));
    } else {
      const auto expected = expect(facts, one.facts);
      tallies[piece.partition][expected].add(offset);
      if (expected == Expectation::given_again && again && !again(sent, command->envelope.tenant)) {
        end = offset + 1;
        return false;
      }
    }
    return !means_.interrupted();
  };
  must(reader_.read(facts_.topic, {{piece.partition, {piece.from, piece.to}}},
                    step_of(means_, settings_.kafka.request_timeout), each));
  if (means_.interrupted()) return std::nullopt;
  look_up(views, undecided);
  for (const auto& one : undecided)
    tallies[piece.partition][expect(facts, one.facts)].add(one.facts.offset);
  return end;
}

void ReplayScan::look_up(postgres::Views& views, std::vector<Undecided>& undecided) {
  std::set<std::string> tenants;
  std::set<std::string> hashes;
  for (const auto& one : undecided) {
    if (one.key_hash.empty()) continue;
    tenants.insert(one.tenant);
    hashes.insert(one.key_hash);
  }
  if (hashes.empty()) return;
  const auto rows = ask(views, queries::keys_that_answer({tenants.begin(), tenants.end()},
                                                         {hashes.begin(), hashes.end()}));
  std::set<std::pair<std::string, std::string>> known;
  for (const auto& row : rows.rows) known.emplace(postgres::text(row[0]), postgres::text(row[1]));
  // Of several with one key the first is decided and the others are its duplicates.
  for (auto& one : undecided) {
    if (!one.key_hash.empty())
      one.facts.key_answers = !known.emplace(one.tenant, one.key_hash).second;
  }
}

}  // namespace admitone::app
