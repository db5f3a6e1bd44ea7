#pragma once
// Bytes to typed commands, or a reasoned refusal.
// Used by: pipeline, step "decode" of the walk. Threads: pure functions, any. Blocking: never.
// Errors: a refusal is a value. All limits are checked before a document is built (law L23).
//   - dead: not JSON (a lone surrogate or bad UTF-8 included), no CloudEvent, content that is not
//     JSON, unknown type or version, over a limit, or id, source, type or tenant unreadable.
//   - invalid: what a producer can correct, with pointers into `data` ("" for the envelope): a
//     number that is not an integer as written (1.0, 1e3) or is out of range, a member given twice
//     or unknown, a NUL, a broken rule. null is not "absent".

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/record.hpp"
#include "contract/envelope.hpp"
#include "domain/commands.hpp"
#include "domain/decide.hpp"

namespace admitone::contract {

struct Limits {
  std::size_t max_record_bytes = 1'000'000;  // key, value and headers together
  std::size_t max_value_bytes = 256 * 1024;
  std::size_t max_headers = 64;
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_depth = 32;
  std::size_t max_elements = 20'000;  // values in the document, containers included
  std::size_t max_string_bytes = 64 * 1024;
};

struct DecodedCommand {
  Envelope envelope;
  domain::Command command;
  base::Fingerprint payload{};  // SHA-256 over type, a zero byte, and the canonical JSON of data
  base::KeyHash key;            // hash of scope and key; see contract/keys.hpp
  domain::KeySource key_source = domain::KeySource::explicit_key;
  // Set when the command has no explicit key: tenant + actor + type + payload.
  std::optional<base::KeyHash> content_key;
  base::EventId event;  // event_of(command)
};

// Why a record is not a command.
struct Refusal {
  enum class Kind {
    invalid,  // decodable, breaks the contract: INVALID_COMMAND, verdict `invalid`
    dead,     // undecodable, unknown type or version, over a limit: dead letter, verdict `dead`
  };
  Kind kind = Kind::invalid;
  std::string
      reason;  // short and stable, for the dead letter: "undecodable", "unknown_type", "limit", ...
  std::string detail;  // one line for a person
  std::vector<domain::FieldError> errors;
  // Set when id, source, type and tenant were readable: then the refusal is owed an outcome.
  std::optional<Envelope> identity;
  // The command's event when it could be read: routes the refusal's outcome and its forward.
  std::optional<base::EventId> event;
};

// What AdmitOne itself put on a forwarded record. Not yet verified: see contract/origin.hpp.
struct OriginClaim {
  std::string position;   // "<topic>/<partition>/<offset>" of the record that is answered
  std::string signature;  // hex
};

struct Decoded {
  std::variant<DecodedCommand, Refusal> body;
  std::optional<OriginClaim> origin;
};

Decoded decode(const base::Record& record, const Limits& limits);

}  // namespace admitone::contract
