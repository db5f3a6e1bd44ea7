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

}  // namespace
}  // namespace admitone::contract
