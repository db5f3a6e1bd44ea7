// Audit RL2, HR2: a change has a key of its caller's, and one answer for it.

#include <future>

#include "contract/hash.hpp"
#include "unit/app_api/served.hpp"

namespace admitone::app {
namespace {

using testing::HasSubstr;

constexpr const char* kTurn = "/api/v1/things/7/turn";
constexpr const char* kBody = R"({"reason":"because"})";

using ChangeTest = Served;

TEST_F(ChangeTest, NeedsAKey) {
  EXPECT_EQ(problem(post(kTurn, "", kBody)), "IDEMPOTENCY_KEY_MISSING");
  EXPECT_EQ(problem(post(kTurn, "", kBody, {{"Idempotency-Key", ""}})), "IDEMPOTENCY_KEY_MISSING");
  for (const auto& key : {std::string("a b"), std::string("\xC3\xA4"), std::string(256, 'k')}) {
    const auto answer = post(kTurn, key, kBody);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(problem(answer), "IDEMPOTENCY_KEY_INVALID") << key;
  }
  EXPECT_EQ(problem(post(kTurn, "k", kBody, {{"X-Idempotency-Key", "other"}})),
            "IDEMPOTENCY_KEY_INVALID");
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(post(kTurn, std::string(255, 'k'), kBody).status, 200);
  EXPECT_EQ(post(kTurn, "", kBody, {{"X-Idempotency-Key", "alias"}}).status, 200);
  EXPECT_EQ(changes_, 2);
}

TEST_F(ChangeTest, IsMadeOnceAndItsAnswerGivenAgain) {
  change_ = [&](const Means&, const Arguments& told) {
    return Reply{200, {{"thing", told.text("thing")}, {"change", changes_}}};
  };
  const auto first = post(kTurn, "k", R"({"reason":"because","plan":false})");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.header("Idempotency-Stored"), "true");
  EXPECT_EQ(first.header("Idempotency-Replayed"), "");
  EXPECT_EQ(first.body["thing"], "7");
  // The same by its alias, and in another order of members.
  const auto second =
      post(kTurn, "", R"({"plan":false, "reason":"because"})", {{"X-Idempotency-Key", "k"}});
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(second.header("Idempotency-Stored"), "");
  EXPECT_EQ(second.body, first.body);
  EXPECT_NE(second.header("X-Request-Id"), first.header("X-Request-Id"));
  EXPECT_EQ(changes_, 1);
  post(kTurn, "k2", kBody);
  EXPECT_EQ(changes_, 2);
}

TEST_F(ChangeTest, WithTheKeyOfAnotherIsRefused) {
  EXPECT_EQ(post(kTurn, "k", kBody).status, 200);
  for (const auto& [path, body] :
       {std::pair(kTurn, R"({"reason":"another"})"), std::pair("/api/v1/things/8/turn", kBody)}) {
    const auto other = post(path, "k", body);
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(problem(other), "IDEMPOTENCY_KEY_REUSED");
  }
  EXPECT_EQ(changes_, 1);
  EXPECT_EQ(post(kTurn, "k", kBody).header("Idempotency-Replayed"), "true");
}

// Nobody can tell that the caller is the same.
TEST_F(ChangeTest, WithAKeyFromBeforeTheTokenWasReplacedIsANewOne) {
  EXPECT_EQ(post(kTurn, "k", kBody).status, 200);
  new_secret("another-secret");
  EXPECT_EQ(post(kTurn, "k", kBody).header("Idempotency-Replayed"), "");
  EXPECT_EQ(changes_, 2);
  EXPECT_EQ(post(kTurn, "k", kBody).header("Idempotency-Replayed"), "true");
}

TEST_F(ChangeTest, ThatStillRunsIsNotMadeTwice) {
  std::promise<void> begun;
  std::promise<void> end;
  change_ = [&](const Means&, const Arguments&) {
    begun.set_value();
    end.get_future().wait();
    return Reply{200, {}};
  };
  auto first = std::async(std::launch::async, [this] { return post(kTurn, "k", kBody); });
  begun.get_future().wait();
  const auto second = post(kTurn, "k", kBody);
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(problem(second), "REQUEST_IN_PROGRESS");
  EXPECT_EQ(second.header("Retry-After"), "1");
  EXPECT_EQ(post(kTurn, "k", R"({"reason":"another"})").status, 422);
  end.set_value();
  EXPECT_EQ(first.get().status, 200);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ChangeTest, ThatFailedRunsAgain) {
  change_ = [](const Means&, const Arguments&) -> Reply { throw Unavailable("no answer"); };
  const auto failed = post(kTurn, "k", kBody);
  EXPECT_EQ(failed.status, 503);
  EXPECT_EQ(failed.header("Idempotency-Stored"), "");
  EXPECT_EQ(failed.header("Retry-After"), "5");
  change_ = [](const Means&, const Arguments&) { return Reply{200, {}}; };
  const auto again = post(kTurn, "k", kBody);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.header("Idempotency-Stored"), "true");
  EXPECT_EQ(changes_, 2);
}

TEST_F(ChangeTest, ThatIsADefiniteNoIsOneForEveryRepeat) {
  change_ = [](const Means&, const Arguments&) -> Reply {
    throw VerbError(kConflict, "it has ended");
  };
  const auto first = post(kTurn, "k", kBody);
  EXPECT_EQ(first.status, 409);
  EXPECT_EQ(first.header("Idempotency-Stored"), "true");
  const auto second = post(kTurn, "k", kBody);
  EXPECT_EQ(second.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(problem(second), "CONFLICT");
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ChangeTest, ThatCannotBeAskedSoTakesNoKey) {
  change_ = [](const Means&, const Arguments&) -> Reply {
    throw VerbError(kUsage, "name it with tenant");
  };
  const auto refused = post(kTurn, "k", kBody);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.header("Idempotency-Stored"), "");
  post(kTurn, "k", kBody);
  EXPECT_EQ(changes_, 2);
}

TEST_F(ChangeTest, ThatIsNotDecidedYetIsAskedForAgain) {
  change_ = [](const Means&, const Arguments&) { return Reply{202, {{"verdict", nullptr}}}; };
  const auto first = post(kTurn, "k", kBody);
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.header("Idempotency-Stored"), "");
  EXPECT_EQ(first.header("Retry-After"), "5");
  post(kTurn, "k", kBody);
  EXPECT_EQ(changes_, 2);
}

TEST_F(ChangeTest, IsTakenUpWithWhatAnEarlierRunHadBegun) {
  std::vector<std::optional<KeyedRequest>> seen;
  std::string who;
  change_ = [&](const Means& means, const Arguments&) -> Reply {
    seen.push_back(means.request);
    who = means.who;
    if (seen.size() == 1) throw Unavailable("killed here");
    return {200, {}};
  };
  const auto first = post(kTurn, "k", kBody);
  EXPECT_EQ(who, "admin token, request " + first.header("X-Request-Id"));
  answers_.rows.begin()->second.begun = R"({"action_id":"a"})";
  EXPECT_EQ(post(kTurn, "k", kBody).status, 200);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_FALSE(seen[0]->begun);
  EXPECT_EQ(seen[1]->begun, Json({{"action_id", "a"}}));
  EXPECT_EQ(seen[1]->id, answers_.rows.begin()->first);
  EXPECT_NE(seen[1]->run, seen[0]->run);
}

TEST_F(ChangeTest, WhoseAnswerCannotBeKeptIsToldAndNotSaidToBeKept) {
  change_ = [&](const Means&, const Arguments&) {
    const std::scoped_lock lock(answers_.mutex);
    answers_.away = "the server is gone";
    return Reply{200, {{"done", true}}};
  };
  const auto answer = post(kTurn, "k", kBody);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["done"], true);
  EXPECT_EQ(answer.header("Idempotency-Stored"), "");
}

// Who sees the rows must not find out by trying which key, reason or token they are of.
TEST_F(ChangeTest, KeepsHashesThatNobodyElseCanMake) {
  post(kTurn, "k", kBody);
  const auto& [id, row] = *answers_.rows.begin();
  contract::Parts key;
  key.add("admitone.api.key").add("schema").add("POST").add(row.route).add("k");
  contract::Parts body;
  body.add("admitone.api.request").add(kTurn).add(kBody);
  EXPECT_EQ(id, contract::to_hex(contract::hmac_sha256("admin-secret", key.bytes())));
  EXPECT_EQ(row.fingerprint, contract::to_hex(contract::hmac_sha256("admin-secret", body.bytes())));
}

TEST_F(ChangeTest, KeepsKeysOfRoutesApartAndNoneInPlainText) {
  post(kTurn, "my-key", kBody);
  ASSERT_EQ(answers_.rows.size(), 1U);
  const auto& [id, row] = *answers_.rows.begin();
  EXPECT_EQ(id.size(), 64U);
  EXPECT_EQ(row.fingerprint.size(), 64U);
  EXPECT_EQ(row.route, "/api/v1/things/{thing}/turn");
  EXPECT_THAT(id, testing::Not(HasSubstr("my-key")));
}

}  // namespace
}  // namespace admitone::app
