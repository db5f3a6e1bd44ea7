#include "contract/outcome.hpp"

#include <algorithm>
#include <array>

#include "contract/codes.hpp"
#include "contract/json.hpp"
#include "contract/text.hpp"

namespace admitone::contract {
namespace {

// The name of a member as it is written, with quotes and colon: put together by the compiler.
// Nothing in it needs an escape.
class Name {
 public:
  template <std::size_t Size>
  consteval Name(const char (&name)[Size]) : size_(Size - 1 + kFrame) {  // NOLINT(*-explicit-*)
    static_assert(Size - 1 + kFrame <= kMost);
    text_[0] = ',';
    text_[1] = '"';
    std::copy_n(name, Size - 1, text_.begin() + 2);
    text_[size_ - 2] = '"';
    text_[size_ - 1] = ':';
  }
  [[nodiscard]] std::string_view after_comma() const { return {text_.data(), size_}; }
  [[nodiscard]] std::string_view alone() const { return after_comma().substr(1); }

 private:
  static constexpr std::size_t kMost = 24;
  static constexpr std::size_t kFrame = 4;  // , " " :
  std::array<char, kMost> text_{};
  std::size_t size_;
};

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
  Writer& name(const Name& name) {
    out_.append(first_ ? name.alone() : name.after_comma());
    first_ = true;
    return *this;
  }
  void text(std::string_view value) {
    separate();
    append_json_string(out_, value);
  }
  // One of our own: nothing in it needs an escape.
  void plain(std::string_view value) {
    separate();
    out_.push_back('"');
    out_.append(value);
    out_.push_back('"');
  }
  void time(base::Timestamp value) {
    separate();
    out_.push_back('"');
    append_time(out_, value);
    out_.push_back('"');
  }
  void text_or_null(const std::optional<std::string>& value) { value ? text(*value) : null(); }
  void number(std::int64_t value) {
    separate();
    append_number(out_, value);
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
  writer.name("eventId").plain(event.id.text());
  writer.name("version").number(event.version);
  writer.name("status").plain(name_of(event.status));
  writer.name("venueId").text(event.venue_id);
  writer.name("slug").text(event.slug);
  writer.name("name").text(event.name);
  writer.name("startsAt").time(event.starts_at);
  writer.name("endsAt").time(event.ends_at);
  writer.name("sections").open('[');
  for (const auto& section : event.sections) write_section(writer, section);
  writer.close(']');
  writer.name("chain").open('{');
  writer.name("signature").text_or_null(event.chain_signature);
  writer.name("address").text_or_null(event.chain_address);
  writer.close('}');
  writer.close('}');
}

void write_reservation(Writer& writer, const domain::Reservation& reservation) {
  writer.open('{');
  writer.name("reservationId").plain(reservation.id.text());
  writer.name("eventId").plain(reservation.event.text());
  writer.name("version").number(reservation.version);
  writer.name("status").plain(name_of(reservation.status));
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
    writer.time(reservation.expires_at);
  } else {
    writer.null();
  }
  writer.close('}');
}

// RFC 9457, with members of our own where the code has them.
void write_problem(Writer& writer, domain::Code code, const domain::Problem& problem) {
  writer.open('{');
  writer.name("type").text("urn:admitone:problem:" + std::string(code_name(code)));
  writer.name("title").plain(code_title(code));
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
  if (problem.existing_event) writer.name("existingEventId").plain(problem.existing_event->text());
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
  writer.name("status").plain(name_of(decision.status));
  writer.name("code").plain(code_name(decision.code));
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
