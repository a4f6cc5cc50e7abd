#include "api/signing_key.hpp"

#include <gtest/gtest.h>

#include "unit/api/token_issuer.hpp"

namespace meridian::api {
namespace {

using testing_support::TokenIssuer;

constexpr SignatureAlgorithm kAll[] = {SignatureAlgorithm::kRs256, SignatureAlgorithm::kEs256,
                                       SignatureAlgorithm::kEdDsa};

std::string set_of(std::string_view keys) {
  return R"({"keys":[)" + std::string(keys) + "]}";
}

TEST(SigningKey, believes_its_own_signatures_only) {
  for (const SignatureAlgorithm algorithm : kAll) {
    const TokenIssuer issuer(algorithm);
    const auto set = KeySet::parse(issuer.key_set());
    ASSERT_TRUE(set) << name_of(algorithm);
    const SigningKey* key = set->find("k1", algorithm);
    ASSERT_NE(key, nullptr);
    std::string signature = issuer.sign("message");
    EXPECT_TRUE(key->verify("message", signature)) << name_of(algorithm);
    EXPECT_FALSE(key->verify("messagE", signature));
    EXPECT_FALSE(key->verify("message", TokenIssuer(algorithm).sign("message")));
    EXPECT_FALSE(key->verify("message", ""));
    EXPECT_FALSE(key->verify("message", signature + "x"));
    signature.back() = static_cast<char>(signature.back() ^ 1);
    EXPECT_FALSE(key->verify("message", signature));
    EXPECT_FALSE(key->verify("message", std::string(signature.size(), '\0')));
  }
}

// RFC 8037 appendix A.2 and A.4.
TEST(SigningKey, verifies_the_example_of_the_rfc) {
  const auto set = KeySet::parse(
      set_of(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"));
  ASSERT_TRUE(set);
  EXPECT_TRUE(
      set->find("", SignatureAlgorithm::kEdDsa)
          ->verify("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                   *base64url_decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki"
                                     "4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")));
}

TEST(SigningKey, is_not_found_under_another_algorithm_or_name) {
  const auto set = KeySet::parse(TokenIssuer(SignatureAlgorithm::kEs256).key_set());
  ASSERT_TRUE(set);
  EXPECT_EQ(set->find("k1", SignatureAlgorithm::kRs256), nullptr);
  EXPECT_EQ(set->find("k2", SignatureAlgorithm::kEs256), nullptr);
  EXPECT_NE(set->find("", SignatureAlgorithm::kEs256), nullptr) << "the only one";
}

TEST(SigningKey, is_never_a_guess_between_two) {
  const TokenIssuer a(SignatureAlgorithm::kEdDsa, "a");
  const TokenIssuer b(SignatureAlgorithm::kEdDsa, "b");
  const auto set = KeySet::parse(set_of(a.jwk() + "," + b.jwk() + "," + b.jwk()));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->find("", SignatureAlgorithm::kEdDsa), nullptr);
  EXPECT_NE(set->find("a", SignatureAlgorithm::kEdDsa), nullptr);
  EXPECT_EQ(set->find("b", SignatureAlgorithm::kEdDsa), nullptr) << "twice under one name";
}

TEST(SigningKey, skips_keys_that_are_not_for_us) {
  const TokenIssuer issuer(SignatureAlgorithm::kRs256);
  for (const std::string& key :
       {issuer.jwk(R"(,"use":"enc")"), issuer.jwk(R"(,"alg":"RS512")"), std::string("7"),
        std::string(R"({"kty":"oct","k":"c2VjcmV0"})"),
        std::string(R"({"kty":"RSA","n":"Aw","e":"AQAB"})"),
        std::string(R"({"kty":"EC","crv":"P-384","x":"AQ","y":"AQ"})"),
        std::string(
            R"({"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",)"
            R"("y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"})"),
        std::string(R"({"kty":"OKP","crv":"Ed25519","x":"AQ"})")}) {
    EXPECT_FALSE(KeySet::parse(set_of(key))) << key;
    EXPECT_TRUE(KeySet::parse(set_of(key + "," + issuer.jwk(R"(,"use":"sig","alg":"RS256")"))));
  }
}

TEST(SigningKey, sets_that_are_none_are_refused) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})"),
        set_of(""), std::string(KeySet::kMaxText + 1, ' ')}) {
    EXPECT_FALSE(KeySet::parse(text));
  }
  const TokenIssuer first(SignatureAlgorithm::kEdDsa, "first");
  std::string many = first.jwk();
  const TokenIssuer other(SignatureAlgorithm::kEdDsa, "other");
  for (std::size_t i = 0; i < KeySet::kMaxKeys; ++i) {
    many += "," + other.jwk();
  }
  many += "," + TokenIssuer(SignatureAlgorithm::kEdDsa, "last").jwk();
  const auto set = KeySet::parse(set_of(many));
  ASSERT_TRUE(set);
  EXPECT_NE(set->find("first", SignatureAlgorithm::kEdDsa), nullptr);
  EXPECT_EQ(set->find("last", SignatureAlgorithm::kEdDsa), nullptr);
}

}  // namespace
}  // namespace meridian::api
