#include "api/oidc.hpp"

#include <gtest/gtest.h>

#include "unit/api/token_issuer.hpp"

namespace meridian::api {
namespace {

using testing_support::TokenIssuer;

constexpr UnixTime kWall = UnixTime::from_seconds(1'700'000'000);
constexpr Now kStart{Instant::from_origin(1h), kWall};
constexpr std::string_view kDiscovery =
    R"({"issuer":"https://id.example","authorization_endpoint":"https://id.example/auth",)"
    R"("token_endpoint":"https://id.example/token","jwks_uri":"https://id.example/keys"})";

std::string claims(std::string_view more =
                       R"("amr":["pwd","mfa"],"meridian_role":"owner","meridian_account":"dev")",
                   std::string_view audience = R"("meridian-admin")") {
  return R"({"iss":"https://id.example","sub":"s-1","iat":1699999990,"exp":1700000300,"aud":)" +
         std::string(audience) + "," + std::string(more) + "}";
}

class OidcTest : public testing::Test {
 protected:
  static config::Oidc settings() {
    config::Oidc settings;
    settings.issuer = "https://id.example";
    settings.client_id = "meridian-admin";
    settings.acr = {"loa3"};
    return settings;
  }
  void load(const std::string& keys, Instant now = kStart.monotonic) {
    auto fetch = provider_.take_fetch(now);
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->url, "https://id.example/.well-known/openid-configuration");
    EXPECT_FALSE(provider_.take_fetch(now)) << "one at a time";
    ASSERT_TRUE(provider_.handle_fetched(fetch->id, kDiscovery, now));
    fetch = provider_.take_fetch(now);
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->url, "https://id.example/keys");
    ASSERT_TRUE(provider_.handle_fetched(fetch->id, keys, now));
  }
  std::string refusal(const std::string& token, Now now = kStart) {
    const auto principal = provider_.authenticate(token, now);
    EXPECT_FALSE(principal);
    EXPECT_TRUE(principal || principal.error().status == 401);
    return principal ? "" : principal.error().text;
  }

  TokenIssuer issuer_{SignatureAlgorithm::kEs256};
  OidcProvider provider_{settings()};
};

TEST_F(OidcTest, lets_in_whom_the_provider_vouches_for) {
  load(issuer_.key_set());
  EXPECT_EQ(provider_.endpoints(),
            (OidcEndpoints{"https://id.example/auth", "https://id.example/token"}));
  const auto principal = provider_.authenticate(issuer_.token(claims()), kStart);
  ASSERT_TRUE(principal) << principal.error().text;
  EXPECT_EQ(*principal, (Principal{"s-1", Role::kOwner, AccountId("dev"), SignedInBy::kOidc,
                                   UnixTime::from_seconds(1'700'000'300)}));
}

TEST_F(OidcTest, takes_each_algorithm_and_roles_in_a_list) {
  for (const auto algorithm :
       {SignatureAlgorithm::kRs256, SignatureAlgorithm::kEs256, SignatureAlgorithm::kEdDsa}) {
    const TokenIssuer issuer(algorithm);
    provider_ = OidcProvider(settings());
    load(issuer.key_set());
    const auto principal = provider_.authenticate(
        issuer.token(claims(R"("acr":"loa3","meridian_role":["staff","operator"])")), kStart);
    ASSERT_TRUE(principal) << principal.error().text;
    EXPECT_EQ(principal->role, Role::kOperator);
    EXPECT_EQ(principal->account, std::nullopt);
  }
}

TEST_F(OidcTest, an_operator_belongs_to_no_account_whatever_the_token_says) {
  load(issuer_.key_set());
  const auto principal = provider_.authenticate(
      issuer_.token(claims(R"("amr":"mfa","meridian_role":"operator","meridian_account":"dev")")),
      kStart);
  ASSERT_TRUE(principal);
  EXPECT_FALSE(principal->account);
}

TEST_F(OidcTest, asks_for_a_second_factor) {
  load(issuer_.key_set());
  for (const char* factors : {R"("x":1)", R"("amr":["pwd"])", R"("amr":[])", R"("acr":"loa1")",
                              R"("amr":{"mfa":true})", R"("amr":"MFA")"}) {
    EXPECT_EQ(refusal(issuer_.token(claims(
                  std::string(factors) + R"(,"meridian_role":"owner","meridian_account":"dev")"))),
              "sign in with a second factor")
        << factors;
  }
}

TEST_F(OidcTest, asks_for_one_role_and_its_account) {
  load(issuer_.key_set());
  for (const char* role :
       {R"("x":1)", R"("meridian_role":"root")", R"("meridian_role":["owner","auditor"])",
        R"("meridian_role":"Owner")", R"("meridian_role":"owner")",
        R"("meridian_role":"owner","meridian_account":"")",
        R"("meridian_role":"owner","meridian_account":["a","b"])"}) {
    EXPECT_NE(refusal(issuer_.token(claims(R"("amr":"mfa",)" + std::string(role)))), "") << role;
  }
  EXPECT_NE(
      refusal(issuer_.token(
          R"({"iss":"https://id.example","exp":1700000300,"aud":"meridian-admin","amr":"mfa",)"
          R"("meridian_role":"owner","meridian_account":"dev"})")),
      "")
      << "no subject";
}

TEST_F(OidcTest, refuses_tokens_that_are_for_somebody_else) {
  load(issuer_.key_set());
  constexpr std::string_view kGood =
      R"("amr":"mfa","meridian_role":"owner","meridian_account":"dev")";
  for (const char* audience : {R"("other")", R"([])", R"(["meridian-admin","other"])", "7"}) {
    EXPECT_EQ(refusal(issuer_.token(claims(kGood, audience))),
              "invalid token: not issued by our provider for us")
        << audience;
  }
  const std::string both = R"(["meridian-admin","other"])";
  EXPECT_TRUE(provider_.authenticate(
      issuer_.token(claims(std::string(kGood) + R"(,"azp":"meridian-admin")", both)), kStart));
  EXPECT_FALSE(provider_.authenticate(
      issuer_.token(claims(std::string(kGood) + R"(,"azp":"other")")), kStart));
  std::string foreign = claims(kGood);
  foreign.replace(foreign.find("id.example"), 10, "id.exampla");
  EXPECT_EQ(refusal(issuer_.token(foreign)), "invalid token: not issued by our provider for us");
}

TEST_F(OidcTest, refuses_forged_and_expired_tokens) {
  load(issuer_.key_set());
  EXPECT_EQ(refusal(TokenIssuer(SignatureAlgorithm::kEs256).token(claims())),
            "invalid token: bad signature");
  EXPECT_EQ(refusal(issuer_.token_with_header(R"({"alg":"HS256"})", claims())),
            "invalid token: unsupported algorithm");
  EXPECT_EQ(refusal(issuer_.token_with_header(R"({"alg":"none"})", claims())),
            "invalid token: unsupported algorithm");
  EXPECT_EQ(refusal(issuer_.token_with_header(R"({"alg":"EdDSA","kid":"k1"})", claims())),
            "invalid token: signed with a key that is not known");
  EXPECT_EQ(refusal(issuer_.token(claims()), {kStart.monotonic, kWall + 400s}),
            "invalid token: expired");
  EXPECT_EQ(refusal(issuer_.token(claims()), {kStart.monotonic, kWall + -400s}),
            "invalid token: not valid yet");
  EXPECT_EQ(refusal("x"), "invalid token: malformed");
}

TEST_F(OidcTest, lets_nobody_in_before_it_has_keys_or_when_they_are_old) {
  EXPECT_NE(refusal(issuer_.token(claims())), "");
  load(issuer_.key_set());
  EXPECT_TRUE(provider_.authenticate(issuer_.token(claims()), kStart));
  const Now later{kStart.monotonic + OidcProvider::kMaxAge + 1s, kWall};
  EXPECT_NE(refusal(issuer_.token(claims()), later), "");
}

TEST_F(OidcTest, asks_for_new_keys_when_it_sees_an_unknown_one_but_not_often) {
  load(issuer_.key_set());
  const Instant start = kStart.monotonic;
  EXPECT_EQ(provider_.next_timeout(), start + OidcProvider::kFresh);
  const TokenIssuer next(SignatureAlgorithm::kEs256, "k2");
  EXPECT_NE(refusal(next.token(claims()), {start + 1s, kWall}), "");
  EXPECT_EQ(provider_.next_timeout(), start + OidcProvider::kMinPause);
  EXPECT_FALSE(provider_.take_fetch(start + 1s));
  load(next.key_set(), start + OidcProvider::kMinPause);
  EXPECT_TRUE(provider_.authenticate(next.token(claims()), {start + 40s, kWall}));
}

TEST_F(OidcTest, keeps_its_keys_when_the_provider_is_away_and_tries_again) {
  load(issuer_.key_set());
  Instant now = kStart.monotonic + OidcProvider::kFresh;
  const auto fetch = provider_.take_fetch(now);
  ASSERT_TRUE(fetch);
  EXPECT_TRUE(provider_.next_timeout().is_never());
  EXPECT_FALSE(provider_.handle_fetched(fetch->id, std::nullopt, now));
  EXPECT_EQ(provider_.next_timeout(), now + OidcProvider::kMinPause);
  EXPECT_TRUE(provider_.authenticate(issuer_.token(claims()), {now, kWall}));
  EXPECT_TRUE(provider_.handle_fetched(fetch->id, kDiscovery, now)) << "too late: ignored";
  now = now + OidcProvider::kMinPause;
  load(issuer_.key_set(), now);
}

TEST_F(OidcTest, refuses_discovery_documents_of_others_and_plain_endpoints) {
  for (const std::string& document :
       {std::string("{}"), std::string("x"),
        std::string(R"({"issuer":"https://other","authorization_endpoint":"https://a",)"
                    R"("token_endpoint":"https://a","jwks_uri":"https://a"})"),
        std::string(R"({"issuer":"https://id.example","authorization_endpoint":"https://a",)"
                    R"("token_endpoint":"https://a","jwks_uri":"http://a"})"),
        std::string(R"({"issuer":"https://id.example","token_endpoint":"https://a"})"),
        std::string(OidcProvider::kMaxDocument + 1, ' ')}) {
    provider_ = OidcProvider(settings());
    const auto fetch = provider_.take_fetch(kStart.monotonic);
    EXPECT_FALSE(provider_.handle_fetched(fetch->id, document, kStart.monotonic));
    EXPECT_FALSE(provider_.endpoints());
  }
  load(issuer_.key_set(), kStart.monotonic + OidcProvider::kMinPause);
}

}  // namespace
}  // namespace meridian::api
