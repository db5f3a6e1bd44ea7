#include "contract/saga_change.hpp"

#include <gtest/gtest.h>

#include "contract/keys.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using testing::kEvent;
using testing::kReservation;
using testing::kTenant;
using testing::Sent;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";

SagaChange change() {
  SagaChange out;
  out.action = SagaChange::Action::resolve_as_done;
  out.tenant.value = *base::Uuid::parse(kTenant);
  out.event.value = *base::Uuid::parse(kEvent);
  out.saga.value = *base::Uuid::parse(kReservation);
  out.id = *base::Uuid::parse(kTenant);
  out.step = "venue.hold";
  out.reason = "the venue's desk \"confirmed\" it\n";
  out.result = "hold-7";
  return out;
}

Sent sent(const SagaChange& what) {
  const auto made = saga_change_command(kSecret, what, base::from_unix_millis(0));
  Sent out{.key = made.key, .value = made.value, .headers = {}};
  for (const auto& header : made.headers) out.with(header.name, header.value);
  return out;
}

TEST(SagaChange, IsReadAsItWasMade) {
  EXPECT_EQ(sent(change()).key, kEvent);
  EXPECT_EQ(read_saga_change(kSecret, sent(change()).record()), change());
  auto other = change();
  other.result.clear();
  for (const auto action :
       {SagaChange::Action::retry, SagaChange::Action::compensate,
        SagaChange::Action::resolve_as_undone, SagaChange::Action::end_attempt}) {
    other.action = action;
    EXPECT_EQ(read_saga_change(kSecret, sent(other).record()), other);
  }
}

// What is asked for can be told by the row alone.
TEST(SagaChange, IsHeldAgainstARowThatSaysAllOfIt) {
  auto what = change();
  EXPECT_EQ(audited_target(what), std::string("saga ") + kReservation);
  EXPECT_EQ(audited_verb(what), "sagas resolve --as done --result hold-7");
  what.result.clear();
  EXPECT_EQ(audited_verb(what), "sagas resolve --as done");
  what.action = SagaChange::Action::resolve_as_undone;
  EXPECT_EQ(audited_verb(what), "sagas resolve --as undone");
  what.action = SagaChange::Action::retry;
  EXPECT_EQ(audited_verb(what), "sagas retry");
  what.action = SagaChange::Action::compensate;
  EXPECT_EQ(audited_verb(what), "sagas compensate");
}

TEST(SagaChange, IsNoneWithoutTheDeploymentsSignature) {
  EXPECT_FALSE(read_saga_change("another secret", sent(change()).record()));
  auto forged = sent(change()).without(std::string(kTimerSignatureHeader));
  EXPECT_FALSE(read_saga_change(kSecret, forged.record()));
  auto altered = sent(change());
  altered.value->replace(altered.value->find("done"), 4, "undo");
  EXPECT_FALSE(read_saga_change(kSecret, altered.record()));
}

// Signed, and not what this version makes.
TEST(SagaChange, IsNoneWhenItCannotBeRead) {
  const auto signed_again = [](Sent changed) {
    changed.without(std::string(kTimerSignatureHeader));
    const auto signature = sign_timer(kSecret, changed.record());
    return changed.with(std::string(kTimerSignatureHeader), signature);
  };
  auto other_type = sent(change()).set("ce_type", "ticketing.event.cancel.v1");
  EXPECT_FALSE(read_saga_change(kSecret, signed_again(other_type).record()));
  auto unknown = sent(change());
  unknown.value->replace(unknown.value->find("resolve_as_done"), 15, "resolve_as_well");
  EXPECT_FALSE(read_saga_change(kSecret, signed_again(unknown).record()));
  EXPECT_TRUE(read_saga_change(kSecret, signed_again(sent(change())).record()));
}

// For who does not know it, it is a type like any other that is not known.
TEST(SagaChange, IsNoCommandOfTheContract) {
  const auto decoded = sent(change()).decode();
  const auto* refusal = std::get_if<Refusal>(&decoded.body);
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->reason, "unknown_type");
  ASSERT_TRUE(refusal->identity.has_value());
  EXPECT_EQ(refusal->identity->tenant, change().tenant);
  EXPECT_EQ(refusal->event, change().event);
}

}  // namespace
}  // namespace admitone::contract
