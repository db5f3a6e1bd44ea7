#include "postgres/admin_answers.hpp"

#include <pqxx/pqxx>

#include "postgres/connection.hpp"
#include "postgres/errors.hpp"

namespace admitone::postgres {
namespace {

using Kind = ports::Claimed::Kind;

// Row level security shows the row of this request and no other.
void name_request(pqxx::transaction_base& tx, const std::string& id) {
  tx.exec_params("select set_config('admitone.request', $1, true)", id);
}

// The number of the lock, of the first half of the id.
constexpr const char* kLock = "('x' || substr($1, 1, 16))::bit(64)::bigint";

std::optional<std::string> text_of(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return std::string(field.c_str());
}

// What was begun, with the id of its action, which only its row knew.
std::optional<std::string> begun_of(const pqxx::row& row) {
  auto note = text_of(row["begun"]);
  const auto action = text_of(row["action_id"]);
  if (!note || !action || note->empty() || note->back() != '}') return std::nullopt;
  note->pop_back();
  if (note->size() > 1) *note += ',';
  return *note + "\"action_id\":\"" + *action + "\"}";
}

class Claim final : public ports::AdminClaim {
 public:
  Claim(std::unique_ptr<Connection> connection, std::string id, std::string run,
        std::optional<std::string> begun)
      : connection_(std::move(connection)),
        id_(std::move(id)),
        run_(std::move(run)),
        begun_(std::move(begun)) {}

  // Before the session's end would let go of it, which the server may notice a moment later.
  ~Claim() override {
    try {
      pqxx::nontransaction tx(connection_->session());
      tx.exec_params("select pg_advisory_unlock(" + std::string(kLock) + ")", id_);
    } catch (const std::exception&) {
      // The session has ended, and the lock with it.
    }
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] const std::string& run() const override { return run_; }
  [[nodiscard]] const std::optional<std::string>& begun() const override { return begun_; }

  base::Status answer(const ports::AdminAnswer& answer) override {
    return end([&](pqxx::transaction_base& tx) {
      return tx.exec_params(
          "update admin_answers set state = 'answered', status = $3, answer = $4, ended_at = now()"
          " where id = $1 and run = $2::uuid",
          id_, run_, answer.status, answer.body);
    });
  }

  base::Status fail() override {
    return end([&](pqxx::transaction_base& tx) {
      return tx.exec_params(
          "update admin_answers set state = 'failed', ended_at = now()"
          " where id = $1 and run = $2::uuid",
          id_, run_);
    });
  }

 private:
  template <class Write>
  base::Status end(Write&& write) {
    try {
      pqxx::work tx(connection_->session());
      name_request(tx, id_);
      const pqxx::result done = write(tx);
      if (done.affected_rows() != 1) {
        throw Refused(base::ErrorKind::permanent,
                      "another run of this request has begun meanwhile");
      }
      tx.commit();
      return {};
    } catch (...) {
      return translate_current("keeping an answer");
    }
  }

  std::unique_ptr<Connection> connection_;
  const std::string id_;
  const std::string run_;
  const std::optional<std::string> begun_;
};

// Of the session, not of the transaction. Schemas of one database share the numbers, and another
// one's key in the way is as one that runs.
bool take_lock(pqxx::transaction_base& tx, const std::string& id) {
  return tx.exec_params1("select pg_try_advisory_lock(" + std::string(kLock) + ")", id)[0]
      .as<bool>();
}

// Whether or not the housekeeping has been there.
void forget_old(pqxx::transaction_base& tx, const std::string& id, std::chrono::seconds keep) {
  tx.exec_params0(
      "delete from admin_answers"
      " where id = $1 and coalesce(ended_at, started_at) < now() - make_interval(secs => $2)",
      id, keep.count());
}

// Nullopt: nobody has asked with this key, or the last run has ended without an answer.
std::optional<ports::Claimed> known(pqxx::transaction_base& tx,
                                    const ports::AdminRequest& request) {
  const auto found = tx.exec_params(
      "select request, state, status, answer from admin_answers where id = $1", request.id);
  if (found.empty()) return std::nullopt;
  ports::Claimed out;
  out.kind = Kind::mismatch;
  if (found[0]["request"].as<std::string>() != request.fingerprint) return out;
  if (found[0]["state"].as<std::string>() != "answered") return std::nullopt;
  out.kind = Kind::answered;
  out.answer = {found[0]["status"].as<int>(), found[0]["answer"].as<std::string>()};
  return out;
}

}  // namespace

base::Result<ports::Claimed> AdminAnswers::claim(const ports::AdminRequest& request) {
  try {
    auto connection = std::make_unique<Connection>(settings_, RoleKind::worker);
    ports::Claimed out;
    pqxx::work tx(connection->session());
    name_request(tx, request.id);
    const bool locked = take_lock(tx, request.id);
    if (locked) forget_old(tx, request.id, keep_);
    if (auto answer = known(tx, request)) {
      tx.commit();
      return std::move(*answer);
    }
    if (!locked) return out;
    const auto row = tx.exec_params1(
        "insert into admin_answers (id, request, route, request_id) values ($1, $2, $3, $4)"
        " on conflict (id) do update set state = 'running', run = gen_random_uuid(),"
        " request_id = excluded.request_id, started_at = now(), ended_at = null"
        " returning run::text as run, begun, action_id::text as action_id",
        request.id, request.fingerprint, request.route, request.request_id);
    auto run = row["run"].as<std::string>();
    auto begun = begun_of(row);
    tx.commit();
    out.kind = Kind::ours;
    out.claim = std::make_unique<Claim>(std::move(connection), request.id, std::move(run),
                                        std::move(begun));
    return out;
  } catch (...) {
    return translate_current("looking for the answer of a request");
  }
}

}  // namespace admitone::postgres
