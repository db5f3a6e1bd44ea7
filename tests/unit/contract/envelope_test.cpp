#include <gtest/gtest.h>

#include "contract/decode.hpp"
#include "contract/text.hpp"
#include "records.hpp"

namespace admitone::contract {
namespace {

using namespace testing;  // NOLINT(*-using-namespace): the helpers of these tests

Sent hold() {
  return binary("reservation.create", reservation_create().dump());
}

Sent structured_with(const std::string& name, nlohmann::json value) {
  auto out = document("reservation.create", reservation_create());
  out[name] = std::move(value);
  return structured(out.dump());
}

std::string detail(const Decoded& decoded) {
  return refusal(decoded) == nullptr ? "" : refusal(decoded)->detail;
}

TEST(Envelope, WithoutAnIdentityTheRecordIsDead) {
  for (const std::string name : {"ce_id", "ce_source", "ce_type", "ce_tenantid"}) {
    EXPECT_EQ(summary(hold().without(name).decode()), "dead no_identity") << name;
    EXPECT_EQ(summary(hold().set(name, "").decode()), "dead no_identity") << name;
    EXPECT_EQ(summary(hold().set(name, std::nullopt).decode()), "dead no_identity") << name;
    EXPECT_EQ(summary(hold().set(name, "a\xFF").decode()), "dead no_identity") << name;
    EXPECT_EQ(summary(hold().set(name, "a\nb").decode()), "dead no_identity") << name;
    EXPECT_EQ(summary(hold().set(name, std::string(1025, 'x')).decode()), "dead no_identity");
    auto twice = hold();
    EXPECT_EQ(summary(twice.with(name, "x").decode()), "dead no_identity") << name;
    const auto decoded = twice.decode();
    EXPECT_FALSE(refusal(decoded)->identity);
  }
  EXPECT_EQ(summary(hold().set("ce_tenantid", "acme").decode()), "dead no_identity");
  EXPECT_EQ(summary(hold().set("ce_tenantid", "00000000-0000-0000-0000-000000000000").decode()),
            "dead no_identity");
  for (const std::string name : {"id", "source", "type", "tenantid"}) {
    EXPECT_EQ(summary(structured_with(name, nullptr).decode()), "dead no_identity") << name;
    EXPECT_EQ(summary(structured_with(name, 7).decode()), "dead no_identity") << name;
  }
}

TEST(Envelope, AnUpperCaseTenantIsToldItsMistake) {
  const auto decoded = hold().set("ce_tenantid", "0191D0A0-0000-7000-8000-000000000001").decode();
  EXPECT_EQ(summary(decoded), "invalid ");
  ASSERT_TRUE(refusal(decoded)->identity);
  EXPECT_EQ(refusal(decoded)->identity->tenant.str(), kTenant);
}

TEST(Envelope, UnknownTypesAndVersionsAreDeadWithAnIdentity) {
  for (const auto& sent :
       {hold().set("ce_type", "ticketing.reservation.create.v2"),
        hold().set("ce_type", "ticketing.event.created.v1"), hold().set("ce_type", "order.paid"),
        hold().set("ce_type", "TICKETING.RESERVATION.CREATE.V1"),
        hold().set("ce_specversion", "0.3"), hold().set("ce_specversion", "1.1"),
        structured_with("specversion", "2.0"), structured_with("type", "x")}) {
    const auto decoded = sent.decode();
    EXPECT_EQ(summary(decoded), "dead unknown_type");
    EXPECT_TRUE(refusal(decoded)->identity);
    ASSERT_TRUE(refusal(decoded)->event);
    EXPECT_EQ(refusal(decoded)->event->str(), kEvent);
  }
}

TEST(Envelope, AMissingSpecversionIsAnError) {
  EXPECT_EQ(summary(hold().without("ce_specversion").decode()), "invalid ");
  EXPECT_EQ(summary(structured_with("specversion", 1).decode()), "invalid ");
}

TEST(Envelope, ContentTypesThatAreNotOursAreDead) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"application/json", "command"},
      {"application/json; charset=utf-8", "command"},
      {"APPLICATION/JSON", "command"},
      {"application/vnd.acme+json", "command"},
      {"text/plain", "dead undecodable"},
      {"application/avro", "dead undecodable"},
      {"application/xml", "dead undecodable"},
      {"", "dead undecodable"},
      {"application/cloudevents-batch+json", "dead undecodable"},
      {"application/cloudevents+avro", "dead undecodable"},
  };
  for (const auto& [type, expected] : cases) {
    const auto decoded = hold().set("content-type", type).decode();
    EXPECT_EQ(summary(decoded), expected) << type;
  }
  EXPECT_EQ(summary(hold().without("content-type").decode()), "command");
  EXPECT_EQ(summary(structured_with("datacontenttype", "application/json").decode()), "command");
  EXPECT_EQ(summary(structured_with("datacontenttype", "text/xml").decode()), "dead undecodable");
}

TEST(Envelope, WhatIsNoCloudEventIsDead) {
  for (const std::string value : {"{}", "[]", "1", "null", "garbage", R"({"eventId":"x"})"}) {
    const Sent plain{.key = "k", .value = value, .headers = {}};
    EXPECT_EQ(summary(plain.decode()), "dead undecodable") << value;
    EXPECT_EQ(summary(structured(value).decode()), "dead undecodable") << value;
  }
  EXPECT_EQ(summary(Sent{}.decode()), "dead undecodable");
  auto tombstone = hold();
  tombstone.value.reset();
  const auto decoded = tombstone.decode();
  EXPECT_EQ(summary(decoded), "dead undecodable");
  EXPECT_TRUE(refusal(decoded)->identity);
}

TEST(Envelope, DataMustBeThereAndJson) {
  EXPECT_EQ(summary(binary("event.cancel", "").decode()), "dead undecodable");
  EXPECT_EQ(summary(binary("event.cancel", "{").decode()), "dead undecodable");
  EXPECT_EQ(summary(binary("event.cancel", "[]").decode()), "invalid ");
  auto without = document("event.cancel", nullptr);
  EXPECT_EQ(summary(structured(without.dump()).decode()), "invalid ");
  without.erase("data");
  EXPECT_EQ(summary(structured(without.dump()).decode()), "invalid ");
  without["data_base64"] = "e30=";
  const auto decoded = structured(without.dump()).decode();
  EXPECT_EQ(summary(decoded).substr(0, 7), "invalid");
  EXPECT_NE(detail(decoded).find("data_base64 is not supported"), std::string::npos);
}

TEST(Envelope, OneOfOursGivenTwiceIsAnError) {
  for (const std::string name :
       {"ce_specversion", "ce_time", "ce_subject", "ce_idempotencykey", "ce_actorid",
        "ce_correlationid", "ce_traceparent", "ce_tracestate", "ce_expirytime", "idempotency-key",
        "traceparent", "tracestate", "content-type", "admitone-origin"}) {
    auto sent = hold().set(name, name == "content-type" ? "application/json" : "1.0");
    const auto decoded = sent.with(name, "1.0").decode();
    EXPECT_EQ(summary(decoded).substr(0, 7), "invalid") << name;
    EXPECT_NE(detail(decoded).find("given twice"), std::string::npos) << name;
  }
  auto text = document("reservation.create", reservation_create()).dump();
  text.insert(1, R"("actorid":"a","actorid":"b",)");
  EXPECT_EQ(summary(structured(text).decode()).substr(0, 7), "invalid");
}

TEST(Envelope, UnknownAttributesAreIgnored) {
  auto sent = hold();
  sent.with("ce_other", "1").with("ce_other", "2").with("x-any", "\xFF").with("ce_", "x");
  EXPECT_EQ(summary(sent.decode()), "command");
  EXPECT_EQ(summary(structured_with("other", "x").decode()), "command");
  // Their numbers are numbers all the same.
  EXPECT_EQ(summary(structured_with("other", 1.5).decode()), "invalid ");
}

TEST(IdempotencyKey, IsVisibleAsciiAndReadFromEitherPlace) {
  const auto key_of = [](const Decoded& decoded) {
    return command(decoded) == nullptr ? summary(decoded)
                                       : command(decoded)->envelope.idempotency_key.value_or("-");
  };
  const std::string longest(255, 'k');
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", "!~").decode()), "!~");
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", longest).decode()), longest);
  EXPECT_EQ(key_of(hold().with("idempotency-key", "k").decode()), "k");
  EXPECT_EQ(key_of(structured_with("idempotencykey", "k").decode()), "k");
  EXPECT_EQ(key_of(structured_with("other", "").with("idempotency-key", "k").decode()), "k");
  EXPECT_EQ(key_of(hold().decode()), "-");
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", "").decode()), "-");
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", std::nullopt).decode()), "-");
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", "").with("idempotency-key", "k").decode()),
            "k");
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", "k").with("idempotency-key", "k").decode()),
            "k");
  EXPECT_EQ(key_of(hold().with("ce_idempotencykey", "k").with("idempotency-key", "l").decode()),
            "invalid ");
  for (const std::string& wrong : {longest + "k", std::string("a b"), std::string("\x7F"),
                                   std::string("\xC3\xA9"), std::string("a\0b", 3)}) {
    EXPECT_EQ(key_of(hold().with("ce_idempotencykey", wrong).decode()), "invalid ");
    EXPECT_EQ(key_of(hold().with("idempotency-key", wrong).decode()), "invalid ");
  }
  EXPECT_EQ(key_of(structured_with("idempotencykey", 7).decode()), "invalid ");
}

TEST(Envelope, ReadsOptionalAttributes) {
  auto sent = hold();
  sent.with("ce_time", "2026-01-02T03:04:05.5Z")
      .with("ce_expirytime", "2026-01-02T03:04:05+01:00")
      .with("ce_subject", "s")
      .with("ce_correlationid", "c")
      .with("ce_actorid", "");
  const auto decoded = sent.decode();
  ASSERT_EQ(summary(decoded), "command");
  const auto& envelope = command(decoded)->envelope;
  EXPECT_EQ(format_time(*envelope.time), "2026-01-02T03:04:05.500Z");
  EXPECT_EQ(format_time(*envelope.expiry), "2026-01-02T02:04:05Z");
  EXPECT_EQ(envelope.subject, "s");
  EXPECT_EQ(envelope.correlation_id, "c");
  EXPECT_FALSE(envelope.actor_id) << "empty counts as absent";
}

TEST(Envelope, RefusesWrongOptionalAttributes) {
  EXPECT_EQ(summary(hold().with("ce_time", "yesterday").decode()), "invalid ");
  EXPECT_EQ(summary(hold().with("ce_expirytime", "2026-01-02").decode()), "invalid ");
  EXPECT_EQ(summary(hold().with("ce_actorid", std::string(256, 'a')).decode()), "invalid ");
  EXPECT_EQ(summary(hold().with("ce_correlationid", "a\x01").decode()), "invalid ");
  EXPECT_EQ(summary(hold().with("ce_subject", "\xC3").decode()), "invalid ");
  EXPECT_EQ(summary(structured_with("time", 5).decode()), "invalid ");
}

constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kOtherTrace = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

TEST(Trace, IsTakenFromTheBareHeaderBeforeTheAttribute) {
  const auto trace_of = [](const Decoded& decoded) {
    const auto& envelope = command(decoded)->envelope;
    return envelope.traceparent.value_or("-") + " " + envelope.tracestate.value_or("-");
  };
  EXPECT_EQ(trace_of(hold().with("traceparent", kTrace).decode()), kTrace + std::string(" -"));
  EXPECT_EQ(trace_of(hold().with("ce_traceparent", kTrace).with("ce_tracestate", "a=b").decode()),
            kTrace + std::string(" a=b"));
  EXPECT_EQ(trace_of(structured_with("traceparent", kTrace).decode()), kTrace + std::string(" -"));
  EXPECT_EQ(trace_of(hold()
                         .with("ce_traceparent", kOtherTrace)
                         .with("traceparent", kTrace)
                         .with("ce_tracestate", "a=b")
                         .decode()),
            kTrace + std::string(" -"));
  EXPECT_EQ(trace_of(hold().with("ce_traceparent", kTrace).with("traceparent", "x").decode()),
            kTrace + std::string(" -"));
}

TEST(Trace, IsDroppedWhenMalformed) {
  const std::string good = kTrace;
  for (const std::string& wrong :
       std::vector<std::string>{"", good.substr(1), good + "x", good + "-x", "ff" + good.substr(2),
                                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01"}) {
    const auto decoded = hold().with("traceparent", wrong).with("tracestate", "a=b").decode();
    ASSERT_EQ(summary(decoded), "command") << wrong;
    EXPECT_FALSE(command(decoded)->envelope.traceparent) << wrong;
    EXPECT_FALSE(command(decoded)->envelope.tracestate) << wrong;
  }
  const auto later = hold().with("traceparent", "01" + good.substr(2) + "-more").decode();
  EXPECT_TRUE(command(later)->envelope.traceparent);
}

TEST(Origin, IsClaimedByTwoHeadersTogether) {
  EXPECT_FALSE(hold().decode().origin);
  const auto both = hold().with("admitone-origin", "t/0/1").with("admitone-origin-signature", "ab");
  const auto claim = both.decode().origin;
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->position, "t/0/1");
  EXPECT_EQ(claim->signature, "ab");
  auto twice = both;
  EXPECT_EQ(twice.with("admitone-origin", "t/0/2").decode().origin->signature, "");
  EXPECT_EQ(hold().with("admitone-origin", "t/0/1").decode().origin->signature, "");
  auto dead = both;
  EXPECT_TRUE(dead.without("ce_id").decode().origin) << "a refusal is forwarded too";
}

}  // namespace
}  // namespace admitone::contract
