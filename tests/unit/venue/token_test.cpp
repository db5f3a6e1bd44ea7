#include "venue/token.hpp"

#include <gmock/gmock.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unit/venue/fixture.hpp"

namespace admitone::venue {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string kSecret = "0123456789abcdef0123456789abcdef";
constexpr base::Timestamp kNow{1'777'593'600'500ms};

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

std::string pem_of(const Key& key, const EVP_CIPHER* cipher = nullptr) {
  BIO* const bio = BIO_new(BIO_s_mem());
  unsigned char pass_phrase[] = "hunter2";
  EXPECT_EQ(
      PEM_write_bio_PrivateKey(bio, key.get(), cipher, cipher == nullptr ? nullptr : pass_phrase,
                               cipher == nullptr ? 0 : 7, nullptr, nullptr),
      1);
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio, &bytes);
  std::string out(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

std::string decoded(std::string part) {
  EXPECT_EQ(part.find_first_of("+/="), std::string::npos) << "not base64url";
  std::ranges::replace(part, '-', '+');
  std::ranges::replace(part, '_', '/');
  const auto padding = (4 - part.size() % 4) % 4;
  part.append(padding, '=');
  std::string out(part.size() / 4 * 3, '\0');
  EXPECT_EQ(EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                            reinterpret_cast<const unsigned char*>(part.data()),
                            static_cast<int>(part.size())),
            static_cast<int>(out.size()));
  return out.substr(0, part.size() / 4 * 3 - padding);
}

struct Jwt {
  explicit Jwt(const std::string& token) {
    const auto first = token.find('.');
    const auto second = token.find('.', first + 1);
    header = json::parse(decoded(token.substr(0, first)));
    claims = json::parse(decoded(token.substr(first + 1, second - first - 1)));
    signature = decoded(token.substr(second + 1));
    signed_text = token.substr(0, second);
  }
  json header;
  json claims;
  std::string signature;
  std::string signed_text;
};

std::string hmac(const std::string& secret, const std::string& text) {
  std::string out(32, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(out.data()), &size);
  return out;
}

bool rsa_verifies(const Key& key, const Jwt& jwt) {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  const auto* const text = reinterpret_cast<const unsigned char*>(jwt.signed_text.data());
  const auto* const signature = reinterpret_cast<const unsigned char*>(jwt.signature.data());
  const int good =
      EVP_DigestVerify(context, signature, jwt.signature.size(), text, jwt.signed_text.size());
  EVP_MD_CTX_free(context);
  return good == 1;
}

TokenSettings by_secret(const std::string& secret = kSecret) {
  TokenSettings out;
  out.key = secret;
  return out;
}
TokenSettings by_key(const std::string& pem) {
  TokenSettings out;
  out.algorithm = TokenAlgorithm::rs256;
  out.key = pem;
  return out;
}

std::string one_token(const TokenSettings& settings, base::Timestamp now = kNow) {
  auto tokens = Tokens::create(settings);
  return tokens ? tokens->current(now) : tokens.error().message;
}

TEST(Token, OfASecretIsSignedByIt) {
  const Jwt jwt(one_token(by_secret()));
  EXPECT_EQ(jwt.header, (json{{"alg", "HS256"}, {"typ", "JWT"}}));
  EXPECT_EQ(
      jwt.claims,
      (json{
          {"iss", "admitone"}, {"aud", "venue"}, {"iat", 1'777'593'600}, {"exp", 1'777'593'900}}));
  EXPECT_EQ(jwt.signature, hmac(kSecret, jwt.signed_text));
}

TEST(Token, OfAKeyIsSignedByIt) {
  const Key key(EVP_RSA_gen(2048));
  const Key other(EVP_RSA_gen(2048));
  const Jwt jwt(one_token(by_key(pem_of(key))));
  EXPECT_EQ(jwt.header.at("alg"), "RS256");
  EXPECT_TRUE(rsa_verifies(key, jwt));
  EXPECT_FALSE(rsa_verifies(other, jwt));
}

TEST(Token, SaysWhatTheSettingsSay) {
  auto settings = by_secret();
  settings.key_id = "key \"7\"";
  settings.issuer = "a\\b";
  settings.audience = "c";
  settings.lifetime = 120s;
  const Jwt jwt(one_token(settings));
  EXPECT_EQ(jwt.header.at("kid"), "key \"7\"");
  EXPECT_EQ(jwt.claims.at("iss"), "a\\b");
  EXPECT_EQ(jwt.claims.at("aud"), "c");
  EXPECT_EQ(jwt.claims.at("exp"), 1'777'593'720);
}

TEST(Token, IsKeptAndRenewedBeforeItExpires) {
  auto made = Tokens::create(by_secret());
  ASSERT_TRUE(made.ok());
  const auto first = made->current(kNow);
  EXPECT_EQ(made->current(kNow + 239s), first);
  const auto second = made->current(kNow + 240s);
  EXPECT_NE(second, first);
  EXPECT_EQ(made->current(kNow + 241s), second);
}

TEST(Token, IsMadeAnewWhenTheClockGoesBack) {
  auto made = Tokens::create(by_secret());
  ASSERT_TRUE(made.ok());
  const auto first = made->current(kNow);
  EXPECT_NE(made->current(kNow - 1h), first) << "it would not be valid yet";
}

TEST(Token, IsMadeAnewWhenItWasForgotten) {
  auto made = Tokens::create(by_secret());
  ASSERT_TRUE(made.ok());
  const auto first = made->current(kNow);
  made->forget();
  EXPECT_NE(made->current(kNow + 1s), first);
}

void expect_refused(const TokenSettings& settings) {
  const auto made = Tokens::create(settings);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, base::ErrorKind::permanent);
  if (settings.key.size() >= 8) {
    EXPECT_EQ(made.error().message.find(settings.key.substr(0, 8)), std::string::npos);
  }
}

TEST(Token, IsRefusedForAKeyThatIsNone) {
  expect_refused(by_secret(""));
  expect_refused(by_secret(kSecret.substr(1)));
  expect_refused(by_key(""));
  expect_refused(by_key(kSecret));
  expect_refused(by_key("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"));
  expect_refused(by_key(pem_of(Key(EVP_RSA_gen(1024)))));
  expect_refused(by_key(pem_of(Key(EVP_EC_gen("P-256")))));
  // Without asking for the pass phrase at the terminal.
  expect_refused(by_key(pem_of(Key(EVP_RSA_gen(2048)), EVP_aes_256_cbc())));
}

class TokenOfClientTest : public VenueTest {
 protected:
  TokenOfClientTest() { start({.url = "https://venue.example", .token = by_secret()}); }
  std::string sent() { return header_of(http_.sent.back(), "Authorization"); }
};

TEST_F(TokenOfClientTest, IsSentWithEveryCall) {
  find(response(200, venue_body()));
  const auto first = sent();
  ASSERT_TRUE(first.starts_with("Bearer "));
  const Jwt jwt(first.substr(7));
  EXPECT_EQ(jwt.signature, hmac(kSecret, jwt.signed_text));
  EXPECT_EQ(jwt.claims.at("iat"), 1'777'593'600) << "of the wall clock";
  hold(response(201, hold_body()));
  EXPECT_EQ(sent(), first);
  holds(response(200, R"({"holds":[]})"));
  EXPECT_EQ(sent(), first);
  release(response(204));
  EXPECT_EQ(sent(), first);
}

TEST_F(TokenOfClientTest, IsRenewedInTime) {
  find(response(200, venue_body()));
  const auto first = sent();
  clock_.pass(239s);
  find(response(200, venue_body()));
  EXPECT_EQ(sent(), first);
  clock_.pass(1s);
  find(response(200, venue_body()));
  EXPECT_NE(sent(), first);
}

TEST_F(TokenOfClientTest, IsDroppedWhenTheServiceDoesNotTakeIt) {
  find(response(200, venue_body()));
  const auto first = sent();
  clock_.pass(1s);
  const auto answer = hold(response(401, "token hunter2 is bad"));
  EXPECT_EQ(answer.kind, AnswerKind::retry);
  EXPECT_EQ(answer.why, "venue.hold: status 401");
  EXPECT_EQ(client_->state().unauthorized, 1U);
  hold(response(201, hold_body()));
  EXPECT_NE(sent(), first);
}

TEST_F(TokenOfClientTest, IsInNoText) {
  const auto answers = {find(response(401)).why, find(response(403, kSecret)).why,
                        find(response(200, kSecret)).why, find(lost(base::Effect::unknown)).why};
  for (const auto& why : answers) {
    EXPECT_EQ(why.find(kSecret), std::string::npos) << why;
    EXPECT_EQ(why.find("eyJ"), std::string::npos) << why;
  }
}

TEST(ClientSettings, AreRefusedWithATokensKeyThatIsNone) {
  ManualClock clock;
  FakeHttp http;
  const auto made = Client::create({.url = "https://venue.example", .token = by_secret("short")},
                                   http, http.post(), clock);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().message.find("short"), std::string::npos);
}

}  // namespace
}  // namespace admitone::venue
