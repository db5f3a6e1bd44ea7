#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "app/settings.hpp"
#include "app/wiring_outside.hpp"

namespace admitone::app {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> lines_of(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const auto& problem : problems) out.push_back(problem.line());
  return out;
}
std::vector<std::string> lines(const Settings& settings) {
  return lines_of(check_settings(settings));
}

Settings with_venue() {
  Settings settings;
  settings.venue.enabled = true;
  settings.venue.url = "https://venue.example";
  return settings;
}

Settings with_chain() {
  auto settings = with_venue();
  settings.chain.enabled = true;
  settings.solana.rpc_url = "https://one.example/?key=hush, https://two.example";
  settings.solana.wallet_file = "/wallet.json";
  return settings;
}

TEST(Outside, MayBeSwitchedOn) {
  EXPECT_THAT(lines(with_venue()), IsEmpty());
  EXPECT_THAT(lines(with_chain()), IsEmpty());
}

TEST(Redis, IsOffUnlessItIsNamed) {
  EXPECT_FALSE(redis_settings(Settings{}).has_value());
  Settings settings;
  settings.redis.url = "rediss://worker@cache.example:6380/3";
  settings.redis.password = "hush";
  settings.redis.prefix = "blue";
  settings.redis.key_ttl = std::chrono::hours{2};
  EXPECT_THAT(lines(settings), IsEmpty());
  const auto redis = redis_settings(settings);
  ASSERT_TRUE(redis.has_value());
  EXPECT_TRUE(redis->address.tls);
  EXPECT_EQ(redis->address.name(), "cache.example:6380");
  EXPECT_EQ(redis->address.user, "worker");
  EXPECT_EQ(redis->address.password, "hush");
  EXPECT_EQ(redis->address.database, 3);
  EXPECT_EQ(redis->prefix, "blue");
  EXPECT_EQ(redis->key_ttl, std::chrono::hours{2});
  EXPECT_EQ(redis->batch_wait, std::chrono::milliseconds{20});
  EXPECT_EQ(redis->call_limit, std::chrono::seconds{1});
}

TEST(Redis, IsRefusedWithSettingsThatDoNotFit) {
  Settings settings;
  settings.redis.url = "redis://:hush@h:hush";
  settings.redis.prefix = "a:b";
  settings.redis.ca_file = "/nowhere/ca.pem";
  settings.redis.key_ttl = std::chrono::hours{24 * 8};
  const auto found = lines(settings);
  EXPECT_THAT(found, ElementsAre(AllOf(HasSubstr("redis.url: has a port that is none"),
                                       HasSubstr("ADMITONE_REDIS_URL"), Not(HasSubstr("hush"))),
                                 HasSubstr("redis.ca_file: '/nowhere/ca.pem' cannot be read"),
                                 HasSubstr("redis.key_ttl: 8d is longer than idempotency."),
                                 HasSubstr("redis.prefix: 'a:b' is no prefix")));
  settings = {};
  settings.redis.url = "redis://:one@h";
  settings.redis.password = "two";
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("redis.password: is set, and redis.url has")));
}

TEST(Outside, NeedsItsAddresses) {
  Settings settings;
  settings.venue.enabled = true;
  settings.chain.enabled = true;
  EXPECT_THAT(
      lines(settings),
      ElementsAre("venue.url: is not set; name the venue service, or set venue.enabled to false "
                  "(ADMITONE_VENUE_URL)",
                  HasSubstr("solana.rpc_url: is not set; name at least one RPC endpoint"),
                  HasSubstr("solana.wallet_file: is not set; name the file")));
}

// Audit C3.
TEST(Outside, PutsNothingOnTheChainWithoutTheVenueService) {
  auto settings = with_chain();
  settings.venue.enabled = false;
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("chain.enabled: needs venue.enabled")));
}

// Audit C14.
TEST(Outside, SpeaksHttpOnlyWhenItIsTold) {
  auto settings = with_chain();
  settings.venue.url = "http://venue.example";
  settings.solana.rpc_url = "https://one.example,http://two.example/?key=hush";
  const auto found = lines(settings);
  EXPECT_THAT(found, ElementsAre(AllOf(HasSubstr("venue.url: is http"),
                                       HasSubstr("for a test set venue.allow_insecure to true")),
                                 AllOf(HasSubstr("solana.rpc_url: is http"),
                                       HasSubstr("set solana.allow_insecure to true"),
                                       Not(HasSubstr("hush")))));
  settings.venue.allow_insecure = true;
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("solana.rpc_url: is http")));
  settings.solana.allow_insecure = true;
  EXPECT_THAT(lines(settings), IsEmpty());
  EXPECT_TRUE(http_options(settings).allow_insecure);
  EXPECT_FALSE(http_options(with_chain()).allow_insecure);
}

TEST(Outside, TakesAddressesOnly) {
  auto settings = with_venue();
  for (const char* url : {"venue.example", "ftp://venue.example", "https://user:hush@venue.example",
                          "https://venue.example/?tenant=hush"}) {
    settings.venue.url = url;
    EXPECT_THAT(lines(settings),
                ElementsAre(AllOf(HasSubstr("venue.url: "), Not(HasSubstr("hush")))))
        << url;
  }
  settings = with_chain();
  settings.solana.program_id = "0OIl";
  settings.solana.genesis_hash = "short";
  EXPECT_THAT(lines(settings),
              ElementsAre(HasSubstr("solana.program_id: '0OIl' is no address"),
                          HasSubstr("solana.genesis_hash: 'short' is no address")));
}

TEST(Outside, NeedsWhatItsRegistryNeeds) {
  auto settings = with_chain();
  settings.solana.registry = Registry::anchor;
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("solana.program_id: is not set"),
                                           HasSubstr("solana.idl_file: is not set")));
  settings.solana.registry = Registry::memo;
  settings.solana.memo_program_id = "";
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("solana.memo_program_id: is not set")));
}

TEST(Outside, SignsWithAKeyThatFits) {
  auto settings = with_venue();
  settings.venue.token_key = std::string(31, 'k');
  EXPECT_THAT(lines(settings),
              ElementsAre("venue.token_key: the secret of the venue service's token has less than "
                          "32 bytes; put a fitting key into the file that venue.token_key_file "
                          "names (ADMITONE_VENUE_TOKEN_KEY)"));
  settings.venue.token_key += 'k';
  EXPECT_THAT(lines(settings), IsEmpty());
  settings.venue.token_algorithm = TokenAlgorithm::rs256;
  EXPECT_THAT(lines(settings), ElementsAre(HasSubstr("is not a private RSA key")));
}

TEST(Outside, RenewsATokenBeforeItEnds) {
  auto settings = with_venue();
  EXPECT_FALSE(token_settings(settings));
  settings.venue.token_key = std::string(32, 'k');
  EXPECT_EQ(token_settings(settings)->renew_before, std::chrono::seconds{60});
  settings.venue.token_lifetime = std::chrono::seconds{30};
  EXPECT_EQ(token_settings(settings)->lifetime, std::chrono::seconds{30});
  EXPECT_EQ(token_settings(settings)->renew_before, std::chrono::seconds{15});
}

TEST(Outside, HasSeveralEndpointsInTheirOrder) {
  Settings settings;
  EXPECT_THAT(rpc_urls(settings), IsEmpty());
  settings.solana.rpc_url = " https://one ,,\thttps://two\n";
  EXPECT_THAT(rpc_urls(settings), ElementsAre("https://one", "https://two"));
}

TEST(Saga, HasTimesThatFitIntoEachOther) {
  Settings settings;
  settings.saga.attempt_timeout = std::chrono::seconds{6};
  settings.saga.sleep_from = std::chrono::minutes{6};
  settings.saga.tenant_calls = settings.saga.calls + 1;
  EXPECT_THAT(lines(settings),
              ElementsAre(HasSubstr("solana.call_timeout: is more than saga.attempt_timeout"),
                          HasSubstr("saga.sleep_from: is more than saga.sleep_to"),
                          HasSubstr("saga.tenant_calls: is more than saga.calls")));
}

// What nobody sets is what sagas.md says: the rooms' own defaults.
TEST(Saga, HasTheDefaultsOfTheRoomsItConfigures) {
  const Settings settings;
  const saga::Limits limits;
  const auto made = saga_limits(settings);
  EXPECT_EQ(made.deadline, limits.deadline);
  EXPECT_EQ(made.attempt, limits.attempt);
  EXPECT_EQ(made.arrival_margin, limits.arrival_margin);
  EXPECT_EQ(made.landing, limits.landing);
  EXPECT_EQ(made.quick_tries, limits.quick_tries);
  EXPECT_EQ(made.quick_from, limits.quick_from);
  EXPECT_EQ(made.quick_to, limits.quick_to);
  EXPECT_EQ(made.sleep_from, limits.sleep_from);
  EXPECT_EQ(made.sleep_to, limits.sleep_to);
  EXPECT_EQ(made.step_objective, limits.step_objective);
  EXPECT_EQ(made.chain_objective, limits.chain_objective);
  EXPECT_EQ(made.sagas, limits.sagas);
  EXPECT_EQ(made.tenant_sagas, limits.tenant_sagas);
  EXPECT_EQ(made.parked, limits.parked);
  EXPECT_EQ(made.calls, limits.calls);
  EXPECT_EQ(made.venue_calls, limits.venue_calls);
  EXPECT_EQ(made.chain_calls, limits.chain_calls);
  EXPECT_EQ(made.tenant_calls, limits.tenant_calls);
  const venue::Settings venue;
  EXPECT_EQ(venue_settings(settings).call_limit, venue.call_limit);
  EXPECT_EQ(venue_settings(settings).cache.lifetime, venue.cache.lifetime);
  EXPECT_EQ(venue_settings(settings).cache.most, venue.cache.most);
  const solana::Settings solana;
  EXPECT_EQ(solana_settings(settings).memo_program, solana.memo_program);
  EXPECT_EQ(solana_settings(settings).account_bytes, solana.account_bytes);
  EXPECT_EQ(solana_settings(settings).call_timeout, solana.call_timeout);
  EXPECT_EQ(solana_settings(settings).commitment, solana.commitment);
  EXPECT_EQ(solana_settings(settings).registry, solana.registry);
  EXPECT_EQ(http_options(settings).max_connections, http::CurlOptions{}.max_connections);
  EXPECT_EQ(http_options(settings).send_limit, http::CurlOptions{}.send_limit);
}

TEST(Saga, LeavesEachServiceItsCallsHoweverFewThereAre) {
  for (const std::int64_t calls : {2, 100, 1'000}) {
    Settings settings;
    settings.saga.calls = calls;
    settings.saga.tenant_calls = 1;
    settings.saga.venue_calls = 512;
    const auto made = saga_limits(settings);
    EXPECT_EQ(made.venue_calls, std::min<std::size_t>(512, made.calls / 2));
    EXPECT_EQ(made.chain_calls, made.calls - made.venue_calls);
  }
}

// Audit C16. (What a wallet must be is tested with the room solana.)
class Wallet : public testing::Test {
 protected:
  Wallet() {
    std::string name = testing::TempDir() + "walletXXXXXX";
    folder_ = mkdtemp(name.data());
    settings_.solana.wallet_file = folder_ / "wallet.json";
  }
  ~Wallet() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text) const {
    std::ofstream(settings_.solana.wallet_file) << text;
    chmod(settings_.solana.wallet_file.c_str(), 0600);
  }
  [[nodiscard]] std::vector<std::string> found() const {
    return lines_of(check_secrets(settings_));
  }

  std::filesystem::path folder_;
  Settings settings_ = with_chain();
};

TEST_F(Wallet, IsReadBeforeAnythingStarts) {
  EXPECT_THAT(found(), ElementsAre(AllOf(HasSubstr("solana.wallet_file: wallet file '"),
                                         HasSubstr("cannot be opened: No such file"),
                                         HasSubstr("emptyDir"))));
  write("[1, 2]");
  EXPECT_THAT(found(), ElementsAre(HasSubstr("is not a JSON array of 64 numbers")));
  // The first key of RFC 8032, section 7.1.
  write(
      "[157,97,177,157,239,253,90,96,186,132,74,244,146,236,44,196,68,73,197,105,123,50,105,25,"
      "112,59,172,3,28,174,127,96,215,90,152,1,130,177,10,183,213,75,254,211,201,100,7,58,14,"
      "225,114,243,218,166,35,37,175,2,26,104,247,7,81,26]");
  EXPECT_THAT(found(), IsEmpty());
  chmod(settings_.solana.wallet_file.c_str(), 0640);
  EXPECT_THAT(found(), ElementsAre(HasSubstr("has mode 0640")));
}

TEST_F(Wallet, IsNoConcernWithoutTheChain) {
  settings_.chain.enabled = false;
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(Wallet, ComesWithTheProgramsDescription) {
  settings_.solana.registry = Registry::anchor;
  settings_.solana.program_id = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";
  settings_.solana.idl_file = folder_ / "idl.json";
  EXPECT_THAT(found(), Contains(AllOf(HasSubstr("solana.idl_file: IDL file '"),
                                      HasSubstr("cannot be opened"))));
}

}  // namespace
}  // namespace admitone::app
