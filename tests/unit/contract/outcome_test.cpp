#include "contract/outcome.hpp"

#include <gtest/gtest.h>

#include "contract/codes.hpp"
#include "contract/json.hpp"
#include "contract/keys.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using namespace testing;  // NOLINT(*-using-namespace): the helpers of these tests
using domain::Code;
using domain::CommandStatus;

Envelope sent() {
  Envelope out;
  out.id = "id-1";
  out.source = "/shop";
  out.type = "ticketing.reservation.create.v1";
  return out;
}

domain::Event event() {
  domain::Event out;
  out.id = {*base::Uuid::parse(kEvent)};
  out.version = 2;
  out.status = domain::EventStatus::on_sale;
  out.venue_id = "venue-1";
  out.slug = "gala";
  out.name = "Gala \"Night\"\n";
  out.starts_at = base::from_unix_millis(1'777'663'800'000);
  out.ends_at = base::from_unix_millis(1'777'674'600'500);
  out.sections = {{.section_id = "A",
                   .name = "Stalls",
                   .capacity = 100,
                   .held = 2,
                   .sold = 3,
                   .price_minor = 4500,
                   .currency = "EUR"},
                  {.section_id = "B",
                   .name = "Circle",
                   .capacity = 0,
                   .held = 0,
                   .sold = 0,
                   .price_minor = 0,
                   .currency = "EUR"}};
  return out;
}

domain::Reservation reservation() {
  domain::Reservation out;
  out.id = {*base::Uuid::parse(kReservation)};
  out.event = {*base::Uuid::parse(kEvent)};
  out.version = 1;
  out.customer_id = "c-1";
  out.items = {{.section_id = "A", .quantity = 2, .price_minor = 4500}};
  out.currency = "EUR";
  out.total_minor = 9000;
  out.expires_at = base::from_unix_millis(1'777'663'800'000);
  return out;
}

domain::Decision done(Code code) {
  domain::Decision out;
  out.code = code;
  out.status = CommandStatus::completed;
  return out;
}

TEST(Outcome, ShowsAReservation) {
  auto command = sent();
  command.idempotency_key = "key-1";
  const auto held = reservation();
  EXPECT_EQ(
      render_outcome(command, done(Code::reservation_held), nullptr, &held),
      R"({"command":{"id":"id-1","source":"/shop","type":"ticketing.reservation.create.v1",)"
      R"("idempotencyKey":"key-1"},"status":"completed","code":"RESERVATION_HELD","result":)"
      R"({"reservationId":"0191d0a0-0000-7000-8000-00000000000f",)"
      R"("eventId":"0191d0a0-0000-7000-8000-00000000000e","version":1,"status":"held",)"
      R"("customerId":"c-1","items":[{"sectionId":"A","quantity":2,"priceMinor":4500}],)"
      R"("currency":"EUR","totalMinor":9000,"expiresAt":"2026-05-01T19:30:00Z"},"problem":null})");
  auto confirmed = held;
  confirmed.status = domain::ReservationStatus::confirmed;
  const auto text = render_outcome(command, done(Code::reservation_confirmed), nullptr, &confirmed);
  EXPECT_NE(text.find(R"("expiresAt":null)"), std::string::npos);
}

TEST(Outcome, ShowsAnEvent) {
  const auto shown = event();
  EXPECT_EQ(render_outcome(sent(), done(Code::event_created), &shown, nullptr),
            R"({"command":{"id":"id-1","source":"/shop","type":"ticketing.reservation.create.v1",)"
            R"("idempotencyKey":null},"status":"completed","code":"EVENT_CREATED","result":)"
            R"({"eventId":"0191d0a0-0000-7000-8000-00000000000e","version":2,"status":"on_sale",)"
            R"("venueId":"venue-1","slug":"gala","name":"Gala \"Night\"\n",)"
            R"("startsAt":"2026-05-01T19:30:00Z","endsAt":"2026-05-01T22:30:00.500Z","sections":[)"
            R"({"sectionId":"A","name":"Stalls","capacity":100,"held":2,"sold":3,"available":95,)"
            R"("priceMinor":4500,"currency":"EUR"},)"
            R"({"sectionId":"B","name":"Circle","capacity":0,"held":0,"sold":0,"available":0,)"
            R"("priceMinor":0,"currency":"EUR"}],)"
            R"("chain":{"signature":null,"address":null}},"problem":null})");
}

TEST(Outcome, ShowsWhereAnEventIsOnTheChain) {
  auto shown = event();
  shown.chain_address = "7Qz1";
  shown.chain_signature = "5VbS";
  const auto text = render_outcome(sent(), done(Code::event_created), &shown, nullptr);
  EXPECT_TRUE(text.ends_with(R"("chain":{"signature":"5VbS","address":"7Qz1"}},"problem":null})"))
      << text;
}

TEST(Outcome, LeavesRoomForTheChainInAPendingEvent) {
  auto shown = event();
  const auto room = room_in_outcome(shown);
  shown.status = domain::EventStatus::cancelling;
  shown.chain_address = std::string(44, 'a');
  shown.chain_signature = std::string(88, 's');
  const auto bare = render_outcome(sent(), done(Code::event_created), nullptr, nullptr).size();
  EXPECT_LT(render_outcome(sent(), done(Code::event_created), &shown, nullptr).size() - bare, room);
}

TEST(Outcome, ShowsAProblemAndNoResult) {
  domain::Decision refused;
  refused.code = Code::version_conflict;
  refused.problem.detail = "version 3 is current";
  refused.problem.current_version = 3;
  refused.problem.existing_event = base::EventId{*base::Uuid::parse(kEvent)};
  refused.problem.errors = {{"/a~1b", "x"}, {"", "y"}};
  const auto held = reservation();
  EXPECT_EQ(render_outcome(sent(), refused, nullptr, &held),
            R"({"command":{"id":"id-1","source":"/shop","type":"ticketing.reservation.create.v1",)"
            R"("idempotencyKey":null},"status":"rejected","code":"VERSION_CONFLICT","result":null,)"
            R"("problem":{"type":"urn:admitone:problem:VERSION_CONFLICT",)"
            R"("title":"Version is not current","status":409,"detail":"version 3 is current",)"
            R"("errors":[{"pointer":"/a~1b","detail":"x"},{"pointer":"","detail":"y"}],)"
            R"("currentVersion":3,"existingEventId":"0191d0a0-0000-7000-8000-00000000000e"}})");
}

TEST(Outcome, IsJsonWhateverTheProducerWrote) {
  auto command = sent();
  command.id = "\"\\\x7F/\xC3\xA9";
  auto shown = event();
  shown.name = "\x01\t\"}],\xF0\x9F\x98\x80";
  const auto text = render_outcome(command, done(Code::event_created), &shown, nullptr);
  const auto parsed = nlohmann::json::parse(text);
  EXPECT_EQ(parsed["command"]["id"], command.id);
  EXPECT_EQ(parsed["result"]["name"], shown.name);
  const auto checked = parse_json(text, {32, 1000, 10'000});
  EXPECT_TRUE(std::get<JsonDocument>(checked).errors().empty());
}

OutcomeRecord record() {
  OutcomeRecord out;
  out.id = outcome_id("t/0/1", domain::OutcomeType::event_created, kEvent);
  out.type = domain::OutcomeType::event_created;
  out.tenant = {*base::Uuid::parse(kTenant)};
  out.event = base::EventId{*base::Uuid::parse(kEvent)};
  out.time = base::from_unix_millis(1'777'663'800'123);
  out.origin = "t/0/1";
  out.command_id = "id-1";
  return out;
}

using Headers = std::vector<base::Header>;

TEST(OutcomeHeaders, AreThoseOfABinaryCloudEvent) {
  EXPECT_EQ(outcome_headers(record(), 3, 42), (Headers{{"ce_specversion", "1.0"},
                                                       {"ce_id", record().id.str()},
                                                       {"ce_source", "admitone"},
                                                       {"ce_type", "ticketing.event.created.v1"},
                                                       {"ce_time", "2026-05-01T19:30:00.123Z"},
                                                       {"ce_subject", kEvent},
                                                       {"ce_tenantid", kTenant},
                                                       {"ce_correlationid", "id-1"},
                                                       {"ce_causationid", "id-1"},
                                                       {"content-type", "application/json"},
                                                       {"admitone-origin", "t/0/1"},
                                                       {"admitone-seq", "3:42"}}));
}

TEST(OutcomeHeaders, CopyWhatTheCommandSaid) {
  auto outcome = record();
  outcome.event.reset();
  outcome.replayed = true;
  outcome.correlation_id = "c";
  outcome.idempotency_key = "k";
  outcome.actor_id = "a";
  outcome.traceparent = "tp";
  outcome.tracestate = "ts";
  const auto headers = outcome_headers(outcome, 0, 1);
  const auto has = [&](const char* name, const char* value) {
    return std::ranges::count(headers, base::Header{name, value}) == 1;
  };
  EXPECT_TRUE(has("ce_correlationid", "c"));
  EXPECT_TRUE(has("ce_idempotencykey", "k"));
  EXPECT_TRUE(has("ce_actorid", "a"));
  EXPECT_TRUE(has("traceparent", "tp"));
  EXPECT_TRUE(has("tracestate", "ts"));
  EXPECT_TRUE(has("ce_idempotencyreplayed", "true"));
  EXPECT_EQ(std::ranges::count(headers, "ce_subject", &base::Header::name), 0);
  EXPECT_EQ(headers.size(), 16U);
}

TEST(LaneSeq, IsReadBackAndNothingElseIs) {
  const auto seq = parse_seq("11:9223372036854775807");
  ASSERT_TRUE(seq);
  EXPECT_EQ(seq->lane, 11);
  EXPECT_EQ(seq->seq, 9'223'372'036'854'775'807);
  for (const std::string_view wrong :
       {"", ":", "1:", ":1", "1", "1:2:3", "a:1", "1:a", " 1:1", "1: 1", "-1:1", "1:-1", "+1:1",
        "1:9223372036854775808", "2147483648:1", "1:1 "})
    EXPECT_FALSE(parse_seq(wrong)) << wrong;
}

TEST(DeadLetter, KeepsTheOriginalHeadersAndAddsTheReason) {
  using namespace std::string_literals;
  const Sent original{
      .key = "k", .value = "v", .headers = {{"b", "\xFF"}, {"a", std::nullopt}, {"b", ""}}};
  const DeadLetterFacts facts{.reason = "limit",
                              .code = "INVALID_COMMAND",
                              .detail = "too deep",
                              .topic = "ticketing.commands",
                              .partition = 258,
                              .offset = 0x0102030405060708,
                              .timestamp = base::from_unix_millis(1'777'663'800'000),
                              .group = "admitone",
                              .attempts = 5,
                              .first_failed_at = base::from_unix_millis(1'777'663'801'000)};
  EXPECT_EQ(dead_letter_headers(original.record(), facts),
            (Headers{{"b", "\xFF"},
                     {"a", "", true},
                     {"b", ""},
                     {"admitone-dlq-reason", "limit"},
                     {"admitone-dlq-code", "INVALID_COMMAND"},
                     {"admitone-dlq-detail", "too deep"},
                     {"admitone-dlq-topic", "ticketing.commands"},
                     {"admitone-dlq-partition", "258"},
                     {"admitone-dlq-offset", "72623859790382856"},
                     {"admitone-dlq-timestamp", "2026-05-01T19:30:00Z"},
                     {"admitone-dlq-group", "admitone"},
                     {"admitone-dlq-attempts", "5"},
                     {"admitone-dlq-first-failed-at", "2026-05-01T19:30:01Z"},
                     {"kafka_dlt-original-topic", "ticketing.commands"},
                     {"kafka_dlt-original-partition", "\x00\x00\x01\x02"s},
                     {"kafka_dlt-original-offset", "\x01\x02\x03\x04\x05\x06\x07\x08"s}}));
}

TEST(TimerCommand, IsACommandThatDecodes) {
  const base::TenantId tenant{*base::Uuid::parse(kTenant)};
  const base::EventId event_id{*base::Uuid::parse(kEvent)};
  const base::ReservationId id{*base::Uuid::parse(kReservation)};
  const auto timer = expire_command("secret", tenant, event_id, id, 7, base::from_unix_millis(0));
  EXPECT_EQ(timer.key, kEvent);
  Sent as_record{.key = timer.key, .value = timer.value, .headers = {}};
  for (const auto& header : timer.headers) as_record.with(header.name, header.value);
  const auto decoded = as_record.decode();
  ASSERT_EQ(summary(decoded), "command");
  const auto& expire = std::get<domain::ExpireReservation>(command(decoded)->command);
  EXPECT_EQ(expire.reservation, id);
  EXPECT_EQ(expire.hold_version, 7);
  EXPECT_EQ(command(decoded)->event, event_id);
  EXPECT_EQ(command(decoded)->envelope.tenant, tenant);
  EXPECT_TRUE(is_own_timer("secret", as_record.record()));
  EXPECT_FALSE(is_own_timer("other", as_record.record()));
  Sent changed = as_record;
  changed.value->replace(changed.value->find('7'), 1, "8");
  EXPECT_FALSE(is_own_timer("secret", changed.record()));
  EXPECT_FALSE(is_own_timer("secret", as_record.with("admitone-timer-signature", "").record()));
  // Fired again it is the same command; for the next hold it is another one.
  const auto again = expire_command("secret", tenant, event_id, id, 7, base::from_unix_millis(5));
  EXPECT_EQ(again.value, timer.value);
  EXPECT_EQ(again.headers[1], timer.headers[1]);
  EXPECT_NE(expire_command("secret", tenant, event_id, id, 8, base::from_unix_millis(0)).headers[1],
            timer.headers[1]);
}

}  // namespace
}  // namespace admitone::contract
