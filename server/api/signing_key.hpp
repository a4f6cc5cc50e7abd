#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/expected.hpp"

typedef struct evp_pkey_st EVP_PKEY;

/// Public keys of a token issuer: JSON Web Key Sets (RFC 7517) of the three algorithms that we
/// take (RFC 7518, RFC 8037). Everything else in a set is skipped.
namespace meridian::api {

enum class SignatureAlgorithm : std::uint8_t {
  kRs256,  // RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 8192 bits
  kEs256,  // ECDSA on P-256 with SHA-256
  kEdDsa,  // Ed25519
};
[[nodiscard]] std::string_view name_of(SignatureAlgorithm algorithm);

class SigningKey {
 public:
  /// Each gives nothing for a number that is no such key.
  static std::optional<SigningKey> rsa(Bytes modulus, Bytes exponent);
  static std::optional<SigningKey> p256(Bytes x, Bytes y);
  static std::optional<SigningKey> ed25519(Bytes x);

  [[nodiscard]] SignatureAlgorithm algorithm() const { return algorithm_; }
  /// `signature` as it stands in a JWS: for ES256 two numbers of 32 bytes.
  [[nodiscard]] bool verify(std::string_view input, std::string_view signature) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const;
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  SigningKey(SignatureAlgorithm algorithm, Key key) : algorithm_(algorithm), key_(std::move(key)) {}

  SignatureAlgorithm algorithm_;
  Key key_;
};

class KeySet {
 public:
  static constexpr std::size_t kMaxKeys = 64;
  static constexpr std::size_t kMaxText = 256 * 1024;

  /// Error: not a key set, too long, or without any key that we can use.
  static base::Expected<KeySet, base::Error> parse(std::string_view text);

  /// The key with this `kid`; without one (empty) the only key of the algorithm. Null when there is
  /// none, or the algorithm isn't the key's.
  [[nodiscard]] const SigningKey* find(std::string_view id, SignatureAlgorithm algorithm) const;

 private:
  struct Entry {
    std::string id;
    SigningKey key;
  };
  std::vector<Entry> entries_;
};

}  // namespace meridian::api
