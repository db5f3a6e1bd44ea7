#include "saga/turns.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace admitone::saga {
namespace {

base::TenantId tenant(std::uint8_t number) {
  base::TenantId id;
  id.value.bytes[0] = number;
  return id;
}
base::SagaId saga(std::uint8_t number) {
  base::SagaId id;
  id.value.bytes[0] = number;
  return id;
}
bool everybody(const base::TenantId&) {
  return true;
}

TEST(Turns, GoTenantByTenantAndWithinATenantByAge) {
  Turns turns({10, 10});
  for (std::uint8_t i = 1; i <= 3; ++i) turns.add(tenant(1), saga(i));
  turns.add(tenant(2), saga(4));
  std::vector<base::SagaId> order;
  while (const auto next = turns.next(everybody)) order.push_back(*next);
  EXPECT_EQ(order, (std::vector{saga(1), saga(4), saga(2), saga(3)}));
}

TEST(Turns, AreForAsManyCallsAsTheServiceMayHaveAndATenantAtTheSame) {
  Turns turns({3, 2});
  for (std::uint8_t i = 1; i <= 3; ++i) turns.add(tenant(1), saga(i));
  for (std::uint8_t i = 4; i <= 6; ++i) turns.add(tenant(2), saga(i));
  turns.began(tenant(1));
  turns.began(tenant(1));
  EXPECT_EQ(turns.next(everybody), saga(4)) << "the first tenant has its part";
  turns.began(tenant(2));
  EXPECT_EQ(turns.calls(), 3U);
  EXPECT_EQ(turns.next(everybody), std::nullopt) << "the service has its part";
  turns.ended(tenant(1));
  EXPECT_EQ(turns.next(everybody), saga(1)) << "nobody has lost a turn";
}

TEST(Turns, PassOverWhoHasNoRoomElsewhere) {
  Turns turns({3, 3});
  turns.add(tenant(1), saga(1));
  turns.add(tenant(2), saga(2));
  const auto second_only = [](const base::TenantId& id) { return id == tenant(2); };
  EXPECT_EQ(turns.next(second_only), saga(2));
  EXPECT_EQ(turns.next(second_only), std::nullopt);
  EXPECT_EQ(turns.next(everybody), saga(1));
}

}  // namespace
}  // namespace admitone::saga
