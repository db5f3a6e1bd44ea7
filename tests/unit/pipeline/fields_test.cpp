// What a line of the log about a command carries (audit RL10).
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "contract/trace.hpp"
#include "pipeline/item.hpp"

namespace admitone::pipeline {
namespace {

constexpr std::string_view kEvent = "0a000000-0000-4000-8000-000000000001";
constexpr std::string_view kTenant = "7f1d0000-0000-4000-8000-000000000001";
constexpr std::string_view kValue =
    R"({"eventId":"0a000000-0000-4000-8000-000000000001","customerId":"c",)"
    R"("items":[{"sectionId":"a","quantity":1}]})";

class FieldsTest : public ::testing::Test {
 protected:
  FieldsTest() {
    options_.topic_names = {{0, "commands"}};
    options_.partitions = 1;
    options_.forward_secret = "a secret of thirty-two bytes....";
  }
  base::Fields fields_with(std::vector<base::HeaderView> more, std::string_view type) {
    base::Record record;
    record.position = {0, 0, 7};
    record.key = kEvent;
    record.value = kValue;
    record.headers = {{"content-type", "application/json"},
                      {"ce_specversion", "1.0"},
                      {"ce_id", "c-1"},
                      {"ce_source", "test"},
                      {"ce_type", type},
                      {"ce_tenantid", kTenant}};
    record.headers.insert(record.headers.end(), more.begin(), more.end());
    return fields_of(prepare(std::move(record), options_));
  }
  EngineOptions options_;
};

TEST_F(FieldsTest, AreCommandTenantPositionAndTrace) {
  for (const char* type : {"ticketing.reservation.create.v1", "ticketing.unheard.of.v1"}) {
    const auto fields = fields_with(
        {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}, type);
    EXPECT_EQ(fields.command, "c-1") << type;
    EXPECT_EQ(fields.tenant, kTenant) << type;
    EXPECT_EQ(fields.position, "commands/0/7") << type;
    EXPECT_EQ(fields.trace, "0af7651916cd43dd8448eb211c80319c") << type;
  }
}

TEST_F(FieldsTest, BeginATraceWhereTheCommandHasNoneOrAWrongOne) {
  const auto begun = contract::trace_id({}, "commands/0/7");
  EXPECT_EQ(fields_with({}, "ticketing.reservation.create.v1").trace, begun);
  EXPECT_EQ(fields_with({{"traceparent", "none"}}, "ticketing.reservation.create.v1").trace, begun);
}

TEST_F(FieldsTest, ArePositionAloneOfWhatCannotBeRead) {
  base::Record record;
  record.position = {0, 0, 8};
  record.value = "no command";
  const auto fields = fields_of(prepare(std::move(record), options_));
  EXPECT_EQ(fields.position, "commands/0/8");
  EXPECT_EQ(fields.command + fields.tenant + fields.trace, "");
}

}  // namespace
}  // namespace admitone::pipeline
