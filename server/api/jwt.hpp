#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/expected.hpp"
#include "base/time.hpp"

/// JSON Web Tokens (RFC 7519) in compact form: LiveKit's under HS256, and those of an OpenID
/// provider under a public key. Which of the two is up to who asks, never to the token. Everything
/// else is refused: other algorithms, `none`, critical headers, padded or non-canonical base64url.
/// Key material in the header is ignored.
namespace meridian::api {

/// Longest token that is looked at, in bytes.
inline constexpr std::size_t kMaxTokenSize = 256 * 1024;
/// How far clocks may be apart (livekit-server uses the same).
inline constexpr Duration kTokenLeeway = 60s;

enum class JwtError : std::uint8_t {
  kMalformed,             // not three base64url parts of JSON objects, or too long
  kUnsupportedAlgorithm,  // `alg` isn't one that was asked for
  kCriticalHeader,        // `crit` is present: we understand no extension
  kBadSignature,
  kMissingExpiry,
  kExpired,
  kNotYetValid,  // before nbf, or issued in the future
};
[[nodiscard]] std::string_view name_of(JwtError error);

/// A token taken apart. Nothing in it may be believed before check_signature().
struct UncheckedJwt {
  /// The JSON object of the second part.
  std::string payload;
  /// `iss`, which names the key to check with; empty when absent or not a string.
  std::string issuer;
  std::optional<UnixTime> expires;
  std::optional<UnixTime> not_before;
  std::optional<UnixTime> issued;

  /// From the header: exactly as it is there, and the name of the key, empty when absent.
  std::string algorithm;
  std::string key_id;

  std::string signing_input;
  std::string signature;  // raw bytes
};

/// Takes a compact token apart. Errors: kMalformed, kUnsupportedAlgorithm, kCriticalHeader.
[[nodiscard]] base::Expected<UncheckedJwt, JwtError> decode_jwt(std::string_view token);
/// The same for a token that a public key signed: RS256, ES256 or EdDSA, to be checked with
/// SigningKey::verify.
[[nodiscard]] base::Expected<UncheckedJwt, JwtError> decode_signed_jwt(std::string_view token);
/// HMAC-SHA-256 under `secret`, compared in constant time. An empty secret never matches.
[[nodiscard]] base::Expected<void, JwtError> check_signature(const UncheckedJwt& token,
                                                             std::string_view secret);
/// `exp` must be there; all times are taken with kTokenLeeway.
[[nodiscard]] base::Expected<void, JwtError> check_times(const UncheckedJwt& token, UnixTime now);

/// A compact HS256 token over `payload`, which must be the text of a JSON object.
[[nodiscard]] std::string sign_jwt(std::string_view payload, std::string_view secret);

}  // namespace meridian::api
