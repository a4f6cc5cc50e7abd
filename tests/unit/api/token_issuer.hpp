#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "api/base64url.hpp"
#include "api/signing_key.hpp"

namespace meridian::api::testing_support {

/// A private key that signs tokens as an OpenID provider does, and its public half as a JWK.
class TokenIssuer {
 public:
  explicit TokenIssuer(SignatureAlgorithm algorithm, std::string id = "k1")
      : algorithm_(algorithm), id_(std::move(id)), key_(generate(algorithm), &EVP_PKEY_free) {}

  [[nodiscard]] std::string jwk(std::string_view more = "") const {
    const std::string common = R"(,"kid":")" + id_ + "\"" + std::string(more) + "}";
    switch (algorithm_) {
      case SignatureAlgorithm::kRs256:
        return R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
               number(OSSL_PKEY_PARAM_RSA_E) + "\"" + common;
      case SignatureAlgorithm::kEs256:
        return R"({"kty":"EC","crv":"P-256","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) +
               R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y, 32) + "\"" + common;
      case SignatureAlgorithm::kEdDsa:
        break;
    }
    std::vector<std::uint8_t> raw(32);
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size);
    return R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url_encode(raw) + "\"" + common;
  }
  [[nodiscard]] std::string key_set() const { return R"({"keys":[)" + jwk() + "]}"; }

  [[nodiscard]] std::string sign(std::string_view input) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    const EVP_MD* digest = algorithm_ == SignatureAlgorithm::kEdDsa ? nullptr : EVP_sha256();
    EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get());
    std::size_t size = 0;
    const Bytes message = as_bytes(input);
    EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size());
    std::vector<std::uint8_t> out(size);
    EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size());
    out.resize(size);
    return algorithm_ == SignatureAlgorithm::kEs256 ? from_der(out) : std::string(as_text(out));
  }
  [[nodiscard]] std::string token(std::string_view payload) const {
    return token_with_header(
        R"({"alg":")" + std::string(name_of(algorithm_)) + R"(","kid":")" + id_ + R"("})", payload);
  }
  [[nodiscard]] std::string token_with_header(std::string_view header,
                                              std::string_view payload) const {
    std::string text =
        base64url_encode(as_bytes(header)) + "." + base64url_encode(as_bytes(payload));
    return text + "." + base64url_encode(as_bytes(sign(text)));
  }

 private:
  static EVP_PKEY* generate(SignatureAlgorithm algorithm) {
    constexpr std::size_t kBits = 2048;
    switch (algorithm) {
      case SignatureAlgorithm::kRs256:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", kBits);
      case SignatureAlgorithm::kEs256:
        return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
      case SignatureAlgorithm::kEdDsa:
        break;
    }
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  [[nodiscard]] std::string number(const char* name, int size = 0) const {
    BIGNUM* raw = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &raw);
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> owner(raw, &BN_free);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(raw)));
    BN_bn2binpad(raw, out.data(), static_cast<int>(out.size()));
    return base64url_encode(out);
  }
  static std::string from_der(const std::vector<std::uint8_t>& der) {
    const unsigned char* at = der.data();
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free);
    std::vector<std::uint8_t> out(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out.data() + 32, 32);
    return std::string(as_text(out));
  }

  SignatureAlgorithm algorithm_;
  std::string id_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

}  // namespace meridian::api::testing_support
