// A record on its way to a verdict, when memory runs out on that way.
#include "pipeline/item.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace {

// Of this thread: so many allocations succeed, then one fails. Below zero: all succeed.
thread_local int allocations_left = -1;

}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  if (allocations_left >= 0 && allocations_left-- == 0) return nullptr;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace admitone::pipeline {
namespace {

class ItemTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  ItemTest() {
    options.topic_names = {{0, "commands"}, {1, "partner"}};
    options.partitions = 4;
    options.forward_secret = "a secret of thirty-two bytes....";
    options.dead_letter_value_bytes = GetParam();
  }
  // A hold that came in on another topic.
  static base::Record record() {
    static const std::string event = "0a000000-0000-4000-8000-000000000001";
    static const std::string value =
        R"({"eventId":")" + event +
        R"(","customerId":"cust-1","items":[{"sectionId":"a","quantity":1}],"metadata":{"x":")" +
        std::string(2'000, 'x') + R"("}})";
    base::Record made;
    made.position = {1, 0, 7};
    made.storage = std::make_unique<char[]>(value.size());
    std::memcpy(made.storage.get(), value.data(), value.size());
    made.key = event;
    made.value = std::string_view(made.storage.get(), value.size());
    made.headers = {{"content-type", "application/json"},
                    {"ce_specversion", "1.0"},
                    {"ce_id", "c-1"},
                    {"ce_source", "test"},
                    {"ce_type", "ticketing.reservation.create.v1"},
                    {"ce_tenantid", "7f1d0000-0000-4000-8000-000000000001"},
                    {"more", "0123456789012345678901234567890123456789"}};
    made.bytes = value.size() + event.size() + 300;
    return made;
  }
  EngineOptions options;
};

TEST_P(ItemTest, KeepsItsRecordWhicheverAllocationFails) {
  const auto whole = record();
  ASSERT_EQ(prepare(record(), options).record.value, std::nullopt) << "it is made to fit";
  int failures = 0;
  for (bool failed = true; failed; ++failures) {
    auto item = unread(record(), options);
    allocations_left = failures;
    try {
      prepare(item, options);
    } catch (const std::bad_alloc&) {
      ASSERT_EQ(item.record.value, whole.value) << "allocation " << failures;
      ASSERT_EQ(item.record.key, whole.key);
      ASSERT_EQ(item.record.headers.size(), whole.headers.size());
      ASSERT_EQ(item.record.bytes, whole.bytes);
    }
    failed = allocations_left < 0;
    allocations_left = -1;
  }
  EXPECT_GT(failures, 10);
}

// Without its value; and as nothing but the sender's name.
INSTANTIATE_TEST_SUITE_P(Limits, ItemTest, ::testing::Values(1'000, 100));

}  // namespace
}  // namespace admitone::pipeline
