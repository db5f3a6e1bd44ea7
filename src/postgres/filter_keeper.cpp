#include "postgres/filter_keeper.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/failpoint.hpp"
#include "base/log.hpp"
#include "postgres/connection.hpp"
#include "postgres/errors.hpp"

namespace admitone::postgres {
namespace {

// In one snapshot, as a unit of work sees it, and the closed parts. Before the server has counted
// the rows of a part it knows how large it is; few have less than 500 bytes.
constexpr Statement kParts{"filter_parts", R"(
select c.part, c.started_at, p.part, p.closed_at, p.keys_moved,
       greatest(k.reltuples, pg_relation_size(k.oid) / 1000)::bigint
from ledger_part c
left join ledger_parts p on p.detached_at is null
left join pg_class k on k.oid = to_regclass(format('ledger_%s', to_char(p.part, 'FM000000')))
order by p.part)"};

constexpr Statement kKeys{"filter_keys", R"(
select k.keys, k.last from ledger_part_keys($1::int, $2::bytea, $3::int) k)"};

constexpr std::size_t kKeyBytes = 16;

// Pages may hold nothing but rows that were rolled back; so many of them do not.
constexpr std::size_t kSurelyRows = 10'000;

// A closed part, in the state in which its filter was made or has to be made.
struct Part {
  std::int32_t part = 0;
  base::Timestamp closed_at;
  std::int64_t keys_moved = 0;
  std::size_t about = 0;  // keys
  std::shared_ptr<const PartFilter> filter;

  [[nodiscard]] bool is_as(const Part& other) const {
    if (base::failpoint::mutant("filters_are_for_ever")) return part == other.part;
    return part == other.part && closed_at == other.closed_at && keys_moved == other.keys_moved;
  }
};

struct Look {
  PartsSeen seen;
  std::vector<Part> closed;  // by number
};

}  // namespace

struct FilterKeeper::Impl {
  FilterKeeperOptions options;
  FilterShelf& shelf;
  const ports::Clock& clock;
  ports::Meters& meters;
  std::unique_ptr<Connection> connection;
  std::vector<Part> made;
  // Being read: what it was like before the first page, and where the next one begins.
  std::optional<Part> under_way;
  std::shared_ptr<PartFilter> reading;
  std::string after;
  std::size_t keys_read = 0;

  Look look() {
    Look out;
    const Rows rows = connection->run(kParts);
    for (int i = 0; i < rows.size(); ++i) {
      Row row = rows[i];
      out.seen.current = row.next<std::int32_t>();
      out.seen.since = row.next<base::Timestamp>();
      const auto part = row.next<std::optional<std::int32_t>>();
      const auto closed_at = row.next<std::optional<base::Timestamp>>();
      const auto moved = row.next<std::optional<std::int64_t>>();
      const auto about = row.next<std::optional<std::int64_t>>();
      if (!part) continue;
      if (out.seen.oldest == 0) out.seen.oldest = *part;
      out.seen.keys_moved += moved.value_or(0);
      if (closed_at && *part < out.seen.current) {
        out.closed.push_back({*part, *closed_at, moved.value_or(0),
                              static_cast<std::size_t>(about.value_or(0)), nullptr});
      }
    }
    return out;
  }

  // Puts what is there on the shelf, from the oldest part on without a gap; the first that is
  // missing is to be read next.
  std::optional<Part> arrange() {
    auto now = look();
    for (auto& part : now.closed) {
      const auto known = std::ranges::find_if(made, [&](const Part& m) { return m.is_as(part); });
      if (known != made.end()) part.filter = known->filter;
    }
    auto filters = std::make_shared<PartFilters>();
    filters->seen = now.seen;
    filters->upto = now.seen.oldest - 1;
    std::optional<Part> missing;
    for (const auto& part : now.closed) {
      // A number that is missing has no rows that anybody could look for, but nobody says why.
      if (!part.filter || part.part != filters->upto + 1) {
        missing = part;
        break;
      }
      filters->parts.push_back(part.filter);
      filters->upto = part.part;
    }
    const auto bytes = filters->bytes();
    meters.set(ports::Gauge::ledger_filters_bytes, "", static_cast<double>(bytes));
    meters.set(ports::Gauge::ledger_parts_unfiltered, "",
               static_cast<double>(now.closed.size() - filters->parts.size()));
    shelf.put(std::move(filters));
    std::erase_if(now.closed, [](const Part& part) { return part.filter == nullptr; });
    made = std::move(now.closed);
    if (missing && (missing->filter || !has_room(bytes + PartFilter::bytes_for(missing->about))))
      missing.reset();
    return missing;
  }

  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return bytes <= static_cast<std::size_t>(std::max<std::int64_t>(0, options.most_bytes));
  }

  void begin(const Part& part) {
    under_way = part;
    reading = std::make_shared<PartFilter>(part.about);
    after.assign(2 * kKeyBytes, '\0');
    keys_read = 0;
  }

  // True at the end of the part.
  bool read_page() {
    Params p;
    p.scalar(under_way->part).scalar(BytesView{after}).scalar(options.page);
    const Rows rows = connection->run(kKeys, p);
    if (rows.size() == 0) throw Refused(base::ErrorKind::retry_call, "the part has gone");
    Row row = rows[0];
    const auto keys = row.next<std::optional<std::string>>();
    const auto last = row.next<std::optional<std::string>>();
    if (!keys || !last) return true;
    base::KeyHash key;
    for (std::size_t at = 0; at + kKeyBytes <= keys->size(); at += kKeyBytes) {
      std::copy_n(keys->begin() + static_cast<std::ptrdiff_t>(at), kKeyBytes,
                  key.value.bytes.begin());
      reading->add(key);
    }
    keys_read += keys->size() / kKeyBytes;
    after = *last;
    return keys->size() / kKeyBytes < static_cast<std::size_t>(options.page);
  }

  // What has become of the part meanwhile is seen by the next look.
  void finish() {
    if (keys_read == 0 && under_way->about > kSurelyRows) {
      throw Refused(base::ErrorKind::retry_call,
                    "no keys are shown of a part that has some: is the function "
                    "ledger_part_keys owned by the owner of the table ledger?");
    }
    base::logger("postgres")
        ->info("filter of ledger part {}: {} keys, {} KiB", under_way->part, keys_read,
               reading->bytes() >> 10U);
    under_way->filter = std::move(reading);
    made.push_back(std::move(*under_way));
    under_way.reset();
  }

  std::optional<base::Duration> run() {
    if (!connection || !connection->alive()) {
      connection.reset();
      auto settings = options.connection;
      settings.statement_timeout = options.statement_timeout;
      connection = std::make_unique<Connection>(settings, RoleKind::worker);
    }
    if (!under_way) {
      const auto missing = arrange();
      if (!missing) return std::nullopt;
      begin(*missing);
    }
    const auto began = clock.steady();
    if (read_page()) {
      finish();
      return base::Duration{};
    }
    return std::chrono::duration_cast<base::Duration>(clock.steady() - began);
  }
};

FilterKeeper::FilterKeeper(FilterKeeperOptions options, FilterShelf& shelf,
                           const ports::Clock& clock, ports::Meters& meters)
    : impl_(new Impl{std::move(options), shelf, clock, meters, {}, {}, {}, {}, {}, 0}) {}

FilterKeeper::~FilterKeeper() = default;

base::Result<std::optional<base::Duration>> FilterKeeper::step() {
  try {
    return impl_->run();
  } catch (...) {
    auto error = translate_current("reading keys of the ledger");
    error.kind = base::ErrorKind::retry_call;
    impl_->connection.reset();
    impl_->under_way.reset();
    return error;
  }
}

}  // namespace admitone::postgres
