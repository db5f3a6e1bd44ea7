// The rules of `data`, one row each: a change of a good command and what comes of it.

#include <gtest/gtest.h>

#include "contract/decode.hpp"
#include "contract/text.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using namespace testing;  // NOLINT(*-using-namespace): the helpers of these tests
using nlohmann::json;

struct Change {
  std::string pointer;        // of the member that is replaced or added
  std::optional<json> value;  // nullopt: it is removed
  std::string expected;       // "command" or "invalid <pointers>"
};

void expect_all(const std::string& type, const json& good, const std::vector<Change>& changes) {
  ASSERT_EQ(summary(binary(type, good.dump()).decode()), "command") << type;
  for (const auto& change : changes) {
    auto data = good;
    const json::json_pointer pointer(change.pointer);
    if (change.value) {
      data[pointer] = *change.value;
    } else {
      data[pointer.parent_pointer()].erase(pointer.back());
    }
    EXPECT_EQ(summary(binary(type, data.dump()).decode()), change.expected)
        << type << " " << data.dump().substr(0, 2000);
  }
}

// Every member of the list is required.
void expect_required(const std::string& type, const json& good,
                     const std::vector<std::string>& pointers) {
  for (const auto& pointer : pointers)
    expect_all(type, good,
               {{pointer, std::nullopt, "invalid " + pointer},
                {pointer, nullptr, "invalid " + pointer},
                {pointer, true, "invalid " + pointer}});
}

std::string text_of(std::size_t characters) {
  std::string out;
  for (std::size_t i = 0; i < characters; ++i) out += "\xC3\xA9";
  return out;
}

void expect_text(const std::string& type, const json& good, const std::string& pointer,
                 std::size_t most) {
  expect_all(type, good,
             {{pointer, text_of(most), "command"},
              {pointer, text_of(most + 1), "invalid " + pointer},
              {pointer, "", "invalid " + pointer},
              {pointer, 7, "invalid " + pointer}});
}

void expect_integer(const std::string& type, const json& good, const std::string& pointer,
                    std::int64_t least, std::int64_t most) {
  expect_all(type, good,
             {{pointer, least, "command"},
              {pointer, most, "command"},
              {pointer, least - 1, "invalid " + pointer},
              {pointer, most + 1, "invalid " + pointer},
              {pointer, "1", "invalid " + pointer},
              {pointer, 1.5, "invalid " + pointer},
              {pointer, true, "invalid " + pointer}});
}

void expect_uuid(const std::string& type, const json& good, const std::string& pointer) {
  expect_all(type, good,
             {{pointer, "0191d0a0-0000-7000-8000-000000000002", "command"},
              {pointer, "0191D0A0-0000-7000-8000-000000000002", "invalid " + pointer},
              {pointer, "{0191d0a0-0000-7000-8000-000000000002}", "invalid " + pointer},
              {pointer, "0191d0a0000070008000000000000002", "invalid " + pointer},
              {pointer, "00000000-0000-0000-0000-000000000000", "invalid " + pointer},
              {pointer, "", "invalid " + pointer}});
}

void expect_opaque(const std::string& type, const json& good, const std::string& pointer) {
  const auto wrong = "invalid " + pointer;
  expect_all(type, good,
             {{pointer, "A", "command"},
              {pointer, "9.a_b:c-D", "command"},
              {pointer, std::string(128, 'x'), "command"},
              {pointer, "0191d0a0-0000-7000-8000-00000000000a", "command"},
              {pointer, std::string(129, 'x'), wrong},
              {pointer, "0191D0A0-0000-7000-8000-00000000000A", wrong},
              {pointer, "", wrong},
              {pointer, "-a", wrong},
              {pointer, ".", wrong},
              {pointer, "a b", wrong},
              {pointer, "a/b", wrong},
              {pointer, "\xC3\xA9", wrong}});
}

json update() {
  return {{"eventId", kEvent}, {"expectedVersion", 3}, {"name", "New name"}};
}
json cancel_event() {
  return {{"eventId", kEvent}, {"reason", "storm"}};
}
json target() {
  return {{"eventId", kEvent}, {"reservationId", kReservation}};
}
json with(json data, const std::string& name, json value) {
  data[name] = std::move(value);
  return data;
}

json royalties() {
  return {{"artistBps", 700},
          {"venueBps", 300},
          {"artistWallet", "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"},
          {"venueWallet", "11111111111111111111111111111111"}};
}

TEST(EventCreate, IsReadCompletely) {
  auto data = event_create();
  data.update({{"slug", "gala-night"},
               {"description", "An evening"},
               {"externalId", "ext-1"},
               {"salesStartAt", "2026-01-01T00:00:00Z"},
               {"salesEndAt", "2026-05-01T00:00:00+02:00"},
               {"maxPerReservation", 8},
               {"metadata", {{"z", 1}, {"a", {nullptr, true}}}},
               {"royalties", royalties()}});
  const auto decoded = binary("event.create", data.dump()).decode();
  ASSERT_EQ(summary(decoded), "command");
  const auto& out = std::get<domain::CreateEvent>(command(decoded)->command);
  EXPECT_EQ(out.event.str(), kEvent);
  EXPECT_EQ(out.venue_id, "venue-1");
  EXPECT_EQ(out.name, "Gala Night");
  EXPECT_EQ(out.name_folded, "gala night");
  EXPECT_EQ(out.slug, "gala-night");
  EXPECT_EQ(out.derived_slug, "gala-night");
  EXPECT_EQ(out.description, "An evening");
  EXPECT_EQ(format_time(out.starts_at), "2026-05-01T19:30:00Z");
  EXPECT_EQ(format_time(out.ends_at), "2026-05-01T22:30:00Z");
  EXPECT_EQ(out.timezone, "Europe/Paris");
  ASSERT_EQ(out.sections.size(), 1U);
  EXPECT_EQ(out.sections[0].section_id, "A");
  EXPECT_EQ(out.sections[0].name, "Stalls");
  EXPECT_EQ(out.sections[0].capacity, 100);
  EXPECT_EQ(out.sections[0].price_minor, 4500);
  EXPECT_EQ(out.sections[0].currency, "EUR");
  EXPECT_EQ(out.external_id, "ext-1");
  EXPECT_EQ(format_time(*out.sales_start_at), "2026-01-01T00:00:00Z");
  EXPECT_EQ(format_time(*out.sales_end_at), "2026-04-30T22:00:00Z");
  EXPECT_EQ(out.max_per_reservation, 8);
  EXPECT_EQ(out.metadata, R"({"a":[null,true],"z":1})");
  ASSERT_TRUE(out.royalties);
  EXPECT_EQ(out.royalties->artist_bps, 700);
  EXPECT_EQ(out.royalties->venue_wallet, "11111111111111111111111111111111");
}

TEST(EventCreate, ChecksEachMember) {
  const std::string type = "event.create";
  const auto good = event_create();
  expect_required(type, good,
                  {"/venueId", "/name", "/startsAt", "/endsAt", "/timezone", "/sections",
                   "/sections/0/sectionId", "/sections/0/name", "/sections/0/capacity",
                   "/sections/0/priceMinor", "/sections/0/currency"});
  expect_uuid(type, good, "/eventId");
  expect_opaque(type, good, "/venueId");
  expect_opaque(type, good, "/sections/0/sectionId");
  expect_text(type, good, "/name", 200);
  expect_text(type, good, "/description", 10'000);
  expect_text(type, good, "/externalId", 255);
  expect_text(type, good, "/sections/0/name", 200);
  expect_integer(type, good, "/sections/0/capacity", 0, 1'000'000'000);
  expect_integer(type, good, "/sections/0/priceMinor", 0, 1'000'000'000'000);
  expect_integer(type, good, "/maxPerReservation", 1, 9'007'199'254'740'991);
  expect_all(type, good,
             {{"/slug", "a", "command"},
              {"/slug", "a-1-b", "command"},
              {"/slug", std::string(100, 'a'), "command"},
              {"/slug", std::string(101, 'a'), "invalid /slug"},
              {"/slug", "-a", "invalid /slug"},
              {"/slug", "a-", "invalid /slug"},
              {"/slug", "a--b", "invalid /slug"},
              {"/slug", "A", "invalid /slug"},
              {"/slug", "a_b", "invalid /slug"},
              {"/slug", "", "invalid /slug"},
              {"/slug", nullptr, "invalid /slug"},
              {"/sections/0/currency", "eur", "invalid /sections/0/currency"},
              {"/sections/0/currency", "EU", "invalid /sections/0/currency"},
              {"/sections/0/currency", "EURO", "invalid /sections/0/currency"},
              {"/unknown", 1, "invalid /unknown"},
              {"/sections/0/x", 1, "invalid /sections/0/x"},
              {"/name ", 1, "invalid /name "}});
}

TEST(EventCreate, ChecksTimes) {
  const std::string type = "event.create";
  expect_all(type, event_create(),
             {{"/startsAt", "2026-05-01T19:30:00", "invalid /startsAt"},
              {"/startsAt", "2026-02-29T19:30:00Z", "invalid /startsAt"},
              {"/startsAt", 1777663800, "invalid /startsAt"},
              {"/endsAt", "2026-05-01T19:30:00Z", "invalid /endsAt"},
              {"/endsAt", "2026-05-01T19:30:00.000001Z", "command"},
              {"/endsAt", "2026-05-01T21:30:00+02:00", "invalid /endsAt"},
              {"/endsAt", "2026-04-01T19:30:00Z", "invalid /endsAt"},
              {"/salesEndAt", "2020-01-01T00:00:00Z", "command"}});
  expect_all(type, with(event_create(), "salesStartAt", "2026-01-01T00:00:00Z"),
             {{"/salesEndAt", "2026-01-01T00:00:01Z", "command"},
              {"/salesEndAt", "2026-01-01T00:00:00Z", "invalid /salesEndAt"}});
}

TEST(EventCreate, ChecksTimeZonesByTheirShape) {
  std::vector<Change> changes;
  for (const std::string zone :
       {"UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "America/Port-au-Prince",
        "Etc/GMT+1", "GMT", "GMT+0", "Japan", "Singapore", "W-SU", "Asia/Ho_Chi_Minh",
        "America/Indiana/Tell_City"})
    changes.push_back({"/timezone", zone, "command"});
  for (const std::string zone :
       {"", "Europe", "Foo/Bar", "Japan/Tokyo", "japan", "Factory", "europe/paris", "Europe/",
        "/Paris", "Europe//Paris", "+02:00", "utc", "Europe/Paris/", "Europe/Pa ris", "A/B/C/D",
        "Europe/\xC3\xA9"})
    changes.push_back({"/timezone", zone, "invalid /timezone"});
  changes.push_back({"/timezone", "US/" + std::string(62, 'b'), "invalid /timezone"});
  expect_all("event.create", event_create(), changes);
}

TEST(EventCreate, ChecksSectionsTogether) {
  const auto section = [](const std::string& id) {
    auto out = event_create()["sections"][0];
    out["sectionId"] = id;
    return out;
  };
  const auto sections = [&](int count) {
    auto out = json::array();
    for (int i = 0; i < count; ++i) out.push_back(section("S" + std::to_string(i)));
    return out;
  };
  expect_all("event.create", event_create(),
             {{"/sections", json::array(), "invalid /sections"},
              {"/sections", sections(1000), "command"},
              {"/sections", sections(1001), "invalid /sections"},
              {"/sections", json::array({section("A"), section("B"), section("A")}),
               "invalid /sections/2/sectionId"},
              {"/sections", json::array({section("A"), section("a")}), "command"},
              {"/sections", json::array({section("A"), 7}), "invalid /sections/1"},
              {"/sections", json::object(), "invalid /sections"}});
}

TEST(EventCreate, ChecksRoyaltiesButLeavesTheirSumToTheRules) {
  const auto good = with(event_create(), "royalties", royalties());
  expect_required("event.create", good,
                  {"/royalties/artistBps", "/royalties/venueBps", "/royalties/artistWallet",
                   "/royalties/venueWallet"});
  expect_integer("event.create", good, "/royalties/artistBps", 0, 10'000);
  expect_integer("event.create", good, "/royalties/venueBps", 0, 10'000);
  const std::string wallet = "/royalties/artistWallet";
  expect_all("event.create", good,
             {{wallet, std::string(32, '1'), "command"},
              {wallet, std::string(44, 'z'), "command"},
              {wallet, std::string(31, '1'), "invalid " + wallet},
              {wallet, std::string(45, '1'), "invalid " + wallet},
              {wallet, std::string(32, '0'), "invalid " + wallet},
              {wallet, std::string(32, 'O'), "invalid " + wallet},
              {wallet, std::string(32, 'I'), "invalid " + wallet},
              {wallet, std::string(32, 'l'), "invalid " + wallet},
              {"/royalties/x", 1, "invalid /royalties/x"},
              {"/royalties", 1, "invalid /royalties"}});
}

TEST(EventCreate, TakesAnyObjectAsMetadataWithTheRulesOfNumbers) {
  expect_all("event.create", event_create(),
             {{"/metadata", json::object(), "command"},
              {"/metadata", json{{"a", {1, json{{"b", nullptr}}, "x"}}}, "command"},
              {"/metadata", json{{"a", 1.5}}, "invalid /metadata/a"},
              {"/metadata", json{{"a", {0, 9007199254740992}}}, "invalid /metadata/a/1"},
              {"/metadata", json::array(), "invalid /metadata"},
              {"/metadata", "x", "invalid /metadata"}});
}

TEST(EventUpdate, ChecksEachMember) {
  const std::string type = "event.update";
  expect_required(type, update(), {"/eventId", "/expectedVersion"});
  expect_uuid(type, update(), "/eventId");
  expect_integer(type, update(), "/expectedVersion", 1, 9'007'199'254'740'991);
  expect_text(type, update(), "/name", 200);
  expect_text(type, update(), "/description", 10'000);
  expect_all(type, update(),
             {{"/name", std::nullopt, "invalid "},
              {"/sections", event_create()["sections"], "command"},
              {"/sections", json::array(), "invalid /sections"},
              {"/metadata", json::object(), "command"},
              {"/startsAt", "2026-05-01T19:30:00Z", "command"},
              {"/endsAt", "x", "invalid /endsAt"},
              {"/slug", "a", "invalid /slug"},
              {"/venueId", "v", "invalid /venueId"}});
  expect_all(type, with(update(), "startsAt", "2026-05-01T19:30:00Z"),
             {{"/endsAt", "2026-05-01T19:30:00Z", "invalid /endsAt"}});
}

TEST(EventUpdate, FoldsTheNewName) {
  const auto decoded = binary("event.update", update().dump()).decode();
  const auto& out = std::get<domain::UpdateEvent>(command(decoded)->command);
  EXPECT_EQ(out.expected_version, 3);
  EXPECT_EQ(out.name_folded, "new name");
  EXPECT_FALSE(out.sections);
}

TEST(EventCancel, ChecksEachMember) {
  const std::string type = "event.cancel";
  expect_required(type, cancel_event(), {"/eventId", "/reason"});
  expect_uuid(type, cancel_event(), "/eventId");
  expect_text(type, cancel_event(), "/reason", 1000);
  expect_integer(type, cancel_event(), "/expectedVersion", 1, 9'007'199'254'740'991);
  expect_all(type, cancel_event(), {{"/x", 1, "invalid /x"}});
}

TEST(ReservationCreate, ChecksEachMember) {
  const std::string type = "reservation.create";
  const auto good = reservation_create();
  expect_required(type, good,
                  {"/eventId", "/customerId", "/items", "/items/0/sectionId", "/items/0/quantity"});
  expect_uuid(type, good, "/eventId");
  expect_uuid(type, good, "/reservationId");
  expect_opaque(type, good, "/customerId");
  expect_opaque(type, good, "/items/0/sectionId");
  expect_integer(type, good, "/items/0/quantity", 1, 1'000'000);
  expect_integer(type, good, "/holdSeconds", 1, std::int64_t{1} << 31);
  expect_all(type, good, {{"/x", 1, "invalid /x"}, {"/items/0/x", 1, "invalid /items/0/x"}});
}

TEST(ReservationCreate, ChecksItemsTogether) {
  const auto item = [](const std::string& id, int quantity) {
    return json{{"sectionId", id}, {"quantity", quantity}};
  };
  const auto items = [&](int count) {
    auto out = json::array();
    for (int i = 0; i < count; ++i) out.push_back(item("S" + std::to_string(i), 1));
    return out;
  };
  expect_all("reservation.create", reservation_create(),
             {{"/items", json::array(), "invalid /items"},
              {"/items", items(100), "command"},
              {"/items", items(101), "invalid /items"},
              {"/items", json::array({item("A", 1), item("A", 1)}), "invalid /items/1/sectionId"},
              {"/items", json::array({item("A", 600'000), item("B", 400'000)}), "command"},
              {"/items", json::array({item("A", 600'000), item("B", 400'001)}), "invalid /items"}});
}

TEST(ReservationCommands, CheckEachMember) {
  const auto confirm = with(target(), "paymentReference", "pay-1");
  const auto extend = with(target(), "holdSeconds", 60);
  const auto expire = with(target(), "holdVersion", 2);
  const std::vector<std::pair<std::string, json>> all{{"reservation.confirm", confirm},
                                                      {"reservation.extend", extend},
                                                      {"reservation.release", target()},
                                                      {"reservation.cancel", target()},
                                                      {"reservation.expire", expire}};
  for (const auto& [type, good] : all) {
    expect_required(type, good, {"/eventId", "/reservationId"});
    expect_uuid(type, good, "/eventId");
    expect_uuid(type, good, "/reservationId");
    expect_all(type, good, {{"/x", 1, "invalid /x"}});
  }
  expect_required("reservation.confirm", confirm, {"/paymentReference"});
  expect_text("reservation.confirm", confirm, "/paymentReference", 255);
  expect_required("reservation.extend", extend, {"/holdSeconds"});
  expect_integer("reservation.extend", extend, "/holdSeconds", 1, std::int64_t{1} << 31);
  expect_text("reservation.release", target(), "/reason", 1000);
  expect_text("reservation.cancel", target(), "/reason", 1000);
  expect_text("reservation.cancel", target(), "/refundReference", 255);
  expect_required("reservation.expire", expire, {"/holdVersion"});
  expect_integer("reservation.expire", expire, "/holdVersion", 1, 9'007'199'254'740'991);
}

}  // namespace
}  // namespace admitone::contract
