#include "redis/venues.hpp"

#include <array>
#include <utility>

#include "redis/entries.hpp"

namespace admitone::redis {

void Venues::keep(const ports::VenueFacts& facts) {
  if (settings_.lifetime.count() <= 0) return;
  const auto name = venue_name(client_.prefix(), facts.tenant, facts.venue_id);
  const auto until = clock_.now() + settings_.lifetime;
  Command set{"SET", name, venue_value(settings_.secret, name, facts.capacity, until), "PX",
              std::to_string(settings_.lifetime.count())};
  client_.tell([set = std::move(set)] { return std::vector<Command>{set}; });
}

void Venues::forget(const base::TenantId& tenant, const std::string& venue_id) {
  Command del{"UNLINK", venue_name(client_.prefix(), tenant, venue_id)};
  client_.tell([del = std::move(del)] { return std::vector<Command>{del}; });
}

void Venues::find(const base::TenantId& tenant, const std::string& venue_id, Told told) {
  const auto name = venue_name(client_.prefix(), tenant, venue_id);
  client_.ask([get = Command{"GET", name}] { return std::vector<Command>{get}; }, settings_.wait,
              [this, tenant, venue_id, name, told = std::move(told)](const Client::Replies& got) {
                std::optional<ports::VenueFacts> facts;
                const bool there = got.ok() && got->front().kind == Reply::Kind::text;
                const auto capacity = there ? read_venue(settings_.secret, name, got->front().text,
                                                         clock_.now(), settings_.lifetime)
                                            : std::nullopt;
                if (capacity) facts = ports::VenueFacts{venue_id, tenant, true, *capacity, true};
                told(std::move(facts));
              });
}

base::Result<std::size_t> flush(const Settings& settings, const ports::Clock& clock,
                                const base::TenantId& tenant) {
  const auto limit = [&] { return clock.steady() + settings.call_limit; };
  auto made = Connection::open(settings.address, settings.tls, clock, limit());
  if (!made) return made.error();
  const auto ask = [&](Command command) -> base::Result<Reply> {
    const std::array commands{std::move(command)};
    auto replies = (*made)->ask(commands, limit());
    if (!replies) return replies.error();
    if (replies->front().kind == Reply::Kind::error) {
      return base::Error{base::ErrorKind::permanent, base::Effect::unknown,
                         replies->front().text.substr(0, 80)};
    }
    return std::move(replies->front());
  };
  std::size_t gone = 0;
  std::string cursor = "0";
  do {
    const auto page =
        ask({"SCAN", cursor, "MATCH", tenant_pattern(settings.prefix, tenant), "COUNT", "1000"});
    if (!page) return page.error();
    if (page->list.size() != 2)
      return base::Error{base::ErrorKind::permanent, base::Effect::unknown,
                         "its answer to SCAN is none"};
    cursor = page->list[0].text;
    Command unlink{"UNLINK"};
    for (const auto& name : page->list[1].list) unlink.push_back(name.text);
    if (unlink.size() == 1) continue;
    const auto unlinked = ask(std::move(unlink));
    if (!unlinked) return unlinked.error();
    gone += static_cast<std::size_t>(unlinked->number);
  } while (cursor != "0");
  return gone;
}

}  // namespace admitone::redis
