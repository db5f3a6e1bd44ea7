#include "app/verbs/produce_core.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace admitone::app {
namespace {

using Json = nlohmann::ordered_json;

const std::string kEvent = "7d9b7d4c-c80b-4916-a40c-c8e1cffb9836";

Json release_command() {
  return {
      {"specversion", "1.0"},
      {"id", "c-1"},
      {"source", "/shop"},
      {"type", "ticketing.reservation.release.v1"},
      {"tenantid", "4c6f7cbf-58db-457f-9dbe-69e0ae9bb859"},
      {"idempotencykey", "k-1"},
      {"data", {{"eventId", kEvent}, {"reservationId", "332a5401-25af-4407-934e-3a54f61dc441"}}}};
}

Json create_without_id() {
  Json event = release_command();
  event["type"] = "ticketing.event.create.v1";
  event["data"] = {{"venueId", "hall"},
                   {"name", "Evening"},
                   {"startsAt", "2035-06-01T19:00:00Z"},
                   {"endsAt", "2035-06-01T22:00:00Z"},
                   {"timezone", "Europe/Berlin"},
                   {"sections",
                    {{{"sectionId", "floor"},
                      {"name", "Floor"},
                      {"capacity", 10},
                      {"priceMinor", 100},
                      {"currency", "EUR"}}}}};
  return event;
}

auto prepare(const std::string& text, ContentMode mode = ContentMode::structured,
             Validation validation = Validation::strict) {
  return prepare_line(7, text, mode, validation, {});
}

PreparedCommand good(const std::variant<PreparedCommand, BadLine>& result) {
  if (const auto* bad = std::get_if<BadLine>(&result)) ADD_FAILURE() << bad->what;
  return std::get<PreparedCommand>(result);
}

std::string header(const PreparedCommand& command, const std::string& name) {
  for (const auto& h : command.headers) {
    if (h.name == name) return h.value;
  }
  return "(none)";
}

contract::DecodedCommand decoded(const PreparedCommand& command) {
  base::Record record;
  if (command.key) record.key = *command.key;
  record.value = command.value;
  for (const auto& h : command.headers) record.headers.push_back({h.name, h.value, false});
  record.bytes = command.value.size();
  return std::get<contract::DecodedCommand>(contract::decode(record, {}).body);
}

TEST(PrepareLine, SaysEachErrorOnce) {
  Json event = create_without_id();
  event["data"]["endsAt"] = "2035-06-01T18:00:00Z";
  const auto result = prepare(event.dump());
  const auto* bad = std::get_if<BadLine>(&result);
  ASSERT_NE(bad, nullptr);
  const auto first = bad->what.find("/endsAt");
  ASSERT_NE(first, std::string::npos) << bad->what;
  EXPECT_EQ(bad->what.find("/endsAt", first + 1), std::string::npos) << bad->what;
}

TEST(PreparedLine, IsKeyedByItsEventAndSentAsItStands) {
  const std::string text = release_command().dump();
  const auto command = good(prepare(text));
  EXPECT_EQ(command.key, kEvent);
  EXPECT_EQ(command.value, text);
  EXPECT_EQ(command.id, "c-1");
  EXPECT_EQ(command.line, 7);
}

TEST(PreparedLine, MeansTheSameInBothModes) {
  const std::string text = release_command().dump();
  const auto structured = decoded(good(prepare(text)));
  const auto command = good(prepare(text, ContentMode::binary));
  EXPECT_EQ(header(command, "ce_type"), "ticketing.reservation.release.v1");
  EXPECT_EQ(header(command, "content-type"), "application/json");
  const auto binary = decoded(command);
  EXPECT_EQ(structured.payload, binary.payload);
  EXPECT_EQ(structured.key, binary.key);
  EXPECT_EQ(structured.envelope.id, binary.envelope.id);
}

TEST(PreparedLine, OfANewEventWithoutIdIsKeyedByTheIdItWillGet) {
  const auto command = good(prepare(create_without_id().dump()));
  EXPECT_EQ(command.key, decoded(command).event.str());
}

TEST(PreparedLine, ThatBreaksARuleIsRefusedWithItsPointer) {
  Json event = release_command();
  event["data"].erase("reservationId");
  const auto result = prepare(event.dump());
  const auto* bad = std::get_if<BadLine>(&result);
  ASSERT_NE(bad, nullptr);
  EXPECT_EQ(bad->line, 7);
  EXPECT_NE(bad->what.find("reservationId"), std::string::npos) << bad->what;
}

// A worker would set it aside without an answer.
TEST(PreparedLine, OfATypeThatOnlyWorkersSendIsRefused) {
  Json event = release_command();
  event["type"] = "ticketing.reservation.expire.v1";
  event["data"] = {{"eventId", event["data"]["eventId"]},
                   {"reservationId", event["data"]["reservationId"]},
                   {"holdVersion", 1}};
  const auto result = prepare(event.dump());
  const auto* bad = std::get_if<BadLine>(&result);
  ASSERT_NE(bad, nullptr);
  EXPECT_NE(bad->what.find("only workers"), std::string::npos) << bad->what;
}

TEST(PreparedLine, ThatIsNoJsonIsRefused) {
  EXPECT_TRUE(std::holds_alternative<BadLine>(prepare("{\"id\": ")));
  EXPECT_TRUE(std::holds_alternative<BadLine>(prepare("[]")));
}

TEST(PreparedLine, IsSentWhateverItIsWhenNotValidated) {
  const auto junk = good(prepare("{{{", ContentMode::binary, Validation::none));
  EXPECT_EQ(junk.value, "{{{");
  EXPECT_FALSE(junk.key.has_value());
  Json event = release_command();
  event["type"] = "nobody.knows.v1";
  EXPECT_EQ(good(prepare(event.dump(), ContentMode::structured, Validation::none)).key, kEvent);
}

base::Record outcome(std::string_view origin, std::string_view id) {
  base::Record record;
  record.headers = {{"admitone-origin", origin, false},
                    {"ce_id", id, false},
                    {"ce_type", "ticketing.reservation.released.v1", false},
                    {"admitone-seq", "3:9", false}};
  record.value = R"({"status":"completed","code":"RESERVATION_RELEASED"})";
  return record;
}

PreparedCommand sent(std::int64_t line, const std::string& type = "reservation.release") {
  PreparedCommand command;
  command.line = line;
  command.type = "ticketing." + type + ".v1";
  return command;
}

TEST(PendingAnswers, DoNotTakeWhatACancelledEventDoesToItsReservationsForItsAnswer) {
  PendingAnswers pending;
  pending.expect("commands/3/10", sent(1, "event.cancel"));
  EXPECT_FALSE(pending.take(outcome("commands/3/10", "x")));
  EXPECT_EQ(pending.waiting(), 1U);
  auto done = outcome("commands/3/10", "y");
  done.headers[2].value = "ticketing.event.cancelled.v1";
  EXPECT_TRUE(pending.take(done));
  EXPECT_EQ(pending.answered().at(1).outcome_id, "y");
}

TEST(PendingAnswers, MeetTheirLinesByPosition) {
  PendingAnswers pending;
  pending.expect("commands/3/10", sent(1));
  pending.expect("commands/3/11", sent(2));
  EXPECT_FALSE(pending.take(outcome("commands/3/12", "x")));
  EXPECT_TRUE(pending.take(outcome("commands/3/11", "y")));
  EXPECT_EQ(pending.waiting(), 1U);
  ASSERT_EQ(pending.answered().count(2), 1U);
  const Answered& answer = pending.answered().at(2);
  EXPECT_EQ(answer.outcome_id, "y");
  EXPECT_EQ(answer.code, "RESERVATION_RELEASED");
  EXPECT_EQ(answer.seq, "3:9");
}

TEST(PendingAnswers, TakeEveryPositionOnce) {
  PendingAnswers pending;
  pending.expect("commands/3/10", sent(1));
  EXPECT_TRUE(pending.take(outcome("commands/3/10", "x")));
  EXPECT_FALSE(pending.take(outcome("commands/3/10", "y")));
  EXPECT_EQ(pending.answered().at(1).outcome_id, "x");
}

TEST(PendingAnswers, IgnoreWhatAnswersNoRecord) {
  PendingAnswers pending;
  pending.expect("commands/3/10", sent(1));
  base::Record silent;
  EXPECT_FALSE(pending.take(silent));
}

}  // namespace
}  // namespace admitone::app
