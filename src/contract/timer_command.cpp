#include "contract/codes.hpp"
#include "contract/keys.hpp"
#include "contract/outcome.hpp"
#include "contract/text.hpp"

namespace admitone::contract {

TimerCommand expire_command(std::string_view secret, base::TenantId tenant, base::EventId event,
                            base::ReservationId reservation, std::int64_t hold_version,
                            base::Timestamp due) {
  // A timer that fires twice sends the same id: the second one is a duplicate of the first.
  const auto id = expire_key(reservation, hold_version);
  TimerCommand out;
  out.key = event.str();
  out.value = R"({"eventId":")" + event.str() + R"(","holdVersion":)" +
              std::to_string(hold_version) + R"(,"reservationId":")" + reservation.str() + R"("})";
  out.headers = {
      {"ce_specversion", "1.0"},
      {"ce_id", id},
      {"ce_source", "admitone/timer"},
      {"ce_type", std::string(type_name(domain::CommandType::reservation_expire))},
      {"ce_time", format_time(due)},
      {"ce_subject", event.str()},
      {"ce_tenantid", tenant.str()},
      {"ce_idempotencykey", id},
      {"content-type", "application/json"},
  };
  base::Record record;
  record.key = out.key;
  record.value = out.value;
  for (const auto& header : out.headers) record.headers.push_back({header.name, header.value});
  out.headers.push_back({std::string(kTimerSignatureHeader), sign_timer(secret, record)});
  return out;
}

}  // namespace admitone::contract
