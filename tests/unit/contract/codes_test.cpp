#include "contract/codes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace admitone::contract {
namespace {

using domain::Code;
using domain::CommandType;
using domain::OutcomeType;

TEST(Types, AreFoundByTheirNames) {
  for (std::int16_t i = 1; i <= 9; ++i) {
    const auto type = static_cast<CommandType>(i);
    EXPECT_EQ(command_type(type_name(type)), type);
    EXPECT_FALSE(outcome_type(type_name(type)));
  }
  for (std::int16_t i = 1; i <= 11; ++i) {
    const auto type = static_cast<OutcomeType>(i);
    EXPECT_EQ(outcome_type(type_name(type)), type);
    EXPECT_FALSE(command_type(type_name(type)));
  }
  EXPECT_FALSE(command_type(""));
  EXPECT_FALSE(command_type("ticketing.event.create.v2"));
}

// Contract §4, as the table there says.
TEST(Codes, HaveTheStatusAndNameOfTheContract) {
  struct Row {
    Code code;
    int status;
    std::string_view name;
  };
  constexpr std::array kRows{
      Row{Code::event_created, 201, "EVENT_CREATED"},
      Row{Code::event_updated, 200, "EVENT_UPDATED"},
      Row{Code::event_cancelled, 200, "EVENT_CANCELLED"},
      Row{Code::reservation_held, 201, "RESERVATION_HELD"},
      Row{Code::reservation_extended, 200, "RESERVATION_EXTENDED"},
      Row{Code::reservation_confirmed, 200, "RESERVATION_CONFIRMED"},
      Row{Code::reservation_released, 200, "RESERVATION_RELEASED"},
      Row{Code::reservation_expired_done, 200, "RESERVATION_EXPIRED"},
      Row{Code::reservation_cancelled, 200, "RESERVATION_CANCELLED"},
      Row{Code::event_exists, 200, "EVENT_CREATED"},
      Row{Code::reservation_exists, 200, "RESERVATION_HELD"},
      Row{Code::invalid_command, 400, "INVALID_COMMAND"},
      Row{Code::tenant_forbidden, 403, "TENANT_FORBIDDEN"},
      Row{Code::processing_failed, 500, "PROCESSING_FAILED"},
      Row{Code::command_expired, 410, "COMMAND_EXPIRED"},
      Row{Code::idempotency_key_reused, 422, "IDEMPOTENCY_KEY_REUSED"},
      Row{Code::request_in_progress, 409, "REQUEST_IN_PROGRESS"},
      Row{Code::replay_too_old, 409, "REPLAY_TOO_OLD"},
      Row{Code::duplicate_event, 409, "DUPLICATE_EVENT"},
      Row{Code::slug_taken, 409, "SLUG_TAKEN"},
      Row{Code::id_taken, 409, "ID_TAKEN"},
      Row{Code::version_conflict, 409, "VERSION_CONFLICT"},
      Row{Code::event_not_found, 404, "EVENT_NOT_FOUND"},
      Row{Code::section_not_found, 404, "SECTION_NOT_FOUND"},
      Row{Code::reservation_not_found, 404, "RESERVATION_NOT_FOUND"},
      Row{Code::event_not_on_sale, 409, "EVENT_NOT_ON_SALE"},
      Row{Code::capacity_exhausted, 409, "CAPACITY_EXHAUSTED"},
      Row{Code::capacity_below_committed, 409, "CAPACITY_BELOW_COMMITTED"},
      Row{Code::limit_exceeded, 409, "LIMIT_EXCEEDED"},
      Row{Code::reservation_expired, 409, "RESERVATION_EXPIRED"},
      Row{Code::reservation_not_active, 409, "RESERVATION_NOT_ACTIVE"},
      Row{Code::royalties_exceed_total, 422, "ROYALTIES_EXCEED_TOTAL"},
      Row{Code::venue_not_found, 404, "VENUE_NOT_FOUND"},
      Row{Code::venue_forbidden, 403, "VENUE_FORBIDDEN"},
      Row{Code::venue_unavailable, 503, "VENUE_UNAVAILABLE"},
      Row{Code::venue_refused, 409, "VENUE_REFUSED"},
      Row{Code::chain_refused, 409, "CHAIN_REFUSED"},
      Row{Code::chain_unavailable, 503, "CHAIN_UNAVAILABLE"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(code_name(row.code), row.name);
    EXPECT_EQ(http_status(row.code), row.status) << row.name;
    EXPECT_FALSE(code_title(row.code).empty()) << row.name;
  }
}

TEST(Names, AreThoseOfTheContract) {
  const std::array verdicts{"applied", "duplicate", "mismatch",  "invalid",
                            "expired", "parked",    "forwarded", "dead"};
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    EXPECT_EQ(name_of(static_cast<domain::Verdict>(i + 1)), verdicts[i]);
  const std::array statuses{"in_progress", "completed", "rejected", "failed"};
  for (std::size_t i = 0; i < statuses.size(); ++i)
    EXPECT_EQ(name_of(static_cast<domain::CommandStatus>(i + 1)), statuses[i]);
  const std::array sources{"explicit", "cloudevent", "content"};
  for (std::size_t i = 0; i < sources.size(); ++i)
    EXPECT_EQ(name_of(static_cast<domain::KeySource>(i + 1)), sources[i]);
  const std::array events{"pending", "on_sale", "changing", "cancelling", "cancelled", "withdrawn"};
  for (std::size_t i = 0; i < events.size(); ++i)
    EXPECT_EQ(name_of(static_cast<domain::EventStatus>(i + 1)), events[i]);
  const std::array reservations{"held", "confirmed", "released", "expired", "cancelled"};
  for (std::size_t i = 0; i < reservations.size(); ++i)
    EXPECT_EQ(name_of(static_cast<domain::ReservationStatus>(i + 1)), reservations[i]);
}

}  // namespace
}  // namespace admitone::contract
