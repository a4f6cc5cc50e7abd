#include "api/jwt.hpp"

#include <gtest/gtest.h>

#include "api/base64url.hpp"

namespace meridian::api {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

std::string encoded(std::string_view text) {
  return base64url_encode(as_bytes(text));
}

// A token with any header, and a signature of the right size that is wrong.
std::string token_with_header(std::string_view header, std::string_view payload) {
  return encoded(header) + "." + encoded(payload) + "." + encoded(std::string(32, 'x'));
}

JwtError decode_error(std::string_view token) {
  const auto jwt = decode_jwt(token);
  EXPECT_FALSE(jwt) << token;
  return jwt ? JwtError::kBadSignature : jwt.error();
}

// RFC 7515 appendix A.1.
TEST(Jwt, verifies_the_example_of_the_rfc) {
  const auto jwt = decode_jwt(
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  ASSERT_TRUE(jwt);
  EXPECT_EQ(jwt->issuer, "joe");
  EXPECT_EQ(jwt->expires, UnixTime::from_seconds(1'300'819'380));
  const auto secret = base64url_decode(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  EXPECT_TRUE(check_signature(*jwt, *secret));
  EXPECT_FALSE(check_signature(*jwt, "another"));
}

TEST(Jwt, accepts_what_it_signs) {
  const auto jwt = decode_jwt(sign_jwt(R"({"iss":"k","exp":1700000001})", kSecret));
  ASSERT_TRUE(jwt);
  EXPECT_TRUE(check_signature(*jwt, kSecret));
  EXPECT_TRUE(check_times(*jwt, kNow));
  EXPECT_EQ(jwt->payload, R"({"iss":"k","exp":1700000001})");
}

TEST(Jwt, refuses_every_algorithm_but_its_own) {
  for (const char* algorithm : {"none", "None", "nOnE", "NONE", "hs256", "HS384", "HS512", "RS256",
                                "ES256", "PS256", "EdDSA", "HS256 ", ""}) {
    const std::string header = std::string(R"({"alg":")") + algorithm + R"("})";
    EXPECT_EQ(decode_error(token_with_header(header, "{}")), JwtError::kUnsupportedAlgorithm)
        << algorithm;
  }
  for (const char* header :
       {"{}", R"({"alg":null})", R"({"alg":["HS256"]})", R"({"Alg":"HS256"})"}) {
    EXPECT_EQ(decode_error(token_with_header(header, "{}")), JwtError::kUnsupportedAlgorithm);
  }
}

TEST(Jwt, refuses_critical_headers) {
  EXPECT_EQ(decode_error(token_with_header(R"({"alg":"HS256","crit":["exp"]})", "{}")),
            JwtError::kCriticalHeader);
  EXPECT_EQ(decode_error(token_with_header(R"({"alg":"HS256","crit":[]})", "{}")),
            JwtError::kCriticalHeader);
}

TEST(Jwt, ignores_key_material_in_the_header) {
  const auto jwt = decode_jwt(token_with_header(
      R"({"alg":"HS256","jwk":{"kty":"oct","k":"eHg"},"kid":"../../dev/null","jku":"http://x"})",
      R"({"iss":"k"})"));
  ASSERT_TRUE(jwt);
  EXPECT_FALSE(check_signature(*jwt, kSecret));
}

TEST(Jwt, refuses_what_has_not_three_parts_of_objects) {
  const std::string good = sign_jwt("{}", kSecret);
  EXPECT_TRUE(decode_jwt(good));
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"), good + ".",
        good + "=", "." + good, good.substr(0, good.rfind('.')), good + "\n", " " + good,
        token_with_header("[]", "{}"), token_with_header(R"({"alg":"HS256"})", "[]"),
        token_with_header(R"({"alg":"HS256"})", ""),
        token_with_header(R"({"alg":"HS256"} x)", "{}"),
        token_with_header(R"({"alg":"HS256"})", "{\"a\":\"\xff\"}")}) {
    EXPECT_EQ(decode_error(token), JwtError::kMalformed) << token;
  }
}

TEST(Jwt, refuses_huge_and_deep_tokens) {
  EXPECT_EQ(decode_error(std::string(1024 * 1024, 'a')), JwtError::kMalformed);
  EXPECT_EQ(decode_error(sign_jwt(R"({"a":")" + std::string(kMaxTokenSize, 'a') + "\"}", kSecret)),
            JwtError::kMalformed);
  EXPECT_EQ(decode_error(sign_jwt("{\"a\":" + std::string(10'000, '['), kSecret)),
            JwtError::kMalformed);
}

TEST(Jwt, refuses_a_signature_that_is_not_over_this) {
  const std::string token = sign_jwt(R"({"iss":"k"})", kSecret);
  const std::size_t dot = token.rfind('.');
  const auto refused = [](const std::string& text, std::string_view secret) {
    const auto jwt = decode_jwt(text);
    return jwt && !check_signature(*jwt, secret);
  };
  EXPECT_TRUE(refused(token.substr(0, dot + 1), kSecret));  // empty signature
  EXPECT_TRUE(refused(token.substr(0, dot + 1) + encoded(std::string(31, 'x')), kSecret));
  EXPECT_TRUE(refused(token.substr(0, dot + 1) + encoded(std::string(32, 'x')), kSecret));
  EXPECT_TRUE(refused(sign_jwt(R"({"iss":"k"})", ""), ""));  // an empty secret matches nothing
  EXPECT_TRUE(refused(token, "0123456789abcdef0123456789abcdeF"));
  const std::string other = sign_jwt(R"({"iss":"l"})", kSecret);
  EXPECT_TRUE(refused(token.substr(0, dot) + other.substr(other.rfind('.')), kSecret));
}

TEST(Jwt, takes_times_with_a_minute_of_leeway) {
  const auto result = [](const std::string& payload) {
    return check_times(decode_jwt(sign_jwt(payload, kSecret)).value(), kNow);
  };
  EXPECT_EQ(result("{}").error(), JwtError::kMissingExpiry);
  EXPECT_TRUE(result(R"({"exp":1699999940})"));
  EXPECT_EQ(result(R"({"exp":1699999939})").error(), JwtError::kExpired);
  EXPECT_EQ(result(R"({"exp":0})").error(), JwtError::kExpired);
  EXPECT_EQ(result(R"({"exp":-1e300})").error(), JwtError::kExpired);
  EXPECT_TRUE(result(R"({"exp":1e300})"));
  EXPECT_TRUE(result(R"({"exp":1700000000.5})"));
  EXPECT_TRUE(result(R"({"exp":1800000000,"nbf":1700000060,"iat":1700000060})"));
  EXPECT_EQ(result(R"({"exp":1800000000,"nbf":1700000061})").error(), JwtError::kNotYetValid);
  EXPECT_EQ(result(R"({"exp":1800000000,"iat":1700000061})").error(), JwtError::kNotYetValid);
  EXPECT_EQ(result(R"({"exp":1800000000,"nbf":18446744073709551615})").error(),
            JwtError::kNotYetValid);
}

TEST(Jwt, refuses_times_that_are_no_numbers) {
  for (const char* payload :
       {R"({"exp":"1800000000"})", R"({"exp":null})", R"({"nbf":true})", R"({"iat":[]})"}) {
    EXPECT_EQ(decode_error(sign_jwt(payload, kSecret)), JwtError::kMalformed) << payload;
  }
}

TEST(Jwt, each_error_has_a_name) {
  for (const JwtError error :
       {JwtError::kMalformed, JwtError::kUnsupportedAlgorithm, JwtError::kCriticalHeader,
        JwtError::kBadSignature, JwtError::kMissingExpiry, JwtError::kExpired,
        JwtError::kNotYetValid}) {
    EXPECT_FALSE(name_of(error).empty());
  }
}

}  // namespace
}  // namespace meridian::api
