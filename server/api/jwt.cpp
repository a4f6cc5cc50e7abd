#include "api/jwt.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include <boost/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "api/base64url.hpp"
#include "api/json_text.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kSignatureSize = 32;
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";

std::array<std::uint8_t, kSignatureSize> hmac_sha256(std::string_view secret,
                                                     std::string_view input) {
  std::array<std::uint8_t, kSignatureSize> mac{};
  unsigned size = 0;
  const Bytes bytes = as_bytes(input);
  const void* result = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                            bytes.data(), bytes.size(), mac.data(), &size);
  MERIDIAN_CHECK(result != nullptr && size == mac.size());
  return mac;
}

// A NumericDate (RFC 7519 section 2), which may have a fraction. Times beyond what UnixTime holds
// are brought to its ends. False when present but not a number.
bool read_date(const json::object& object, std::string_view name, std::optional<UnixTime>& out) {
  // 2^33 s is the year 2242: within an int64 of nanoseconds with room for the leeway.
  constexpr double kLimit = 8589934592.0;
  const json::value* value = object.if_contains(json_view(name));
  if (value == nullptr) {
    return true;
  }
  json::error_code error;
  const auto seconds = value->to_number<double>(error);
  if (error || !value->is_number() || std::isnan(seconds)) {
    return false;
  }
  const double bounded = std::fmin(std::fmax(seconds, 0), kLimit);
  out = UnixTime::from_milliseconds(std::llround(bounded * 1000));
  return true;
}

base::Expected<UncheckedJwt, JwtError> decode(std::string_view token,
                                              std::span<const std::string_view> accepted) {
  const auto malformed = std::unexpected(JwtError::kMalformed);
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.size() > kMaxTokenSize) {
    return malformed;
  }
  const auto header_text = base64url_decode(token.substr(0, first));
  const auto payload_text = base64url_decode(token.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(token.substr(second + 1));
  if (!header_text || !payload_text || !signature) {
    return malformed;
  }
  const auto header = parse_object(*header_text);
  if (!header) {
    return malformed;
  }
  UncheckedJwt jwt;
  jwt.algorithm = text_member(*header, "alg");
  jwt.key_id = text_member(*header, "kid");
  if (std::ranges::find(accepted, jwt.algorithm) == accepted.end()) {
    return std::unexpected(JwtError::kUnsupportedAlgorithm);
  }
  if (header->contains("crit")) {
    return std::unexpected(JwtError::kCriticalHeader);
  }
  const auto payload = parse_object(*payload_text);
  if (!payload || !read_date(*payload, "exp", jwt.expires) ||
      !read_date(*payload, "nbf", jwt.not_before) || !read_date(*payload, "iat", jwt.issued)) {
    return malformed;
  }
  jwt.payload = *payload_text;
  jwt.issuer = text_member(*payload, "iss");
  jwt.signing_input = token.substr(0, second);
  jwt.signature = std::move(*signature);
  return jwt;
}

}  // namespace

std::string_view name_of(JwtError error) {
  switch (error) {
    case JwtError::kMalformed:
      return "malformed";
    case JwtError::kUnsupportedAlgorithm:
      return "unsupported algorithm";
    case JwtError::kCriticalHeader:
      return "critical header not understood";
    case JwtError::kBadSignature:
      return "bad signature";
    case JwtError::kMissingExpiry:
      return "no expiry";
    case JwtError::kExpired:
      return "expired";
    case JwtError::kNotYetValid:
      return "not valid yet";
  }
  return "";
}

base::Expected<UncheckedJwt, JwtError> decode_jwt(std::string_view token) {
  static constexpr std::string_view kAccepted[] = {"HS256"};
  return decode(token, kAccepted);
}

base::Expected<UncheckedJwt, JwtError> decode_signed_jwt(std::string_view token) {
  static constexpr std::string_view kAccepted[] = {"RS256", "ES256", "EdDSA"};
  return decode(token, kAccepted);
}

base::Expected<void, JwtError> check_signature(const UncheckedJwt& token, std::string_view secret) {
  // An empty key would let everybody sign.
  if (secret.empty() || token.signature.size() != kSignatureSize) {
    return std::unexpected(JwtError::kBadSignature);
  }
  const auto expected = hmac_sha256(secret, token.signing_input);
  if (CRYPTO_memcmp(expected.data(), token.signature.data(), expected.size()) != 0) {
    return std::unexpected(JwtError::kBadSignature);
  }
  return {};
}

base::Expected<void, JwtError> check_times(const UncheckedJwt& token, UnixTime now) {
  if (!token.expires) {
    return std::unexpected(JwtError::kMissingExpiry);
  }
  if (now > *token.expires + kTokenLeeway) {
    return std::unexpected(JwtError::kExpired);
  }
  const UnixTime latest_start = now + kTokenLeeway;
  if ((token.not_before && *token.not_before > latest_start) ||
      (token.issued && *token.issued > latest_start)) {
    return std::unexpected(JwtError::kNotYetValid);
  }
  return {};
}

std::string sign_jwt(std::string_view payload, std::string_view secret) {
  std::string token = base64url_encode(as_bytes(kHeader));
  token.push_back('.');
  token.append(base64url_encode(as_bytes(payload)));
  const auto signature = hmac_sha256(secret, token);
  token.push_back('.');
  token.append(base64url_encode(signature));
  return token;
}

}  // namespace meridian::api
