#include "contract/outcome.hpp"

#include "contract/codes.hpp"
#include "contract/json.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

// Writes JSON member by member, in the order it is told. Byte-stable by that.
class Writer {
 public:
  // What an outcome of a reservation needs, so that it is not moved while it grows.
  Writer() { out_.reserve(768); }
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
    first_ = true;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    first_ = false;
  }
  // One of our own: nothing in it needs an escape.
  Writer& name(std::string_view name) {
    separate();
    out_.push_back('"');
    out_.append(name);
    out_.append("\":");
    first_ = true;
    return *this;
  }
  void text(std::string_view value) {
    separate();
    append_json_string(out_, value);
  }
  void text_or_null(const std::optional<std::string>& value) { value ? text(*value) : null(); }
  void number(std::int64_t value) {
    separate();
    out_.append(std::to_string(value));
  }
  void null() {
    separate();
    out_.append("null");
  }
  std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_.push_back(',');
    first_ = false;
  }
  std::string out_;
  bool first_ = true;
};

void write_command(Writer& writer, const Envelope& command) {
  writer.open('{');
  writer.name("id").text(command.id);
  writer.name("source").text(command.source);
  writer.name("type").text(command.type);
  writer.name("idempotencyKey").text_or_null(command.idempotency_key);
  writer.close('}');
}

void write_section(Writer& writer, const domain::Section& section) {
  writer.open('{');
  writer.name("sectionId").text(section.section_id);
  writer.name("name").text(section.name);
  writer.name("capacity").number(section.capacity);
  writer.name("held").number(section.held);
  writer.name("sold").number(section.sold);
  writer.name("available").number(section.available());
  writer.name("priceMinor").number(section.price_minor);
  writer.name("currency").text(section.currency);
  writer.close('}');
}

void write_event(Writer& writer, const domain::Event& event) {
  writer.open('{');
  writer.name("eventId").text(event.id.str());
  writer.name("version").number(event.version);
  writer.name("status").text(name_of(event.status));
  writer.name("venueId").text(event.venue_id);
  writer.name("slug").text(event.slug);
  writer.name("name").text(event.name);
  writer.name("startsAt").text(format_time(event.starts_at));
  writer.name("endsAt").text(format_time(event.ends_at));
  writer.name("sections").open('[');
  for (const auto& section : event.sections) write_section(writer, section);
  writer.close(']');
  writer.name("chain").open('{');
  writer.name("signature").null();
  writer.name("address").null();
  writer.close('}');
  writer.close('}');
}

void write_reservation(Writer& writer, const domain::Reservation& reservation) {
  writer.open('{');
  writer.name("reservationId").text(reservation.id.str());
  writer.name("eventId").text(reservation.event.str());
  writer.name("version").number(reservation.version);
  writer.name("status").text(name_of(reservation.status));
  writer.name("customerId").text(reservation.customer_id);
  writer.name("items").open('[');
  for (const auto& item : reservation.items) {
    writer.open('{');
    writer.name("sectionId").text(item.section_id);
    writer.name("quantity").number(item.quantity);
    writer.name("priceMinor").number(item.price_minor);
    writer.close('}');
  }
  writer.close(']');
  writer.name("currency").text(reservation.currency);
  writer.name("totalMinor").number(reservation.total_minor);
  writer.name("expiresAt");
  if (reservation.status == domain::ReservationStatus::held) {
    writer.text(format_time(reservation.expires_at));
  } else {
    writer.null();
  }
  writer.close('}');
}

// RFC 9457, with members of our own where the code has them.
void write_problem(Writer& writer, domain::Code code, const domain::Problem& problem) {
  writer.open('{');
  writer.name("type").text("urn:admitone:problem:" + std::string(code_name(code)));
  writer.name("title").text(code_title(code));
  writer.name("status").number(http_status(code));
  writer.name("detail").text(problem.detail);
  writer.name("errors").open('[');
  for (const auto& error : problem.errors) {
    writer.open('{');
    writer.name("pointer").text(error.pointer);
    writer.name("detail").text(error.detail);
    writer.close('}');
  }
  writer.close(']');
  if (problem.current_version) writer.name("currentVersion").number(*problem.current_version);
  if (problem.existing_event) writer.name("existingEventId").text(problem.existing_event->str());
  writer.close('}');
}

}  // namespace

std::size_t room_in_outcome(const domain::Event& event) {
  // Held, sold and available grow to ten digits each; the rest is version, status and chain.
  constexpr std::size_t kCounters = 30;
  constexpr std::size_t kGrowth = 512;
  Writer writer;
  write_event(writer, event);
  return writer.take().size() + event.sections.size() * kCounters + kGrowth;
}

std::string render_outcome(const Envelope& command, const domain::Decision& decision,
                           const domain::Event* event, const domain::Reservation* reservation) {
  const bool completed = decision.status == domain::CommandStatus::completed;
  Writer writer;
  writer.open('{');
  writer.name("command");
  write_command(writer, command);
  writer.name("status").text(name_of(decision.status));
  writer.name("code").text(code_name(decision.code));
  writer.name("result");
  if (completed && reservation != nullptr) {
    write_reservation(writer, *reservation);
  } else if (completed && event != nullptr) {
    write_event(writer, *event);
  } else {
    writer.null();
  }
  writer.name("problem");
  if (completed) {
    writer.null();
  } else {
    write_problem(writer, decision.code, decision.problem);
  }
  writer.close('}');
  return writer.take();
}

}  // namespace admitone::contract
