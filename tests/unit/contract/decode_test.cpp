#include "contract/decode.hpp"

#include <gtest/gtest.h>

#include "contract/hash.hpp"
#include "contract/keys.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using namespace testing;  // NOLINT(*-using-namespace): the helpers of these tests
using domain::CommandType;

TEST(Decoding, TakesABinaryRecord) {
  auto sent = binary("reservation.create", reservation_create().dump());
  sent.with("ce_idempotencykey", "key-1").with("ce_actorid", "shop").with("ce_unknown", "x");
  const auto decoded = sent.decode();
  ASSERT_EQ(summary(decoded), "command");
  const auto& out = *command(decoded);
  EXPECT_EQ(out.envelope.id, "id-1");
  EXPECT_EQ(out.envelope.source, "/shop");
  EXPECT_EQ(out.envelope.tenant.str(), testing::kTenant);
  EXPECT_EQ(out.envelope.idempotency_key, "key-1");
  EXPECT_EQ(out.envelope.actor_id, "shop");
  EXPECT_EQ(out.key_source, domain::KeySource::explicit_key);
  EXPECT_EQ(out.key,
            key_hash(out.envelope.tenant, "shop", CommandType::reservation_create, "key-1"));
  EXPECT_FALSE(out.content_key);
  EXPECT_EQ(out.event.str(), kEvent);
  const auto& create = std::get<domain::CreateReservation>(out.command);
  EXPECT_EQ(create.customer_id, "customer-1");
  ASSERT_EQ(create.items.size(), 1U);
  EXPECT_EQ(create.items[0].quantity, 2);
  EXPECT_FALSE(create.hold_seconds);
}

TEST(Decoding, TakesTheSameCommandInBothModesAndBehindAConfluentPrefix) {
  const auto data = reservation_create();
  const auto first = binary("reservation.create", data.dump()).decode();
  const std::string prefix("\0\0\0\0\x07", 5);
  const std::vector<Sent> others{
      binary("reservation.create", prefix + data.dump(4)),
      structured(document("reservation.create", data).dump()),
      structured(prefix + document("reservation.create", data).dump(2)),
      Sent{.key = kEvent, .value = document("reservation.create", data).dump(), .headers = {}},
  };
  ASSERT_EQ(summary(first), "command");
  for (const auto& sent : others) {
    const auto other = sent.decode();
    ASSERT_EQ(summary(other), "command");
    EXPECT_EQ(command(other)->payload, command(first)->payload);
    EXPECT_EQ(command(other)->key, command(first)->key);
    EXPECT_EQ(command(other)->content_key, command(first)->content_key);
  }
}

TEST(DerivedIds, OfAKeyedCreationComeFromTheKey) {
  auto data = event_create();
  data.erase("eventId");
  auto sent = binary("event.create", data.dump());
  const auto first = sent.with("ce_idempotencykey", "k").decode();
  ASSERT_EQ(summary(first), "command");
  EXPECT_EQ(command(first)->event, derive_event_id(command(first)->key));
  auto changed = data;
  changed["name"] = "Another";
  const auto other = binary("event.create", changed.dump()).with("ce_idempotencykey", "k").decode();
  EXPECT_EQ(command(other)->event, command(first)->event);
  EXPECT_NE(command(other)->payload, command(first)->payload);
}

TEST(DerivedIds, OfAKeylessEventComeFromItsContentSoThatCopiesMeet) {
  auto data = event_create();
  data.erase("eventId");
  auto sent = binary("event.create", data.dump());
  const auto first = sent.decode();
  const auto copy = sent.set("ce_id", "id-2").decode();
  ASSERT_EQ(summary(copy), "command");
  EXPECT_EQ(command(first)->key_source, domain::KeySource::cloudevent);
  EXPECT_NE(command(copy)->key, command(first)->key);
  EXPECT_EQ(command(copy)->content_key, command(first)->content_key);
  EXPECT_EQ(command(copy)->event, command(first)->event);
  EXPECT_EQ(command(first)->event, derive_event_id(*command(first)->content_key));
}

TEST(DerivedIds, OfAKeylessReservationComeFromSourceAndId) {
  auto data = reservation_create();
  data.erase("reservationId");
  auto sent = binary("reservation.create", data.dump());
  const auto first = sent.decode();
  const auto again = sent.decode();
  const auto copy = sent.set("ce_id", "id-2").decode();
  const auto id_of = [](const Decoded& decoded) {
    return *domain::reservation_of(command(decoded)->command);
  };
  EXPECT_EQ(id_of(first), derive_reservation_id(command(first)->key));
  EXPECT_EQ(id_of(again), id_of(first));
  EXPECT_NE(id_of(copy), id_of(first));
}

TEST(DerivedIds, DoNotReplaceWhatWasSent) {
  const auto decoded = binary("event.create", event_create().dump()).decode();
  EXPECT_EQ(command(decoded)->event.str(), kEvent);
}

// Or a forged one, sent before it, would stand in the way of the timer's own.
TEST(KeyOfAnExpire, IsInItsDataWhateverItWasSentWith) {
  const auto data = [](int version) {
    return nlohmann::json{
        {"eventId", kEvent}, {"reservationId", kReservation}, {"holdVersion", version}}
        .dump();
  };
  const auto timer = binary("reservation.expire", data(2))
                         .with("ce_idempotencykey", std::string(kReservation) + "/2")
                         .decode();
  const auto forged = binary("reservation.expire", data(1))
                          .with("ce_idempotencykey", std::string(kReservation) + "/2")
                          .decode();
  const auto keyless = binary("reservation.expire", data(2)).with("ce_actorid", "eve").decode();
  EXPECT_NE(command(forged)->key, command(timer)->key);
  EXPECT_EQ(command(keyless)->key, command(timer)->key);
  EXPECT_EQ(command(keyless)->envelope.idempotency_key, std::string(kReservation) + "/2");
  EXPECT_FALSE(command(keyless)->content_key);
}

// The same value a few words of Python give: hashlib.sha256(type + b"\0" + canonical).
TEST(Fingerprint, IsOverTypeAndCanonicalDataAsSent) {
  const auto decoded =
      binary("event.cancel", R"({ "reason": "storm", "eventId": ")" + std::string(kEvent) + "\" }")
          .decode();
  ASSERT_EQ(summary(decoded), "command");
  EXPECT_EQ(to_hex(command(decoded)->payload),
            "1fe4c60735082eca02e16d7e8d7b578b4a1a85496df8dafdb773c033195420fd");
}

TEST(Refusals, SayTheEventWhenItCanBeRead) {
  auto data = reservation_create();
  data["customerId"] = "";
  const auto invalid = binary("reservation.create", data.dump()).decode();
  ASSERT_EQ(summary(invalid), "invalid /customerId");
  EXPECT_EQ(refusal(invalid)->event->str(), kEvent);
  EXPECT_TRUE(refusal(invalid)->identity);
  EXPECT_EQ(refusal(invalid)->detail, "/customerId must have 1 to 128 characters");
  data["eventId"] = "nonsense";
  EXPECT_FALSE(refusal(binary("reservation.create", data.dump()).decode())->event);
}

TEST(Refusals, NameEveryErrorWithItsPointer) {
  const auto decoded =
      binary("reservation.create",
             R"({"eventId":"x","items":[{"sectionId":"A","quantity":1.5}],"a":1,"a":2})")
          .decode();
  EXPECT_EQ(summary(decoded), "invalid /items/0/quantity /a /eventId /customerId");
}

}  // namespace
}  // namespace admitone::contract
