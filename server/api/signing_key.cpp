#include "api/signing_key.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "api/base64url.hpp"
#include "api/json_text.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kP256Bytes = 32;
constexpr std::size_t kEd25519Bytes = 32;
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;

template <auto release>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using BigNumber = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;

BigNumber number(Bytes bytes) {
  return BigNumber(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

// Null when the parameters are no key of that type.
EVP_PKEY* make_key(const char* type, OSSL_PARAM* parameters) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return nullptr;
  }
  return key;
}

// A JWS has the two numbers side by side, OpenSSL wants them in DER.
std::string to_der(std::string_view signature) {
  if (signature.size() != 2 * kP256Bytes) {
    return {};
  }
  const Bytes bytes = as_bytes(signature);
  BigNumber r = number(bytes.first(kP256Bytes));
  BigNumber s = number(bytes.subspan(kP256Bytes));
  const Signature parts(ECDSA_SIG_new());
  if (!r || !s || !parts || ECDSA_SIG_set0(parts.get(), r.get(), s.get()) != 1) {
    return {};
  }
  (void)r.release();
  (void)s.release();
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &out);
  const std::unique_ptr<unsigned char, decltype([](unsigned char* p) { OPENSSL_free(p); })> owner(
      out);
  return size <= 0 ? std::string() : std::string(as_text({out, static_cast<std::size_t>(size)}));
}

std::string bytes_of(const json::object& object, std::string_view name) {
  return base64url_decode(text_member(object, name)).value_or(std::string());
}

std::optional<SigningKey> read_key(const json::object& object) {
  const std::string_view type = text_member(object, "kty");
  const std::string_view curve = text_member(object, "crv");
  const std::string x = bytes_of(object, "x");
  if (type == "RSA") {
    const std::string modulus = bytes_of(object, "n");
    return SigningKey::rsa(as_bytes(modulus), as_bytes(bytes_of(object, "e")));
  }
  if (type == "EC" && curve == "P-256") {
    return SigningKey::p256(as_bytes(x), as_bytes(bytes_of(object, "y")));
  }
  if (type == "OKP" && curve == "Ed25519") {
    return SigningKey::ed25519(as_bytes(x));
  }
  return std::nullopt;
}

}  // namespace

std::string_view name_of(SignatureAlgorithm algorithm) {
  static constexpr std::array<std::string_view, 3> kNames{"RS256", "ES256", "EdDSA"};
  return kNames.at(static_cast<std::size_t>(algorithm));
}

void SigningKey::Free::operator()(EVP_PKEY* key) const {
  EVP_PKEY_free(key);
}

std::optional<SigningKey> SigningKey::rsa(Bytes modulus, Bytes exponent) {
  const BigNumber n = number(modulus);
  const BigNumber e = number(exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) < kMinRsaBits ||
      BN_num_bits(n.get()) > kMaxRsaBits || BN_is_odd(e.get()) != 1 || BN_num_bits(e.get()) > 64 ||
      BN_is_one(e.get()) == 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return std::nullopt;
  }
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  Key key(parameters ? make_key("RSA", parameters.get()) : nullptr);
  return key ? std::optional(SigningKey(SignatureAlgorithm::kRs256, std::move(key))) : std::nullopt;
}

std::optional<SigningKey> SigningKey::p256(Bytes x, Bytes y) {
  if (x.size() != kP256Bytes || y.size() != kP256Bytes) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 1 + 2 * kP256Bytes> point{4};  // uncompressed
  std::ranges::copy(x, point.begin() + 1);
  std::ranges::copy(y, point.begin() + 1 + kP256Bytes);
  std::string group = "prime256v1";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  Key key(make_key("EC", parameters));  // OpenSSL checks that the point is on the curve
  return key ? std::optional(SigningKey(SignatureAlgorithm::kEs256, std::move(key))) : std::nullopt;
}

std::optional<SigningKey> SigningKey::ed25519(Bytes x) {
  if (x.size() != kEd25519Bytes) {
    return std::nullopt;
  }
  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x.data(), x.size()));
  return key ? std::optional(SigningKey(SignatureAlgorithm::kEdDsa, std::move(key))) : std::nullopt;
}

bool SigningKey::verify(std::string_view input, std::string_view signature) const {
  const std::string der = algorithm_ == SignatureAlgorithm::kEs256 ? to_der(signature) : "";
  const Bytes proof = as_bytes(algorithm_ == SignatureAlgorithm::kEs256 ? der : signature);
  const EVP_MD* digest = algorithm_ == SignatureAlgorithm::kEdDsa ? nullptr : EVP_sha256();
  const DigestContext context(EVP_MD_CTX_new());
  const Bytes message = as_bytes(input);
  return context && !proof.empty() &&
         EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), proof.data(), proof.size(), message.data(),
                          message.size()) == 1;
}

base::Expected<KeySet, base::Error> KeySet::parse(std::string_view text) {
  json::error_code error;
  const json::value value =
      text.size() > kMaxText ? json::value() : json::parse(json_view(text), error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* keys = object == nullptr ? nullptr : object->if_contains("keys");
  if (keys == nullptr || !keys->is_array()) {
    return base::fail("not a JSON Web Key Set");
  }
  KeySet set;
  for (const json::value& element : keys->get_array()) {
    const json::object* member = element.if_object();
    const std::string_view use = member == nullptr ? "enc" : text_member(*member, "use");
    if (set.entries_.size() == kMaxKeys || (!use.empty() && use != "sig")) {
      continue;
    }
    auto key = read_key(*member);
    const std::string_view algorithm = text_member(*member, "alg");
    if (key && (algorithm.empty() || algorithm == name_of(key->algorithm()))) {
      set.entries_.push_back({std::string(text_member(*member, "kid")), std::move(*key)});
    }
  }
  if (set.entries_.empty()) {
    return base::fail("a key set without a key for RS256, ES256 or EdDSA");
  }
  return set;
}

const SigningKey* KeySet::find(std::string_view id, SignatureAlgorithm algorithm) const {
  const SigningKey* found = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.key.algorithm() != algorithm || (!id.empty() && entry.id != id)) {
      continue;
    }
    if (found != nullptr) {
      return nullptr;  // which one it is must not be a guess
    }
    found = &entry.key;
  }
  return found;
}

}  // namespace meridian::api
